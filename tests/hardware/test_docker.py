"""The image cannot be built here; that its pieces fit the package can be tested."""

import re
import sys

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomli")


def test_the_image_installs_extras_that_exist_and_files_that_are_there(request):
    root = request.config.rootpath
    text = (root / "docker" / "Dockerfile").read_text(encoding="utf-8")
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = re.search(r'pip install "/src\[([^]]+)]"', text).group(1)
    for major in ("12", "13"):
        for extra in extras.replace("${CUDA_MAJOR}", major).split(","):
            assert extra in project["optional-dependencies"]
        assert any(f"cupy-cuda{major}x" in r for r in project["optional-dependencies"][f"cuda{major}x"])
    for line in re.findall(r"^COPY (.+)$", text, re.MULTILINE):
        for name in line.split()[:-1]:
            assert (root / name).exists(), name
    ignored = (root / "docker" / "Dockerfile.dockerignore").read_text(encoding="utf-8")
    assert "!src/**" in ignored


def test_the_image_and_the_rules_agree_about_torch(request):
    from cloudner.hardware.gpu_rules import LAST_TORCH_WITH_CUDA_12

    text = (request.config.rootpath / "docker" / "Dockerfile").read_text(encoding="utf-8")
    bound = LAST_TORCH_WITH_CUDA_12.partition("<")[2]
    assert f'"torch>=2.8,<{bound}"' in text
    assert f'"torch>={bound}"' in text

"""The image cannot be built here; that its pieces fit the package and each other can be tested."""

import re
import sys

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from cloudner.hardware.doctor.gpu_rules import LAST_TORCH_WITH_CUDA_12

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomli")

# The first torch on PyPI that is a CUDA 13 build, and the last that is a CUDA 12 one.
LAST_WITH_12, FIRST_WITH_13 = "2.10.0", "2.11.0"


@pytest.fixture(scope="module")
def image(request):
    return (request.config.rootpath / "docker" / "Dockerfile").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def project(request):
    text = (request.config.rootpath / "pyproject.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)["project"]


def requirement(project, name, extra=None):
    listed = project["optional-dependencies"][extra] if extra else project["dependencies"]
    return next(r for r in map(Requirement, listed) if r.name == name)


def torch_of(image, major):
    found = re.search(r'= 12 ]; then torch="([^"]+)"; else torch="([^"]+)"; fi', image)
    return Requirement(found.group(1 if major == 12 else 2))


def test_the_image_installs_extras_that_exist_and_files_that_are_there(request, image, project):
    root = request.config.rootpath
    extras = re.search(r'pip install "/src\[([^]]+)]"', image).group(1)
    for major in ("12", "13"):
        for extra in extras.replace("${CUDA_MAJOR}", major).split(","):
            assert extra in project["optional-dependencies"]
    for line in re.findall(r"^COPY (.+)$", image, re.MULTILINE):
        for name in line.split()[:-1]:
            assert (root / name).exists(), name
    ignored = (root / "docker" / "Dockerfile.dockerignore").read_text(encoding="utf-8")
    assert "!src/**" in ignored


@pytest.mark.parametrize("major", [12, 13])
def test_torch_and_cupy_are_of_one_cuda(image, project, major):
    torch = torch_of(image, major).specifier
    assert (LAST_WITH_12 in torch, FIRST_WITH_13 in torch) == (major == 12, major == 13)
    assert '"cupy-cuda${CUDA_MAJOR}x[ctk]>=14"' in image
    # what the image installs first stays when the package is installed over it
    cupy = requirement(project, f"cupy-cuda{major}x", f"cuda{major}x")
    assert "14.0.0" in cupy.specifier
    assert (LAST_WITH_12 if major == 12 else FIRST_WITH_13) in requirement(project, "torch").specifier


def test_the_rules_say_the_same_about_torch():
    allowed = Requirement(LAST_TORCH_WITH_CUDA_12).specifier
    assert LAST_WITH_12 in allowed
    assert FIRST_WITH_13 not in allowed


def test_the_tested_torch_is_one_that_the_image_may_install(request, image):
    lines = (request.config.rootpath / "constraints.txt").read_text(encoding="utf-8").splitlines()
    tested = {r.name: r.specifier for r in map(Requirement, filter(None, lines))}
    version = str(tested["torch"]).removeprefix("==")
    assert version in torch_of(image, 13).specifier


def test_the_python_of_the_image_is_supported(image, project):
    version = re.search(r"^FROM python:(\d+\.\d+)-slim", image, re.MULTILINE).group(1)
    assert version in SpecifierSet(project["requires-python"])
    assert f"Programming Language :: Python :: {version}" in project["classifiers"]

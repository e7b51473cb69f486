"""Runs programs on the device, each once a test session, and hands their cases to the tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import cloudner
from device import building

TESTS = Path(__file__).resolve().parents[1]
Cases = dict[str, dict[str, Any]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of this takes seconds of compiling or of training, and a compiler."""
    here = [item for item in items if Path(__file__).parent in item.path.parents]
    reason = building.missing()
    for item in here:
        item.add_marker(pytest.mark.slow)
        if reason:
            item.add_marker(pytest.mark.skip(reason=reason))


def run_on_device(program: str, *arguments: str) -> Cases:
    """Cases by their names, of `python -m device.runs.PROGRAM ARGUMENTS` in a process of its own; under "failed" the last
    words of a process that does not end well."""
    paths = [str(TESTS), str(Path(cloudner.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [sys.executable, "-m", f"device.runs.{program}", *arguments],
        env={**os.environ, "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1", "PYTHONPATH": os.pathsep.join(filter(None, paths))},
        capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    if done.returncode:
        pytest.fail(
            f"device.runs.{program} ended with {done.returncode}:\n{done.stderr[-3000:]}", pytrace=False
        )
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"case"')]
    cases = {case.pop("case"): case for case in found}
    if done.returncode:
        cases["failed"] = {"error": f"{program} ended with {done.returncode}:\n{done.stderr[-3000:]}"}
    return cases


@pytest.fixture(scope="session")
def on_device(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., dict[str, Any]]:
    """What a case of a program found: `on_device("training", "settings")["bert"]`. A program runs once, for all test
    workers."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # the workers' common one

    def cases(program: str, *arguments: str) -> Cases:
        path = folder / "-".join(["device", program, *arguments, "cases.json"])
        with building.locked(path.with_suffix(".lock")):
            if not path.exists():
                path.write_text(json.dumps(run_on_device(program, *arguments)))
        return json.loads(path.read_text())

    return cases


def passed(cases: Cases, name: str) -> dict[str, Any]:
    """The case, which did not raise."""
    assert name in cases, cases["failed"]["error"] if "failed" in cases else sorted(cases)
    assert "error" not in cases[name], cases[name]["error"]
    return cases[name]

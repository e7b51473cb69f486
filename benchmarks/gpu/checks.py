"""`pytest -m gpu`: how many pass, and how those that do not end."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.data import ROOT
from benchmarks.gpu.plan import Settings
from benchmarks.peers import NotMeasured

LONGEST = 60  # seconds of one test, where pytest-timeout is installed


def run(settings: Settings, put: Callable[[dict[str, Any]], None]) -> None:
    if importlib.util.find_spec("pytest") is None:
        raise NotMeasured("pytest is not installed")
    report = settings.folder("tests") / "junit.xml"
    report.unlink(missing_ok=True)
    # Only files that have such a test are collected: the others' imports would take longer than the tests.
    files = [p for p in sorted((ROOT / "tests").rglob("test_*.py")) if "mark.gpu" in p.read_text("utf-8")]
    command = [
        sys.executable, "-m", "pytest", "-m", "gpu", "-q", "-p", "no:cacheprovider", "--tb=short",
        "--continue-on-collection-errors", "-o", "junit_family=xunit2", f"--junit-xml={report}", "--durations=8",
        *(["--timeout", str(LONGEST)] if importlib.util.find_spec("pytest_timeout") else []),
        *(str(path.relative_to(ROOT)) for path in files),
    ]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    print(done.stdout)
    put({"exit_code": done.returncode, "tail": done.stdout.splitlines()[-12:], **summary(report)})


def summary(report: Path) -> dict[str, Any]:
    """Counts of a JUnit file, the last lines of each failure and the reasons of what was skipped."""
    if not report.is_file():
        return {}
    made: dict[str, Any] = {"passed": 0, "failed": 0, "skipped": 0, "failures": [], "reasons": {}}
    for case in ET.parse(report).getroot().iter("testcase"):
        name = f"{case.get('classname')}::{case.get('name')}"
        problem = case.find("failure") if case.find("failure") is not None else case.find("error")
        if problem is not None:
            made["failed"] += 1
            lines = (problem.text or problem.get("message") or "").splitlines()
            made["failures"].append({"test": name, "tail": lines[-25:]})
        elif (left := case.find("skipped")) is not None:
            made["skipped"] += 1
            made["reasons"][name] = (left.get("message") or "")[:160]
        else:
            made["passed"] += 1
    return made

"""A part in a process of its own: it may crash, hang or run out of memory, and the others are done all the same."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.data import ROOT
from benchmarks.gpu.plan import Settings
from benchmarks.gpu.record import last_lines, read_json


class Part:
    """A part whose process has started and waits for `go`. `file` is what it has found so far, `errors` its stderr."""

    def __init__(self, name: str, settings: Settings) -> None:
        folder = settings.folder("parts")
        self.name, self.began = name, time.monotonic()
        self.file, self.errors = folder / f"{name}.json", folder / f"{name}.stderr"
        self.output = folder / f"{name}.stdout"
        self.file.unlink(missing_ok=True)
        self.seen: float | None = None
        self.given = folder / f"{name}.settings.json"
        self.given.unlink(missing_ok=True)
        roots = [str(ROOT / "src"), str(ROOT), os.environ.get("PYTHONPATH", "")]
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(filter(None, roots)),
            "PYTHONFAULTHANDLER": "1",
            "PYTHONUNBUFFERED": "1",
            "NO_COLOR": "1",  # and a wide console: tables are read from a file
            "TERM": "dumb",
            "COLUMNS": "160",
            "HF_HUB_OFFLINE": "1",
            "TOKENIZERS_PARALLELISM": "true",
        }
        with open(self.output, "w") as output, open(self.errors, "w") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.gpu.one", name, str(self.given), str(self.file)],
                stdout=output,
                stderr=errors,
                env=environment,
                cwd=ROOT,
                start_new_session=True,  # so that what it starts ends with it
            )

    def go(self, settings: Settings) -> Part:
        """Its turn has come: its seconds count from here."""
        self.began = time.monotonic()
        aside = settings.write(self.given.with_suffix(".part"))
        os.replace(aside, self.given)
        return self

    @property
    def seconds(self) -> float:
        return round(time.monotonic() - self.began, 1)

    def news(self) -> dict[str, Any] | None:
        """What it has written, if that is new."""
        try:
            changed = self.file.stat().st_mtime_ns
        except OSError:
            return None
        if changed == self.seen:
            return None
        self.seen = changed
        return read_json(self.file)

    def wait(self, until: float, tell: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        """Its findings, with `state`: "done", "failed" or "out of time"; the last lines of stderr where not done."""
        return wait_for_all({self.name: self}, until, lambda name, found: tell(found))[self.name]

    def result(self) -> dict[str, Any]:
        """Of a part that is to be over: ended where it is not."""
        state = "out of time" if self.process.poll() is None else "done"
        if state == "out of time":
            self.end()
        elif self.process.returncode:
            state = "failed"
        made = {**(read_json(self.file) or {}), "state": state, "seconds": self.seconds}
        if state != "done":
            made["exit_code"] = self.process.returncode
            made["error_tail"] = last_lines(self.errors)
        return made

    def end(self) -> None:
        """First so that each Python of the group writes where it stands, then for good."""
        for number, patience in ((signal.SIGABRT, 3), (signal.SIGKILL, 10)):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)
            try:
                self.process.wait(patience)
            except subprocess.TimeoutExpired:
                continue

    def log(self) -> str:
        parts = []
        for title, path in (("stdout", self.output), ("stderr", self.errors)):
            text = _text(path)
            if text.strip():
                parts.append(f"-- {self.name} {title} --\n{text[-60_000:]}\n")
        return "".join(parts)


def wait_for_all(
    parts: dict[str, Part], until: float, tell: Callable[[str, dict[str, Any]], None]
) -> dict[str, dict[str, Any]]:
    """The result of each, in the order in which they end; `tell` hears by name what one has found so far."""
    made: dict[str, dict[str, Any]] = {}
    try:
        while len(made) < len(parts):
            time.sleep(0.1)
            late = time.monotonic() >= until
            for name, part in parts.items():
                if name in made:
                    continue
                if late or part.process.poll() is not None:
                    made[name] = part.result()
                    tell(name, made[name])
                elif found := part.news():
                    tell(name, {**found, "state": "running", "seconds": part.seconds})
    except BaseException:  # who stops the run stops its parts
        for part in parts.values():
            part.end()
        raise
    return made


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""

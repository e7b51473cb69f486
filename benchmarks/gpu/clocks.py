"""`spacy cloudner train` with clocks around its parts: `python -m benchmarks.gpu.clocks SECONDS.json train CONFIG ...`.

The command is the one that a user types; functions of spaCy and cloudner are wrapped, each counted where it is the
outermost. Work on the GPU that an update leaves running is waited for before an evaluation and counted as steps.
The file is written at each evaluation and at the end.
"""

from __future__ import annotations

import functools
import importlib
import os
import runpy
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.gpu.record import write_atomically

STARTED = "BENCHMARK_STARTED"  # time.time() when the command was started
MOST = 20_000  # updates whose seconds are kept


class Clocks:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.seconds: dict[str, float] = {}
        self.calls: dict[str, int] = {}
        self.steps: list[float] = []
        self.inside = ""
        self.origin = float(os.environ.get(STARTED, time.time()))

    def add(self, label: str, seconds: float) -> None:
        self.seconds[label] = self.seconds.get(label, 0.0) + seconds
        self.calls[label] = self.calls.get(label, 0) + 1

    def wrap(
        self,
        owner: Any,
        name: str,
        label: str,
        *,
        before: Callable[[], None] | None = None,
        after: bool = False,
    ) -> None:
        function = getattr(owner, name)

        @functools.wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            if self.inside:
                return function(*args, **kwargs)
            if before:
                before()
            self.inside, began = label, time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                self.inside = ""
                taken = time.perf_counter() - began
                self.add(label, taken)
                if label == "steps" and len(self.steps) < MOST:
                    self.steps.append(taken)
                if after:
                    self.write()

        setattr(owner, name, timed)

    def finish_steps(self) -> None:
        torch = sys.modules.get("torch")
        if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized():
            began = time.perf_counter()
            torch.cuda.synchronize()
            self.add("steps, waited for", time.perf_counter() - began)

    def write(self) -> None:
        made: dict[str, Any] = {
            "seconds": {k: round(v, 3) for k, v in self.seconds.items()},
            "calls": self.calls,
            "since_start": round(time.time() - self.origin, 3),
        }
        updates = self.steps[0::2]  # `update` and `finish_update` come in turn
        both = [a + b for a, b in zip(updates, self.steps[1::2], strict=False)]
        if both:
            made["step_ms"] = {
                "median": round(1e3 * statistics.median(both), 3),
                "of_it_update": round(1e3 * statistics.median(updates), 3),
                "first": round(1e3 * both[0], 1),
                "slowest": [round(1e3 * s, 1) for s in sorted(both)[-5:]],
            }
        write_atomically(self.path, made)


def install(clocks: Clocks) -> None:
    from spacy.language import Language

    import cloudner.training.ending
    import cloudner.training.run
    from cloudner.component import Cloudner

    began = time.perf_counter()
    clocks.wrap(cloudner.training.run, "resolve", "resolve")
    clocks.wrap(cloudner.training.ending, "_calibrate", "calibration", after=True)
    clocks.wrap(importlib.import_module("spacy.training.initialize"), "init_nlp", "init", after=True)
    clocks.wrap(Cloudner, "update", "steps")
    clocks.wrap(Cloudner, "finish_update", "steps")
    clocks.wrap(Language, "evaluate", "evaluation", before=clocks.finish_steps, after=True)
    clocks.wrap(Language, "to_disk", "saving")
    clocks.wrap(importlib.import_module("shutil"), "copytree", "saving")
    clocks.add("importing what is timed", time.perf_counter() - began)


def main(path: str, arguments: list[str]) -> None:
    clocks = Clocks(Path(path))
    clocks.add("start of Python", time.time() - clocks.origin)
    began = time.perf_counter()
    import spacy.cli  # noqa: F401

    clocks.add("import", time.perf_counter() - began)
    install(clocks)
    sys.argv = ["spacy", "cloudner", *arguments]
    try:
        runpy.run_module("spacy", run_name="__main__", alter_sys=True)
    finally:
        clocks.write()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])

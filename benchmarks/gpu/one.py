"""One part in this process: `python -m benchmarks.gpu.one PART SETTINGS.json RESULT.json`. Started by the run."""

from __future__ import annotations

import importlib
import os
import sys
from functools import partial
from pathlib import Path

from benchmarks.gpu.plan import Settings
from benchmarks.gpu.record import write_atomically
from benchmarks.peers import NotMeasured

MODULES = {
    "prepare": "prepare",
    "tests": "checks",
    "job": "job",
    "whole": "whole",
    "train": "beside",
    "predict": "beside",
    "memory": "peaks",
    "long": "long",
    "profile": "launches",
}


def main(part: str, settings: str, result: str) -> None:
    """A part has `run(settings, put)`, or a function of its own name; `put` replaces what it has found so far."""
    module = importlib.import_module(f"benchmarks.gpu.{MODULES[part]}")
    work = getattr(module, part, None) or module.run
    put = partial(write_atomically, Path(result))
    try:
        work(Settings.read(Path(settings)), put)
    except NotMeasured as reason:
        put({"not_measured": str(reason)})


if __name__ == "__main__":
    main(*sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # the result is written; what libraries do at exit cannot spoil it

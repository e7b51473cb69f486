"""One part in this process: `python -m benchmarks.gpu.one PART SETTINGS.json RESULT.json`. Started by the run.

All parts start at once, since a rented machine may need twenty seconds to import what they need, and wait for their
settings, which the run writes when their turn has come. Waiting takes neither the GPU nor a core.
"""

from __future__ import annotations

import importlib
import os
import sys
import time
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

STARTERS = ("prepare", "tests", "job", "whole")  # the work is done by processes that they start
IMPORTED = ("torch", "transformers", "spacy", "cloudner.model.network.encoder", "cloudner.training")


def wait_for(settings: Path) -> None:
    """Until the file is there; ends this process where the run that would write it has ended."""
    parent = os.getppid()
    while not settings.is_file():
        if os.getppid() != parent:
            os._exit(1)
        time.sleep(0.02)


def main(part: str, settings: str, result: str) -> None:
    """A part has `run(settings, put)`, or a function of its own name; `put` replaces what it has found so far."""
    if part not in STARTERS:
        for name in IMPORTED:
            importlib.import_module(name)
    wait_for(Path(settings))
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

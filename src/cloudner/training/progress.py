"""Where a training is: written into checkpoints, and taken up from one."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloudner.training.batches import Batches
from cloudner.training.best import due_best, store_best
from cloudner.training.checkpoints import Checkpoints, Saved
from cloudner.training.state import collect, restore, restore_random

if TYPE_CHECKING:
    from cloudner.model.ranks.group import Ranks


@dataclass
class Progress:
    """Where a training is. step: the last one taken; results: (score, step) of the evaluations; losses: since the last
    of them; seconds: of the runs before this one."""

    step: int = -1
    results: list[tuple[float, int]] = field(default_factory=list)
    losses: dict[str, float] = field(default_factory=dict)
    words: int = 0
    seconds: float = 0.0


@dataclass
class Saving:
    """Where checkpoints go and how often: every `minutes`, or every `steps` where that is not 0."""

    checkpoints: Checkpoints
    asked: dict[str, Any]
    minutes: float = 10.0
    steps: int = 0


def checkpoint(
    nlp: Any,
    optimizer: Any,
    device: str,
    batches: Batches,
    progress: Progress,
    saving: Saving,
    log_step: Any,
    output: Path,
    ranks: Ranks | None = None,
) -> None:
    """Write one; with several processes all take part, and the first writes. output: where model-best is."""
    if ranks is None:
        tensors, facts = collect(nlp, optimizer, device)
    else:
        from cloudner.training.ranks.state import collect_all

        collected = collect_all(nlp, optimizer, device, ranks)
        if collected is None:
            return
        tensors, facts = collected
    loop = {
        "facts": facts,
        "position": batches.position(),
        "progress": {
            "step": progress.step,
            "results": list(progress.results),
            "losses": {name: float(value) for name, value in progress.losses.items()},
            "words": progress.words,
            "seconds": progress.seconds,
        },
        "logger": _logger_state(log_step),
    }
    kept = saving.checkpoints
    kept.wait()
    best = due_best(kept, output, progress.results)
    store = None if best is None else lambda: store_best(kept, best)
    kept.write(progress.step, tensors, loop, saving.asked, store)


def resume(nlp: Any, optimizer: Any, device: str, batches: Batches, saved: Saved) -> Progress:
    """Restore everything that the checkpoint holds; the random numbers are set when the data is where it was."""
    known = saved.loop["progress"]
    progress = Progress(
        step=known["step"],
        results=[(score, step) for score, step in known["results"]],
        losses=dict(known["losses"]),
        words=known["words"],
        seconds=known["seconds"],
    )
    restore(nlp, optimizer, device, saved.tensors, saved.loop["facts"], progress.step + 1)
    batches.go_to(saved.loop["position"], lambda: restore_random(saved.tensors, saved.loop["facts"], device))
    return progress


def due_after(saving: Saving | None) -> Callable[[int], bool]:
    """Is a checkpoint due after this step?"""
    last = time.monotonic()

    def due(step: int) -> bool:
        nonlocal last
        if saving is None:
            return False
        if saving.steps:
            return (step + 1) % saving.steps == 0
        if time.monotonic() - last < 60 * saving.minutes:
            return False
        last = time.monotonic()
        return True

    return due


# Our console keeps a clock, the best score and a log file; other loggers start over.


def _logger_state(log_step: Any) -> dict[str, Any] | None:
    state = getattr(getattr(log_step, "__self__", None), "state", None)
    return state() if state is not None else None


def tell_logger(log_step: Any, saved: Saved) -> None:
    """Let it go on with its clock and its file."""
    resume = getattr(getattr(log_step, "__self__", None), "resume", None)
    if resume is not None and saved.loop.get("logger") is not None:
        resume(saved.loop["logger"])

"""What a training that was interrupted with Ctrl-C has left."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloudner.errors import CloudnerError
from cloudner.json_files import object_of
from cloudner.report.loggers.progress import entity_score

if TYPE_CHECKING:
    from cloudner.training.checkpoint_options import CheckpointOptions
    from cloudner.training.checkpoints import Checkpoints, Saved


def usable(
    config: Path,
    output: Path,
    overrides: dict[str, Any],
    encoder: str | None,
    options: CheckpointOptions,
    started: float,
    update: bool = False,
) -> Iterator[str]:
    """Lines for the console: the best pipeline with its score, and where the same command goes on.

    started: seconds since the epoch; a pipeline from before is an earlier training's, where this one did not go on from an
    evaluation of its own. update: with --base, whose config is made from this one: what stands there is taken to be its own, as
    a training that begins anew deletes all others.
    """
    from cloudner.training.checkpoints import Checkpoints

    best = output / "model-best"
    score, kept = _score(best), Checkpoints(options.where or output / "checkpoints", options.keep)
    saved = kept.newest() if update else _newest(kept, config, overrides, encoder)
    if score is None:
        yield "Interrupted. No pipeline is usable: the first evaluation was not over."
    elif not (saved and saved.loop["progress"]["results"]) and (best / "meta.json").stat().st_mtime < started:
        yield f"Interrupted. {best} is an earlier training's: this one's first evaluation was not over."
    else:
        f1, load = score, f'cloudner.load("{best}")'
        yield f"Interrupted. {best} is usable, with the best dev F1 so far, {100 * f1:.2f}: nlp = {load}"
    if saved is None:
        yield "No checkpoint to go on from: the same command begins anew (--checkpoint-minutes says how often one is written)."
    else:
        again = "" if options.resume == "auto" else " with --resume auto"
        yield f"The same command{again} goes on from the checkpoint of step {saved.step + 1:,}, in {kept.where}."


def _score(folder: Path) -> float | None:
    """F1 on dev of the pipeline in this folder, None where there is none."""
    try:
        meta = object_of(folder / "meta.json")
    except (OSError, ValueError):
        return None
    return float(entity_score(meta.get("performance", {})) or 0.0)


def _newest(kept: Checkpoints, config: Path, overrides: dict[str, Any], encoder: str | None) -> Saved | None:
    """The checkpoint that the same command goes on from, if any."""
    from cloudner.training.resolution import read_asked
    from cloudner.training.resume import find

    try:
        return find("auto", kept, read_asked(config, overrides, encoder))
    except (CloudnerError, OSError):
        return None

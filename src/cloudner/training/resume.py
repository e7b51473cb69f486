"""Which checkpoint a training goes on from, if any."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from cloudner.errors import InputError
from cloudner.training.asked import differences
from cloudner.training.checkpoints import Checkpoints, Saved, open_checkpoint
from cloudner.training.resolution import Resolution

logger = logging.getLogger("cloudner")


@dataclass
class Begun:
    """What is known before the loop: what was asked for, as JSON; the settings; the checkpoint to go on from."""

    asked: dict[str, Any]
    made: Resolution
    resumed: Saved | None


def kept_settings(made: Resolution) -> dict[str, Any]:
    """The settings that `resolve_again` takes up, as JSON."""
    rows = [[name, value, why] for name, value, why in made.rows if name != "resume"]
    return {
        "config": made.config.to_str(interpolate=False),
        "device": made.device,
        "rows": rows,
        "settings": made.settings,
    }


def find(resume: str, kept: Checkpoints, asked: dict[str, Any]) -> Saved | None:
    """The checkpoint to go on from. resume: as `CheckpointOptions` has it. Raises InputError where one that is named is
    not whole, or is of a training that was asked for something else."""
    if resume == "never":
        return None
    saved = kept.newest() if resume == "auto" else open_checkpoint(resume)
    if saved is None:
        return None
    saved.loop["resolved"] = saved.asked["resolved"]
    changed = differences(asked, saved.asked)
    if not changed:
        return saved
    words = f"{', '.join(changed)} changed since the checkpoint of step {saved.step + 1:,}"
    if resume != "auto":
        raise InputError(words, file=resume, fix="--resume never, or the command as it was")
    logger.warning("The training begins anew: %s.", words)
    return None


def tell_ranks(saved: Saved, ranks: int) -> None:
    """Warns where the checkpoint is of another number of processes."""
    before = len(saved.loop["facts"].get("ranks") or [{}])
    if before != ranks:
        logger.warning(
            "The checkpoint is of %d process(es), this training has %d: the result is not bit for bit what it would have "
            "been.",
            before,
            ranks,
        )

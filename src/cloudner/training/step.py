"""One step of the loop: the updates of a batch, then the optimizer's step."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cloudner.model.ranks.group import Ranks


def take_step(
    nlp: Any,
    settings: Any,
    optimizer: Any,
    batch: list[Any],
    dropout: float,
    losses: dict[str, float],
    ranks: Ranks | None = None,
) -> None:
    """What spaCy's loop does with a batch; with several processes each updates with its part of it."""
    from spacy.training.loop import subdivide_batch

    exclude = settings["frozen_components"]
    parts = list(subdivide_batch(batch, settings["accumulate_gradient"]))

    alone = _alone(nlp, settings)

    def update(part: list[Any]) -> None:
        if alone is not None:
            alone.update(part, drop=dropout, losses=losses)
            return
        nlp.update(
            part,
            drop=dropout,
            losses=losses,
            sgd=False,
            exclude=exclude,
            annotates=settings["annotating_components"],
        )

    if ranks is None:
        for part in parts:
            update(part)
    else:
        _update_together(parts, update, losses, ranks)
    for name, pipe in trained(nlp):
        if name not in exclude:
            pipe.finish_update(optimizer)


def _alone(nlp: Any, settings: Any) -> Any:
    """The component that learns, where it is the only one that an update reaches and only reads its documents; else None.
    `nlp.update` copies every document first, which for long ones takes a GPU's step a third longer."""
    exclude = settings["frozen_components"]
    updated = [pipe for name, pipe in nlp.pipeline if name not in exclude and hasattr(pipe, "update")]
    if len(updated) != 1 or settings["annotating_components"] or not getattr(updated[0], "only_reads", False):
        return None
    return updated[0]


def _update_together(parts: list[list[Any]], update: Any, losses: dict[str, float], ranks: Ranks) -> None:
    """Each process its part; then all hear of all. One that fails tells the others before it raises."""
    from cloudner.training.ranks.share import mine

    ranks.begin(len(parts), losses)
    try:
        for part in parts:
            if own := mine(part, ranks.rank, ranks.size):
                update(own)
            ranks.part += 1
    except Exception:
        ranks.exchange(failed=True)
        raise
    ranks.exchange()


def trained(nlp: Any) -> list[tuple[str, Any]]:
    """(name, component) of those that take steps, frozen ones among them."""
    return [
        (name, pipe)
        for name, pipe in nlp.pipeline
        if getattr(pipe, "is_trainable", False) and pipe.model not in (True, False, None)
    ]


def batch_sum(batch: list[Any]) -> int:
    """A checksum of the texts, by which processes see whether they have the same batch."""
    return zlib.crc32("\0".join(eg.reference.text for eg in batch).encode("utf-8", "replace"))

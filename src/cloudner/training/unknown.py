"""How much of the training data the encoder's vocabulary has."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cloudner.encoders.unknown import unknown_note

if TYPE_CHECKING:
    from spacy.training import Example

    from cloudner.pieces.tokenizer import PieceTokenizer

logger = logging.getLogger("cloudner")

_SAMPLE = 1000  # documents looked at


def unknown_share(tokenizer: PieceTokenizer, examples: Sequence[Example]) -> float:
    """Share of the unknown piece among the word pieces of the first thousand documents; 0.0 where there are none."""
    pieces = tokenizer.encode([eg.reference for eg in examples[:_SAMPLE]])
    total = sum(len(p.ids) for p in pieces)
    return sum(int((p.ids == tokenizer.special["unk"]).sum()) for p in pieces) / max(1, total)


def tell_unknown(tokenizer: PieceTokenizer, examples: Sequence[Example], encoder: str) -> None:
    """Warns where a language is not the encoder's."""
    note = unknown_note(unknown_share(tokenizer, examples), encoder)
    if note is not None:
        logger.warning("%s", note)

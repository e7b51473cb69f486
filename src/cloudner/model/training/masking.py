"""Words hidden in training: what stands there is to be told by what stands around it.

Each time a document is learnt from, other words give way to the encoder's mask (word dropout; Iyyer et al., 2015), with their
labels kept and, where the encoder is told how words are written, their case too. Names that the training data does not have
are then met by a network that has learnt to look at their surroundings.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cloudner.pieces.tokenizer import Pieces


def masked(pieces: Sequence[Pieces], rate: float, mask: int, random: Any = np.random) -> list[Pieces]:
    """The documents with all pieces of a word, at this rate, replaced by the id `mask`. random: draws by `random_sample`."""
    made = []
    for one in pieces:
        hidden = np.repeat(random.random_sample(len(one.counts)) < rate, one.counts)
        ids = np.where(hidden, np.int32(mask), one.ids) if hidden.any() else one.ids
        made.append(Pieces(ids=ids, counts=one.counts, cases=one.cases))
    return made

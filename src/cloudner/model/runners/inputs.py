"""What a runner is given to learn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from spacy.tokens import Doc


@dataclass(slots=True)
class Gold:
    """What to learn from: predicted docs, the tags of their non-space tokens one after another (-1: missing), the
    references under which their pieces are kept, and the dropout rate before the head."""

    docs: Sequence[Doc]
    tags: np.ndarray
    keys: Sequence[Doc]
    drop: float = 0.0

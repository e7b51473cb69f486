"""Documents of dev that are trained on."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spacy.training import Example

logger = logging.getLogger("cloudner")

_LONG = 8  # tokens; shorter texts are the same by chance
_TOLD = 0.05  # share of dev


def tell_shared(train: Iterable[Example], dev: Iterable[Example]) -> None:
    """Warns where many of the dev documents have the text of a training document: their score says little of others."""
    texts = {hash(eg.reference.text) for eg in train if len(eg.reference) >= _LONG}
    documents = [eg.reference for eg in dev]
    shared = sum(len(doc) >= _LONG and hash(doc.text) in texts for doc in documents)
    if shared and shared >= _TOLD * len(documents):
        logger.warning(
            "%s of the %s dev documents are in the training data too, word for word: their F1 says little of texts that the "
            "pipeline has not met. `cloudner inspect TRAIN DEV` lists them.",
            f"{shared:,}",
            f"{len(documents):,}",
        )

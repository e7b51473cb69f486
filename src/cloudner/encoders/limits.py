"""The longest sequence that an encoder can read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DEFAULT_WINDOW = 512  # word pieces per sequence where neither the config nor the encoder says otherwise
SPECIAL_PIECES = 2  # [CLS] and [SEP], or <s> and </s>
# Families whose position table starts after the padding index, as RoBERTa's does: a table of 514 rows with the padding
# index 1 has places for 512 word pieces.
_AFTER_PADDING = {
    "camembert", "data2vec-text", "ernie_m", "esm", "ibert", "longformer", "luke", "markuplm", "mpnet", "roberta",
    "roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl", "xmod",
}  # fmt: skip
_PADDING = {"markuplm": 0}  # of a config.json that does not say; 1 for the others
_FIXED = {"ernie_m", "mpnet"}  # whose code takes 1, whatever the config says


def longest_input(config: Any) -> int:
    """The longest sequence in word pieces, special ones included, of a transformers configuration or of the contents
    of a config.json. Models with relative positions only get the length they were pretrained at."""

    def get(key: str, default: Any = None) -> Any:
        return config.get(key, default) if isinstance(config, Mapping) else getattr(config, key, default)

    positions = next((n for key in ("max_position_embeddings", "n_positions") if (n := get(key))), None)
    if not isinstance(positions, int) or positions <= 0:
        return DEFAULT_WINDOW
    family = get("model_type")
    if family in _AFTER_PADDING:
        padding = 1 if family in _FIXED else get("pad_token_id", _PADDING.get(family, 1)) or 0
        positions -= padding + 1
    return positions


def window_for(longest: int | None, asked: int | None = None) -> int:
    """The longest sequence in word pieces that training makes: as asked, else 512, and no more than the encoder can
    read (None: not known)."""
    window = asked or DEFAULT_WINDOW
    return window if longest is None else min(window, longest)

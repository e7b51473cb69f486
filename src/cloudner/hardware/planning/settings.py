"""Settings for training and prediction on one device, and why each is what it is."""

from __future__ import annotations

import warnings
from dataclasses import asdict, dataclass, field
from typing import Any

_OF_CONFIG = ("mixed_precision", "batch_pieces", "predict_pieces", "gradient_checkpointing")
_EARLIER = {"precision": "mixed_precision", "predict_batch_pieces": "predict_pieces"}


@dataclass(frozen=True)
class Settings:
    """Settings for training and prediction by their names in a config, each with a sentence in `reasons`.

    `batch_pieces`, `predict_pieces`: most padded word pieces computed at once. `accumulation`: micro-batches that an
    update of the longest documents takes. `peak_bytes` is what the formula predicts for the longest rows,
    `free_bytes` what there is; `fits` is whether the first stays below.
    """

    device: str
    mixed_precision: str
    batch_pieces: int
    gradient_checkpointing: bool
    predict_pieces: int
    accumulation: int
    threads: int
    fits: bool = True
    peak_bytes: int = 0
    free_bytes: int = 0
    reasons: dict[str, str] = field(default_factory=dict)

    def for_config(self) -> dict[str, Any]:
        """What belongs into the model's block of a config."""
        return {name: getattr(self, name) for name in _OF_CONFIG}

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; `precision`, `predict_batch_pieces` and `compile` are earlier names."""
        values = asdict(self)
        return {**values, **{old: values[new] for old, new in _EARLIER.items()}, "compile": False}

    @property
    def precision(self) -> str:
        """Deprecated: `mixed_precision`."""
        _deprecated("precision", "mixed_precision")
        return self.mixed_precision

    @property
    def predict_batch_pieces(self) -> int:
        """Deprecated: `predict_pieces`."""
        _deprecated("predict_batch_pieces", "predict_pieces")
        return self.predict_pieces

    @property
    def compile(self) -> bool:
        """Deprecated: no machine is recommended to compile, since rows of many lengths would be compiled again and
        again."""
        warnings.warn("Settings.compile is always False", DeprecationWarning, stacklevel=2)
        return False


def _deprecated(old: str, new: str) -> None:
    warnings.warn(f"Settings.{old} is now Settings.{new}", DeprecationWarning, stacklevel=3)

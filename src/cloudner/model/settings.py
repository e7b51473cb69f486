"""The settings of `cloudner.TransformerNER.v1` that its runner reads, and which of them go together."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cloudner.encoders.limits import SPECIAL_PIECES
from cloudner.errors import ConfigError
from cloudner.model.training.class_weights import ClassWeights
from cloudner.model.training.fast_paths import check_fast
from cloudner.pieces.windows import UNITS


@dataclass(slots=True)
class Settings:
    """How an encoder is run; see `cloudner.TransformerNER.v1` for each."""

    encoder: str
    window: int | None = None
    context: int = 64
    pooling: str = "first"
    head: str = "softmax"
    case_features: str | bool = "auto"
    dropout: float | None = None
    attention_dropout: float | None = None
    freeze_layers: int = 0
    freeze_embeddings: bool = False
    gradient_checkpointing: bool = False
    batch_pieces: int | None = None
    predict_pieces: int | None = None
    label_smoothing: float = 0.0
    class_weights: str | dict[str, float] | None = None
    r_drop: float = 0.0
    fgm: float = 0.0
    swap_entities: float = 0.0
    mask_words: float = 0.0
    window_unit: str = "document"
    compile: bool = False
    fast: str | list[str] = "auto"

    def __post_init__(self) -> None:
        check_settings(self)


def check_settings(settings: Settings) -> None:
    """Raises ConfigError for values that cannot be meant, and for settings that do not go together."""
    for name in ("r_drop", "fgm"):
        value = getattr(settings, name)
        if not (math.isfinite(value) and value >= 0):
            raise ConfigError(f"{name} = {value}", expected="0 (off) or more")
    if settings.window is not None and settings.window <= SPECIAL_PIECES:
        raise ConfigError(
            f"window = {settings.window}",
            expected=f"{SPECIAL_PIECES + 1} word pieces or more, two of them special",
        )
    if settings.context < 0:
        raise ConfigError(f"context = {settings.context}", expected="0 (none) or more word pieces")
    if settings.case_features not in ("auto", True, False):
        raise ConfigError(f"case_features = {settings.case_features!r}", expected='"auto", true or false')
    for name in ("swap_entities", "mask_words"):
        if not 0 <= getattr(settings, name) <= 1:
            raise ConfigError(f"{name} = {getattr(settings, name)}", expected="a share from 0 (off) to 1")
    if settings.swap_entities and settings.window_unit == "sentence":
        raise ConfigError(
            f'swap_entities = {settings.swap_entities} with window_unit = "sentence"',
            expected="one of them at a time: sentence boundaries would no longer be where they are",
        )
    if settings.window_unit not in UNITS:
        raise ConfigError(f"window_unit = {settings.window_unit!r}", expected=" or ".join(UNITS))
    if settings.r_drop and settings.fgm:
        raise ConfigError(
            f"r_drop = {settings.r_drop} and fgm = {settings.fgm}", expected="one of them at a time"
        )
    if (
        settings.fgm and settings.compile
    ):  # a compiled encoder does not see the hook that moves its embeddings
        raise ConfigError(f"fgm = {settings.fgm} with compile = true", expected="one of them at a time")
    if settings.r_drop and settings.head == "crf":
        raise ConfigError(
            f'r_drop = {settings.r_drop} with head = "crf", which has no distribution for a single token',
            expected='r_drop = 0, or head = "softmax"',
        )
    check_fast(settings.fast)
    ClassWeights(settings.class_weights).check_head(settings.head)


def check_smoothing(head: str, label_smoothing: float) -> None:
    """Raises ConfigError for a new training with a rate that is no share, or that a CRF's loss does not know. Not in
    `check_settings`: pipelines were saved with it."""
    if not 0 <= label_smoothing < 1:
        raise ConfigError(f"label_smoothing = {label_smoothing}", expected="0 (off) or more and below 1")
    if label_smoothing and head == "crf":
        raise ConfigError(
            f'label_smoothing = {label_smoothing} with head = "crf", whose target is one path',
            expected='label_smoothing = 0, or head = "softmax"',
        )

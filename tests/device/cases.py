"""Which settings and which encoder families are tried on the device."""

from __future__ import annotations

from typing import Any

from tiny import FAMILIES

SETTINGS: list[dict[str, Any]] = [
    {},
    {"mixed_precision": "fp16"},
    {"mixed_precision": "fp32"},
    {"pooling": "mean"},
    {"pooling": "max"},
    {"head": "crf"},
    {"head": "crf", "mixed_precision": "fp16"},
    {"r_drop": 0.5},
    {"fgm": 0.5},
    {"fgm": 0.5, "mixed_precision": "fp16"},
    {"gradient_checkpointing": True},
    {"case_features": True},
    {"class_weights": "balanced"},
    {"class_weights": {"O": 0.5}},
    {"label_smoothing": 0.1},
    {"freeze_layers": 1},
    {"window_unit": "sentence"},
    {"tag_scheme": "BILUO"},
    {"dropout": 0.1},
    {"batch_pieces": 20},
    {"window": 16, "context": 4},
]
# Of these the results on the device are compared with the CPU's: what computes otherwise there than a plain BERT.
EQUAL: list[dict[str, Any]] = [
    {"pooling": "mean"},
    {"pooling": "max"},
    {"head": "crf"},
    {"r_drop": 0.5},
    {"fgm": 0.5},
    {"gradient_checkpointing": True},
    {"case_features": True},
    {"class_weights": "balanced"},
    {"batch_pieces": 20},
    {"window": 16, "context": 4},
]


def by_setting() -> list[tuple[str, dict[str, Any]]]:
    """Each setting with a BERT."""
    return [("bert", settings) for settings in SETTINGS]


def by_family() -> list[tuple[str, dict[str, Any]]]:
    """Each other family in both half precisions."""
    return [
        (family, {"mixed_precision": half, "dropout": 0.1})
        for half in ("bf16", "fp16")
        for family in FAMILIES
        if family != "bert"
    ]


def name(family: str, settings: dict[str, Any]) -> str:
    """Of a case."""
    return " ".join([family, *(f"{key}={value}" for key, value in settings.items())])

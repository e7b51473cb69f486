"""Overrides of a training config, by dotted names: those that spaCy would ignore silently."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from cloudner.errors import ConfigError


def check_overrides(overrides: dict[str, Any]) -> None:
    """Raises ConfigError for a setting of [training] or [nlp] that does not exist, which spaCy would ignore
    silently, and for text where a number belongs."""
    from spacy.language import DEFAULT_CONFIG

    for name, value in overrides.items():
        section, _, key = name.partition(".")
        if section not in ("training", "nlp") or "." in key:
            continue
        known = DEFAULT_CONFIG[section]
        if key not in known:
            close = get_close_matches(key, known, n=1)
            raise ConfigError(
                f"--{name}: there is no such setting",
                expected=f"one of {', '.join(known)}",
                fix=f"--{section}.{close[0]} {value}" if close else None,
            )
        if isinstance(known[key], int) and isinstance(value, str):
            raise ConfigError(f"--{name} {value}", expected="a number", fix=f"--{name} {known[key]}")

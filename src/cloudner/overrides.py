"""Settings of a training config that spaCy would ignore silently, or take and fail on later without naming them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from cloudner.corpus.soundness import is_unicode
from cloudner.errors import ConfigError

# What a config's parser leaves as a text, since JSON has no such number.
_NO_NUMBER = re.compile(r"[+-]?(?:inf|infinity|nan|\d{309,})", re.IGNORECASE)


def read_config(
    path: str | Path, overrides: Mapping[str, Any] | None = None, interpolate: bool = False
) -> Any:
    """A training config as thinc's `Config`. Raises ConfigError for what is none, and as `check_values` does."""
    from spacy.util import load_config

    expected = "a training config with [nlp], [components] and [training]"
    try:
        config = load_config(path, overrides=dict(overrides or {}), interpolate=interpolate)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise ConfigError(f"the config cannot be read: {said}", file=str(path), expected=expected) from error
    for name in ("nlp", "components", "training"):
        if not isinstance(config.get(name), Mapping):
            raise ConfigError(f"no section [{name}]", file=str(path), expected=expected)
    check_values(config)
    return config


def check_values(config: Mapping[str, Any], place: str = "") -> None:
    """Raises ConfigError for a number that is infinite or none, or of more than 64 bits, and for a text that is not Unicode.

    config: sections in sections. The texts of [paths] may be anything but broken.
    """
    for key, value in config.items():
        name = f"{place}.{key}" if place else str(key)
        if isinstance(value, Mapping):
            check_values(value, name)
            continue
        for each in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(each, float) and not math.isfinite(each):
                raise ConfigError(f"{name} = {each}", expected="a finite number")
            if isinstance(each, int) and not -(1 << 63) <= each < 1 << 63:
                raise ConfigError(
                    f"{name}: a number of {each.bit_length()} bits", expected="a number of at most 63"
                )
            if isinstance(each, str):
                if not name.startswith("paths.") and _NO_NUMBER.fullmatch(each):
                    raise ConfigError(f"{name} = {each[:40]}", expected="a finite number")
                if not is_unicode(each):
                    raise ConfigError(f"{name} = {each[:40]!a}", expected="Unicode text")


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

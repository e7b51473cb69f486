"""Which group of spans (`doc.spans`) a config learns, before there is a pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cloudner.errors import ConfigError


def learnt_group(config: Path, overrides: Mapping[str, Any] | None = None) -> str | None:
    """The group that a component of the config learns from, which a conversion of its data must keep; None where all learn
    `doc.ents`. Raises ConfigError for several: a conversion keeps one."""
    from thinc.api import Config

    return learnt_in(Config().from_disk(config, interpolate=False), overrides)


def learnt_in(config: Mapping[str, Any], overrides: Mapping[str, Any] | None = None) -> str | None:
    """The same of a config that is read already."""
    several = sorted(set(_groups(config, overrides or {})))
    if len(several) > 1:
        raise ConfigError(
            f"components that learn doc.spans of the names {', '.join(several)}",
            expected="one group of spans", fix="one spans_key for all of them, or `cloudner train` with .spacy files",
        )  # fmt: skip
    return several[0] if several else None


def span_group(config: Path) -> str | None:
    """The group of the config's first `cloudner_spans`; None where it has no such component."""
    from thinc.api import Config

    read = Config().from_disk(config, interpolate=False)
    own = {
        name: section
        for name, section in read.get("components", {}).items()
        if section.get("factory") == "cloudner_spans"
    }
    return next(iter(_groups({**read, "components": own}, {})), None)


def scored_group(plain: Mapping[str, Any]) -> str | None:
    """The group that a pipeline of this config is scored by, as `cloudner.loading.own_group` says of the pipeline: that of
    `cloudner_spans` where no component writes `doc.ents`. plain: the config, interpolated."""
    own = []
    for name in plain["nlp"]["pipeline"]:
        section = plain["components"].get(name, {})
        factory = section.get("factory")
        if factory == "cloudner_spans":
            own.append(str(section.get("spans_key", "sc")))
        elif factory is not None and _writes_entities(factory):
            return None
    return own[0] if own else None


def _writes_entities(factory: str) -> bool:
    from spacy.language import Language

    nlp = Language()  # the first one imports the factories of other packages
    # One that nobody has is told of when the pipeline is made.
    return nlp.has_factory(factory) and "doc.ents" in nlp.get_factory_meta(factory).assigns


def _groups(config: Mapping[str, Any], overrides: Mapping[str, Any]) -> list[str]:
    found = []
    for name in config.get("nlp", {}).get("pipeline", ()):
        section = config.get("components", {}).get(name, {})
        key = "spans_key" if section.get("factory") == "cloudner_spans" else "gold_spans_key"
        default = "sc" if key == "spans_key" else None
        value = overrides.get(f"components.{name}.{key}", section.get(key, default))
        if value is not None:
            found.append(str(value))
    return found

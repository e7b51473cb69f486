"""The tokenizer that goes with a language."""

from __future__ import annotations

from typing import Any

# Of the languages that spaCy splits by white space and rules.
_GENERAL = {"@tokenizers": "spacy.Tokenizer.v1"}


def take_tokenizer(config: Any, overrides: dict[str, Any]) -> str | None:
    """With a language typed for a config of another one, put that language's own tokenizer in place of the general one,
    which would leave a line of Chinese a single token. Returns its name, or None where nothing was changed: a tokenizer
    that the config has chosen, or that was typed too, stays."""
    from spacy.util import get_lang_class

    typed = overrides.get("nlp.lang")
    if not isinstance(typed, str) or any(key.startswith("nlp.tokenizer") for key in overrides):
        return None
    if dict(config["nlp"].get("tokenizer") or _GENERAL) != _GENERAL:
        return None
    own = get_lang_class(typed).default_config.get("nlp", {}).get("tokenizer", _GENERAL)
    if own == _GENERAL:
        return None
    config["nlp"]["tokenizer"] = dict(own)
    return str(own["@tokenizers"])

"""A language given on the command line: its tokenizer comes with it."""

from __future__ import annotations

from typing import Any

from cloudner.corpus.align.tokenizer import make_tokenizer
from cloudner.errors import ConfigError

_PLAIN = {"@tokenizers": "spacy.Tokenizer.v1"}
# What spaCy's languages have by default; any other name was chosen.
_STOCK = {
    _PLAIN["@tokenizers"], "spacy.ja.JapaneseTokenizer", "spacy.ko.KoreanTokenizer", "spacy.th.ThaiTokenizer",
    "spacy.vi.VietnameseTokenizer", "spacy.zh.ChineseTokenizer",
}  # fmt: skip


def fit_tokenizer(config: Any, overrides: dict[str, Any]) -> tuple[str, str, str] | None:
    """Put the tokenizer of the language that `overrides` names into `config`, where the config's is another language's.

    A tokenizer of one's own stays, and so does one that `overrides` names. Returns the row for the table of settings
    where something changed. Raises ConfigError for an unknown language, and for one whose tokenizer needs a package.
    """
    language = overrides.get("nlp.lang")
    if language is None or any(name.startswith("nlp.tokenizer.") for name in overrides):
        return None
    fits, found = default_tokenizer(str(language)), config["nlp"].get("tokenizer", _PLAIN)
    if found["@tokenizers"] == fits["@tokenizers"] or found["@tokenizers"] not in _STOCK:
        return None
    make_tokenizer(str(language))
    config["nlp"]["tokenizer"] = dict(fits)
    return "nlp.tokenizer", fits["@tokenizers"], f"that of --nlp.lang {language}, not {found['@tokenizers']}"


def follow_encoder(config: Any, encoder: str) -> None:
    """An encoder given on the command line is also the one whose pieces `cloudner.EncoderPieces.v1` makes tokens of."""
    tokenizer = config["nlp"].get("tokenizer", _PLAIN)
    if tokenizer["@tokenizers"] == "cloudner.EncoderPieces.v1":
        tokenizer["encoder"] = encoder


def default_tokenizer(language: str) -> dict[str, Any]:
    """The section [nlp.tokenizer] of `spacy.blank(language)`. Raises ConfigError for an unknown language."""
    from spacy.util import get_lang_class

    try:
        defaults = get_lang_class(language).Defaults.config
    except ImportError as error:
        raise ConfigError(
            f"--nlp.lang {language}: spaCy has no such language",
            expected="a code such as en, de, zh, or xx for many languages",
            fix="--nlp.lang xx",
        ) from error
    return dict(defaults.get("nlp", {}).get("tokenizer", _PLAIN))

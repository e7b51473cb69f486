"""spaCy's tokenizer of a language without the rest of a pipeline.

`spacy.blank` imports every installed component factory, which costs seconds and torch; converting a file needs
the tokenizer and the vocabulary only.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import SimpleNamespace

from spacy.tokens import Doc
from spacy.vocab import Vocab

from cloudner.errors import ConfigError


@functools.lru_cache(maxsize=2)
def shared_tokenizer(lang: str) -> tuple[Vocab, Callable[[str], Doc]]:
    """`make_tokenizer`, once per process: most runs need one language and few new words."""
    return make_tokenizer(lang)


def make_tokenizer(lang: str) -> tuple[Vocab, Callable[[str], Doc]]:
    """The vocabulary and the tokenizer `spacy.blank(lang)` would have. Raises ConfigError for an unknown language
    or one whose tokenizer needs a package that is not installed."""
    from spacy.util import get_lang_class, registry
    from spacy.vocab import create_vocab

    try:
        cls = get_lang_class(lang)
    except ImportError as error:
        raise ConfigError(
            f"spaCy has no language {lang!r}",
            expected="a code such as en, de, zh, or xx for many languages",
            fix="--lang xx",
        ) from error
    config = cls.Defaults.config.get("nlp", {}).get("tokenizer", {"@tokenizers": "spacy.Tokenizer.v1"})
    try:
        vocab = create_vocab(lang, cls.Defaults)
        factory = registry.resolve({"tokenizer": config})["tokenizer"]
        language = SimpleNamespace(vocab=vocab, Defaults=cls.Defaults, lang=lang, config=cls.Defaults.config)
        return vocab, factory(language)
    except ImportError as error:
        raise ConfigError(
            f"spaCy's tokenizer for {lang!r} needs a package that is not installed: {str(error).splitlines()[0]}",
            fix=f"python -m pip install 'spacy[{lang}]', or --lang xx",
        ) from error

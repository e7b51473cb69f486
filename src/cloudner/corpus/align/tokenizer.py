"""spaCy's tokenizer of a language without the rest of a pipeline.

`spacy.blank` imports every installed component factory, which costs seconds and torch; converting a file needs
the tokenizer and the vocabulary only.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from itertools import pairwise
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


# spaCy takes affixes off a word one by one and copies the rest each time: 4,000 brackets without a space are 3 seconds,
# 40,000 are 5 minutes. Long runs of signs are therefore tokenized in parts, which gives the
# same tokens for runs of most signs.
_SIGNS = re.compile(r"(?:[^\w\s]|_){200,}")
_LONG_WORD = re.compile(r"\S{1000,}")
_OPENING = re.compile(r"[\[({<]")
_PART = 64
_TOGETHER = frozenset(".~@-/")  # signs that spaCy may keep together when they repeat


def tokenize(tokenizer: Callable[[str], Doc], text: str) -> Doc:
    """The Doc of a text, in time that grows with its length whatever stands in it."""
    cuts = [cut for run in _SIGNS.finditer(text) for cut in _cuts(text, *run.span())]
    cuts += [cut for word in _LONG_WORD.finditer(text) for cut in _openings(text, *word.span())]
    cuts = sorted(set(cuts))
    if not cuts:
        return tokenizer(text)
    words: list[str] = []
    spaces: list[bool] = []
    vocab: Vocab | None = None
    for first, last in pairwise([0, *cuts, len(text)]):
        part = tokenizer(text[first:last])
        vocab = part.vocab
        words += [token.text for token in part]
        spaces += [bool(token.whitespace_) for token in part]
    assert vocab is not None
    return Doc(vocab, words=words, spaces=spaces)


def _openings(text: str, start: int, end: int) -> list[int]:
    """Places before brackets that open within a word of more than a thousand characters, 256 or more apart."""
    cuts, last = [], start
    for match in _OPENING.finditer(text, start, end):
        if match.start() - last >= 4 * _PART:
            cuts.append(match.start())
            last = match.start()
    return cuts


def _cuts(text: str, start: int, end: int) -> list[int]:
    """Places between two signs of a run that belong to different tokens, `_PART` or more apart."""
    cuts, last = [], start
    for at in range(start + 1, end):
        same = text[at] == text[at - 1]
        if at - last >= (_PART if same else 4 * _PART) and not (same and text[at] in _TOGETHER):
            cuts.append(at)
            last = at
    return cuts

"""One word to its word pieces: the rule by which training, inspection and planning count."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloudner.errors import InputError

# A token of more pieces than this is no word (a data URI, a line of base64): its first pieces stand for it.
MAX_PIECES_PER_TOKEN = 64
# A word of 100,000 characters costs seconds in some tokenizers; what is kept of it needs no more than this.
_MAX_CHARACTERS = MAX_PIECES_PER_TOKEN * 8


class WordEncoder:
    """A tokenizer.json, asked for one word at a time.

    Each token is encoded by itself, so that every token boundary is a boundary of word pieces. Tokenizers that mark a
    preceding space (byte-level BPE, SentencePiece) are asked with or without one: `marks_space`; and `leading_space` says
    whether they put one before the first word of a text, as XLM-R's does and RoBERTa's does not. A token for which
    the tokenizer gives nothing (control characters, a lone zero-width joiner) is one unknown piece; only white space
    has none.
    """

    def __init__(self, json_text: str, unknown: int) -> None:
        """json_text: contents of a tokenizer.json. unknown: id of the unknown piece. Raises what `tokenizers` raises."""
        from tokenizers import Tokenizer

        self.unknown = unknown
        spec = json.loads(json_text)
        # Truncation and padding saved in a tokenizer.json (all-MiniLM cuts at 128) must not cut words.
        spec["truncation"], spec["padding"] = None, None
        after_space, after_word = json.dumps(_with_mark(spec, True)), json.dumps(_with_mark(spec, False))
        self.marks_space = after_space != after_word
        self.leading_space = _leads(spec)
        self._after_space = Tokenizer.from_str(after_space)
        self._after_word = Tokenizer.from_str(after_word) if self.marks_space else self._after_space

    def encode(self, words: Sequence[str], *, spaced: bool = True) -> list[list[int]]:
        """Ids of each word, at most 64. spaced: a space, or nothing, stands before them."""
        tokenizer = self._after_space if spaced else self._after_word
        encode = getattr(tokenizer, "encode_batch_fast", tokenizer.encode_batch)
        cut = [word[:_MAX_CHARACTERS] for word in words]
        return [
            [] if word.isspace() or not word else encoding.ids[:MAX_PIECES_PER_TOKEN] or [self.unknown]
            for word, encoding in zip(words, encode(cut, add_special_tokens=False), strict=True)
        ]

    def n_ids(self) -> int:
        """One more than the largest id, added tokens included."""
        return max(self._after_space.get_vocab(with_added_tokens=True).values(), default=-1) + 1

    def id_of(self, piece: str) -> int:
        """The id of a word piece, -1 where the vocabulary has none such."""
        number = self._after_space.token_to_id(piece)
        return -1 if number is None else int(number)


def after_space(
    spaces: NDArray[np.bool_], blank: NDArray[np.bool_], starts: NDArray[np.int64], *, leading: bool = True
) -> NDArray[np.bool_]:
    """bool (tokens,): does a space stand before the token?

    spaces: bool (tokens,), a space follows. blank: bool (tokens,), the token is white space itself. starts: int64,
    each text's first token, which counts as after a space if `leading`.
    """
    spaced = np.ones(len(spaces), dtype=bool)
    spaced[1:] = spaces[:-1] | blank[:-1]
    spaced[starts] = leading
    return spaced


def read_word_encoder(file: Path) -> WordEncoder:
    """From a tokenizer.json; `unknown` is -1 where its model has no such piece. Raises `InputError` if it is none."""
    try:
        text = file.read_text(encoding="utf-8")
        encoder = WordEncoder(text, -1)
    except Exception as error:  # the library raises bare Exception
        raise InputError(f"not a tokenizer.json: {error}", file=str(file)) from None
    name = json.loads(text).get("model", {}).get("unk_token")
    if isinstance(name, str):
        encoder.unknown = encoder.id_of(name)
    return encoder


def _parts(spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The normalizers and pre-tokenizers of a tokenizer.json, those of sequences too. A part may be changed as it comes."""
    nodes: list[Any] = [spec.get("normalizer"), spec.get("pre_tokenizer")]
    while nodes:
        node = nodes.pop()
        if isinstance(node, list):
            nodes.extend(node)
        elif isinstance(node, dict):
            yield node
            nodes.extend(node.values())


def _leads(spec: dict[str, Any]) -> bool:
    """Does a tokenizer.json put a mark of a preceding space before the first word of a text?"""
    marking = False
    for part in _parts(spec):
        kind = part.get("type")
        if kind == "Metaspace":
            put = part.get("prepend_scheme", "always") != "never" and part.get("add_prefix_space", True)
        elif kind == "ByteLevel" and "add_prefix_space" in part:
            put = bool(part["add_prefix_space"])
        else:
            put = kind == "Prepend"
        if put:
            return True
        marking = marking or kind in ("Metaspace", "ByteLevel")
    return not marking


def _with_mark(spec: dict[str, Any], mark: bool) -> dict[str, Any]:
    """A copy of a tokenizer.json whose mark of a preceding space is always or never put before a word."""
    spec = json.loads(json.dumps(spec))
    for part in _parts(spec):
        kind = part.get("type")
        if kind == "Metaspace":
            part["prepend_scheme"] = "always" if mark else "never"
            part.pop("add_prefix_space", None)
            part["split"] = part.get("split", True)
        elif kind == "ByteLevel" and "add_prefix_space" in part:
            part["add_prefix_space"] = mark
        elif kind == "Prepend" and not mark:  # the Llama family's normalizer
            part["prepend"] = ""
    return spec

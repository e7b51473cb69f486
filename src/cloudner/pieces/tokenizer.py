"""Word pieces of spaCy tokens: one table of words, filled once per word form, read by arrays."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from spacy.attrs import IS_SPACE, ORTH, SPACY
from spacy.tokens import Doc

from cloudner.atomic import write_json, write_text
from cloudner.encoders.words import MAX_PIECES_PER_TOKEN, WordEncoder, after_space
from cloudner.errors import ConfigError
from cloudner.locks import PipelineLock
from cloudner.pieces.words import WordTable

logger = logging.getLogger("cloudner")

# Word forms kept before the table starts anew: about 100 MB with its strings' hashes and pieces.
MAX_WORDS = 400_000
# Case classes of a word, see `case_class`.
N_CASES = 8


@dataclass(frozen=True, slots=True)
class Pieces:
    """The word pieces of one document.

    ids: (pieces,) int32, vocabulary ids without special tokens.
    counts: (tokens,) int32, how many of `ids` each spaCy token has; 0 for white-space tokens and only there.
    cases: (tokens,) int8, `case_class` of each token.
    """

    ids: np.ndarray
    counts: np.ndarray
    cases: np.ndarray

    def __deepcopy__(self, memo: dict) -> Pieces:
        return self  # immutable by convention; Doc.copy would otherwise copy the arrays


def case_class(word: str) -> int:
    """How a word is written, for encoders that do not see case: 0 no letter, 1 lower, 2 Title, 3 UPPER of two
    letters or more, 4 mIxed, 5 a single capital, 6 digits only, 7 letters and digits."""
    has_digit = any(c.isdigit() for c in word)
    if not any(c.isalpha() for c in word):
        return 6 if has_digit else 0
    if has_digit:
        return 7
    if word.islower():
        return 1
    if word.isupper():
        return 5 if sum(c.isalpha() for c in word) == 1 else 3
    first = next(c for c in word if c.isalpha())
    rest = word[word.index(first) + 1 :]
    return 2 if first.isupper() and (rest.islower() or not rest) else (1 if rest == "" else 4)


class PieceTokenizer:
    """A Hugging Face fast tokenizer, called once per word form.

    Each spaCy token is tokenised by itself, so that every token boundary is a piece boundary and every entity
    can be expressed; how a word becomes pieces is `cloudner.encoders.words`.

    json_text: the contents of a `tokenizer.json`.
    special: ids `cls`, `sep`, `pad`, `unk` and, where there is one, `mask`.
    max_length: the longest sequence the encoder takes, special tokens included, in pieces.
    uncased: does the tokenizer drop case?
    leading_space: is the first word of a text encoded as after a space? What the encoder was pretrained with; pipelines
        saved before there was this setting: yes.
    words: the rule from one word to its pieces.
    """

    def __init__(
        self,
        json_text: str,
        special: dict[str, int],
        *,
        max_length: int,
        uncased: bool,
        leading_space: bool = True,
    ) -> None:
        self.json_text = json_text
        self.special = dict(special)
        self.max_length = int(max_length)
        self.uncased = bool(uncased)
        self.leading_space = bool(leading_space)
        self.words = WordEncoder(json_text, self.special["unk"])
        self._table = WordTable()
        self._lock = PipelineLock()
        self._told_cut = False

    @property
    def mask(self) -> int:
        """The id that stands for a hidden word; of pipelines saved before it was kept, and of encoders without one, that of
        an unknown word."""
        return self.special.get("mask", self.special["unk"])

    def __deepcopy__(self, memo: dict) -> PieceTokenizer:
        return self  # the table only ever grows by what the same words give again

    # -- making and saving ------------------------------------------------------------------------------------

    @classmethod
    def from_transformers(cls, tokenizer: Any, *, max_length: int) -> PieceTokenizer:
        """From a `PreTrainedTokenizerFast`. Raises ConfigError when the tokenizer has no fast version or no
        special tokens to frame a sequence with."""
        backend = getattr(tokenizer, "backend_tokenizer", None) or getattr(tokenizer, "_tokenizer", None)
        if backend is None:
            raise ConfigError(
                f"{type(tokenizer).__name__} has no fast version",
                expected="a tokenizer with a tokenizer.json",
                fix="pip install sentencepiece tiktoken protobuf, which convert slow tokenizers when they load",
            )
        text = backend.to_str()

        def first(*names: str) -> int | None:
            for name in names:
                value = getattr(tokenizer, f"{name}_token_id", None)
                if value is not None:
                    return int(value)
            return None

        cls_id, sep_id = first("cls", "bos", "eos"), first("sep", "eos", "bos")
        if cls_id is None or sep_id is None:
            raise ConfigError(
                f"{type(tokenizer).__name__} has neither [CLS]/[SEP] nor <s>/</s> tokens",
                expected="the tokenizer of an encoder such as BERT or RoBERTa",
            )
        pad = first("pad")
        unk = first("unk", "mask", "pad")
        special = {"cls": cls_id, "sep": sep_id, "pad": 0 if pad is None else pad, "unk": unk or 0}
        if (mask := first("mask")) is not None:
            special["mask"] = mask
        words = WordEncoder(text, special["unk"])
        upper, lower = words.encode(["Angela", "angela"])
        leading = words.leading_space
        return cls(text, special, max_length=max_length, uncased=upper == lower, leading_space=leading)

    def to_dict(self) -> dict[str, Any]:
        return {
            "special": self.special,
            "max_length": self.max_length,
            "uncased": self.uncased,
            "leading_space": self.leading_space,
        }

    def to_disk(self, folder: Path) -> None:
        write_text(folder / "tokenizer.json", self.json_text)
        write_json(folder / "pieces.json", self.to_dict())

    @classmethod
    def from_disk(cls, folder: Path) -> PieceTokenizer:
        settings = json.loads((folder / "pieces.json").read_text(encoding="utf8"))
        return cls.from_parts((folder / "tokenizer.json").read_text(encoding="utf8"), settings)

    @classmethod
    def from_parts(cls, json_text: str, settings: dict[str, Any]) -> PieceTokenizer:
        return cls(
            json_text,
            settings["special"],
            max_length=settings["max_length"],
            uncased=settings["uncased"],
            leading_space=settings.get("leading_space", True),
        )

    # -- the table --------------------------------------------------------------------------------------------

    def _add(self, table: WordTable, keys: np.ndarray, words: list[str], spaced: np.ndarray) -> None:
        for after in (False, True):
            chosen = np.flatnonzero(spaced == after)
            ids = self.words.encode([words[i] for i in chosen], spaced=after)
            self._tell_cut(
                [
                    words[i]
                    for i, pieces in zip(chosen, ids, strict=True)
                    if len(pieces) >= MAX_PIECES_PER_TOKEN
                ]
            )
            for i, pieces in zip(chosen, ids, strict=True):
                table.append(int(keys[i]), pieces, case_class(words[i]))

    def _tell_cut(self, words: list[str]) -> None:
        """Once, that a token is longer than what is read of it."""
        if words and not self._told_cut:
            self._told_cut = True
            logger.warning(
                "A token of %d characters (%.40r...) is read by its first %d word pieces alone. Such tokens are data, or "
                "text that the tokenizer does not part: see nlp.tokenizer.",
                len(words[0]),
                words[0],
                MAX_PIECES_PER_TOKEN,
            )

    # -- documents --------------------------------------------------------------------------------------------

    def encode(self, docs: Sequence[Doc]) -> list[Pieces]:
        """The pieces of each document; empty documents have none."""
        lengths = np.fromiter((len(doc) for doc in docs), dtype=np.int64, count=len(docs))
        if lengths.sum() == 0:
            empty = Pieces(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.int8))
            return [empty] * len(docs)
        keys, spaced = self._keys(docs, lengths)
        unique, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
        table, rows = self._rows(unique, first, spaced, docs, lengths)
        ids, counts, cases = table.gather(rows[inverse.reshape(-1)])
        token_ends = np.cumsum(lengths)
        piece_ends = np.concatenate([[0], np.cumsum(counts)])[token_ends]
        made = []
        token_start = piece_start = 0
        for token_end, piece_end in zip(token_ends.tolist(), piece_ends.tolist(), strict=True):
            made.append(
                Pieces(
                    ids[piece_start:piece_end], counts[token_start:token_end], cases[token_start:token_end]
                )
            )
            token_start, piece_start = token_end, piece_end
        return made

    def _keys(self, docs: Sequence[Doc], lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """One key per token: its string's hash, and in its lowest bit whether a space goes before it."""
        if not self.words.marks_space:
            keys = np.concatenate([doc.to_array(ORTH) for doc in docs])
            return keys, np.ones(len(keys), dtype=bool)
        table = np.concatenate([doc.to_array([ORTH, SPACY, IS_SPACE]) for doc in docs])
        starts = np.cumsum(lengths) - lengths
        starts = starts[lengths > 0]
        spaced = after_space(table[:, 1] != 0, table[:, 2] != 0, starts, leading=self.leading_space)
        return (table[:, 0] & ~np.uint64(1)) | spaced.astype(np.uint64), spaced

    def _rows(
        self,
        unique: np.ndarray,
        first: np.ndarray,
        spaced: np.ndarray,
        docs: Sequence[Doc],
        lengths: np.ndarray,
    ) -> tuple[WordTable, np.ndarray]:
        """A table, and the rows in it of these word forms."""
        table = self._table
        rows = table.find(unique)
        if (rows >= 0).all():
            return table, rows
        with self._lock:
            table = self._table
            if len(table) + len(unique) > MAX_WORDS:
                table = self._table = WordTable()
            new = np.flatnonzero(table.find(unique) < 0)
            positions = first[new]
            ends = np.cumsum(lengths)
            doc_of = np.searchsorted(ends, positions, side="right")
            within = positions - (ends[doc_of] - lengths[doc_of])
            words = [docs[d][i].text for d, i in zip(doc_of.tolist(), within.tolist(), strict=True)]
            self._add(table, unique[new], words, spaced[positions])
        return table, table.find(unique)


def has_no_words(tokenizer: Any) -> bool:
    """Of a transformers tokenizer: whether every word is unknown to it. transformers 5 makes such a one where the files are
    missing."""
    return set(tokenizer.get_vocab()) <= {*tokenizer.all_special_tokens, "▁"}

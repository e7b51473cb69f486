"""What a corpus is made of, as far as memory and time depend on it: how many documents and how long."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import NormalDist
from typing import Any

from cloudner.encoders.limits import SPECIAL_PIECES
from cloudner.encoders.words import read_word_encoder
from cloudner.errors import InputError

PIECES_PER_WORD = 1.3  # English news text with a cased BERT vocabulary; measured where a tokenizer is at hand
_QUANTILES = 33  # points kept of the length distribution, the shortest and the longest among them
MOST_WORDS = 10**15  # of a planned corpus; the largest web crawls have a hundredth of them
SAMPLE = 300  # documents tokenised to measure pieces per word
# Spread of document lengths where only a mean is given: quantiles of a log-normal with sigma 0.6, which is near
# the sentence lengths of CoNLL-2003 and OntoNotes style corpora.
_SIGMA = 0.6
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")


@dataclass(frozen=True)
class CorpusStats:
    """Size and document lengths of a training corpus.

    `lengths`: evenly spaced quantiles of words per document, shortest first, longest last. `pieces_per_word`: word
    pieces per word, without the two special ones of each document. `unknown`: share of word pieces that are the
    encoder's unknown piece, 0 where nothing was measured.
    """

    docs: int
    sentences: int
    words: int
    lengths: tuple[int, ...]
    pieces_per_word: float = PIECES_PER_WORD
    measured: bool = False  # whether `pieces_per_word` was measured with the encoder's tokenizer
    unknown: float = 0.0

    @property
    def pieces(self) -> int:
        """Word pieces of one pass over the corpus, with the special pieces, without padding."""
        return round(self.words * self.pieces_per_word) + SPECIAL_PIECES * self.docs

    @property
    def words_per_doc(self) -> float:
        """Mean words per document."""
        return self.words / max(1, self.docs)

    @property
    def longest(self) -> int:
        """Word pieces of the longest document."""
        return self.pieces_of(self.lengths[-1]) if self.lengths else 0

    def pieces_of(self, words: float) -> int:
        """Word pieces of a document of so many words, special ones included."""
        return round(words * self.pieces_per_word) + SPECIAL_PIECES

    def sample(self, count: int, seed: int = 0) -> list[int]:
        """`count` document lengths in word pieces, drawn from the distribution (same seed, same lengths)."""
        chance = random.Random(seed)
        drawn = []
        for _ in range(count):
            place = chance.random() * (len(self.lengths) - 1)
            low = int(place)
            high = min(low + 1, len(self.lengths) - 1)
            drawn.append(
                self.pieces_of(self.lengths[low] + (place - low) * (self.lengths[high] - self.lengths[low]))
            )
        return drawn

    @classmethod
    def from_lengths(
        cls, lengths: Sequence[int], *, sentences: int | None = None, pieces_per_word: float = PIECES_PER_WORD
    ) -> CorpusStats:
        """From the number of words of every document. Raises `InputError` if there is none."""
        ordered = sorted(length for length in lengths if length > 0)
        if not ordered:
            raise InputError("the corpus has no words", expected="documents with text")
        last = len(ordered) - 1
        quantiles = tuple(ordered[round(i * last / (_QUANTILES - 1))] for i in range(_QUANTILES))
        return cls(len(ordered), sentences or len(ordered), sum(ordered), quantiles, pieces_per_word)

    @classmethod
    def from_numbers(
        cls,
        sentences: int,
        words_per_sentence: float = 15.0,
        *,
        pieces_per_word: float = PIECES_PER_WORD,
        sentences_per_doc: float = 1.0,
    ) -> CorpusStats:
        """From a number of sentences and their mean length. Raises `InputError` unless all are positive and at most `MOST_WORDS`,
        the words of the corpus too."""
        counts = (sentences, words_per_sentence, sentences_per_doc)
        if (
            sentences < 1
            or not all(0 < count <= MOST_WORDS for count in counts)
            or sentences * words_per_sentence > MOST_WORDS
        ):
            raise InputError(
                f"{sentences} sentences of {words_per_sentence} words, {sentences_per_doc} to a document",
                expected=f"positive numbers, and at most {MOST_WORDS:,} words in all",
            )
        mean = words_per_sentence * sentences_per_doc
        shape = _log_normal(_SIGMA if sentences_per_doc == 1 else _SIGMA / 2)
        lengths = tuple(max(1, round(mean * factor)) for factor in shape)
        docs = max(1, round(sentences / sentences_per_doc))
        return cls(docs, sentences, round(sentences * words_per_sentence), lengths, pieces_per_word)

    @classmethod
    def from_path(cls, path: str | Path, tokenizer: str | Path | None = None) -> CorpusStats:
        """From a `.spacy` file or a folder of them; `tokenizer` is a tokenizer.json to count word pieces with.

        The documents are not rebuilt: lengths are read from the stored arrays. Raises `InputError` if nothing can
        be read.
        """
        if not isinstance(path, (str, Path)):
            raise InputError(
                f"a corpus of type {type(path).__name__}", expected="a .spacy file, or a folder of them"
            )
        if not str(path):
            raise InputError("an empty path", expected="a .spacy file, or a folder of them")
        files = _spacy_files(Path(path))
        lengths: list[int] = []
        sentences = 0
        texts: list[list[str]] = []
        for file in files:
            arrays, starts, words = _read(file)
            lengths += [len(array) for array in arrays]
            sentences += starts
            texts += words
        if not any(lengths):
            raise InputError("the corpus has no words", file=str(path), expected="documents with text")
        return cls.from_words(lengths, texts, sentences=sentences or None, tokenizer=tokenizer)

    @classmethod
    def from_words(
        cls,
        lengths: Sequence[int],
        texts: list[list[str]],
        *,
        sentences: int | None = None,
        tokenizer: str | Path | None = None,
    ) -> CorpusStats:
        """From the number of words of every document and the words of the first few, whose word pieces are counted
        with `tokenizer` (a tokenizer.json) or else guessed. Raises `InputError` as the other two do."""
        if tokenizer is None:
            return cls.from_lengths(
                lengths, sentences=sentences, pieces_per_word=guess_pieces(texts[:SAMPLE])
            )
        ratio, unknown = count_pieces(texts[:SAMPLE], Path(tokenizer))
        counted = cls.from_lengths(lengths, sentences=sentences, pieces_per_word=ratio)
        return replace(counted, measured=True, unknown=unknown)


def _log_normal(sigma: float) -> list[float]:
    """Quantiles of a log-normal of mean 1, from the 0.1th to the 99.9th percentile."""
    normal = NormalDist(-(sigma**2) / 2, sigma)
    points = [min(0.999, max(0.001, i / (_QUANTILES - 1))) for i in range(_QUANTILES)]
    return [math.exp(normal.inv_cdf(point)) for point in points]


def _spacy_files(path: Path) -> list[Path]:
    if path.is_dir():
        files = sorted(file for file in path.rglob("*.spacy") if file.is_file())
        if not files:
            raise InputError("no .spacy file in this folder", file=str(path), fix="cloudner convert --help")
        return files
    if not path.is_file():
        raise InputError("no such file", file=str(path), expected="a .spacy file or a folder of them")
    if path.suffix != ".spacy":
        raise InputError(
            f"a {path.suffix or 'file without suffix'} is not a spaCy corpus",
            file=str(path),
            expected="a .spacy file",
            fix="cloudner convert --help",
        )
    return [path]


def _read(file: Path) -> tuple[list[Any], int, list[list[str]]]:
    """(token arrays, sentences, words of the first documents) of a DocBin."""
    from spacy.attrs import ORTH, SENT_START

    from cloudner.corpus.docbin.load import load_docbin

    stored = load_docbin(file)
    attributes = list(stored.attrs)
    starts = 0
    if SENT_START in attributes:
        column = attributes.index(SENT_START)
        starts = sum(max(1, int((array[:, column] == 1).sum())) for array in stored.tokens if len(array))
    words: list[list[str]] = []
    if ORTH in attributes:
        from spacy.strings import StringStore

        strings = StringStore(stored.strings)
        column = attributes.index(ORTH)
        for array in stored.tokens[:SAMPLE]:
            words.append([strings[key] for key in array[:, column]])
    return stored.tokens, starts, words


def guess_pieces(texts: list[list[str]]) -> float:
    """Word pieces per word without a tokenizer: one for each Chinese character, as in every BERT vocabulary that has
    them (its tokenizer cuts before and after each), `PIECES_PER_WORD` for any other word."""
    words = [word for text in texts for word in text]
    if not words:
        return PIECES_PER_WORD
    counts = (len(_HAN.findall(word)) for word in words)
    return sum(count or PIECES_PER_WORD for count in counts) / len(words)


def count_pieces(texts: list[list[str]], tokenizer: Path) -> tuple[float, float]:
    """Over `texts` (lists of words), special pieces not counted, each word after a space: word pieces per word, and the share
    of them that are unknown pieces.

    Raises `InputError` if the tokenizer cannot be read.
    """
    words = [word for text in texts for word in text]
    encoder = read_word_encoder(tokenizer)
    encoded = encoder.encode(words)
    pieces = sum(map(len, encoded))
    unknown = sum(ids.count(encoder.unknown) for ids in encoded)
    return (pieces / len(words) if words else PIECES_PER_WORD), unknown / max(1, pieces)

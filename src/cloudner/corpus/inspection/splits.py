"""Splits of a corpus as arrays, a few thousand documents at a time, and a file to look at them a second time."""

from __future__ import annotations

import itertools
import os
import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from spacy.attrs import ENT_IOB, ENT_TYPE, ORTH, SENT_START
from spacy.strings import StringStore

from cloudner.corpus.align.aligner import Aligner
from cloudner.corpus.contract import ReadOptions
from cloudner.corpus.docbin.chunk import BEGIN, INSIDE, Chunk, msgpack_dumps, msgpack_loads
from cloudner.corpus.docbin.load import is_docbin, load_docbin
from cloudner.corpus.files.file import FileSource
from cloudner.corpus.reading import aligned_chunks, corpus_sources
from cloudner.errors import InputError

# What is in memory at a time: 8,000 documents or 400,000 tokens are some 20 MB with what is computed from them.
PART_DOCS = 8_000
PART_TOKENS = 400_000
_SPLIT_NAME = re.compile(
    r"(^|[^a-z])(train|training|dev|devel|develop|val|valid|validation|test|testa|testb|eval)([^a-z]|$)"
)


@dataclass(slots=True)
class Part:
    """Some documents of one split, their tokens one after the other; documents without a token are left out.

    orth, kind: uint64 (tokens,), string ids of the words and of the entity labels. iob, sent_start: int8 (tokens,).
    spaces: bool (tokens,). lengths: int64 (documents,), tokens each. numbers: int64 (documents,): the line, or in a
    `.spacy` file the place of the document, from 1. file: where they are from. strings: their words and labels.
    """

    split: int
    file: str
    orth: NDArray[np.uint64]
    kind: NDArray[np.uint64]
    iob: NDArray[np.int8]
    sent_start: NDArray[np.int8]
    spaces: NDArray[np.bool_]
    lengths: NDArray[np.int64]
    numbers: NDArray[np.int64]
    strings: StringStore

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def ends(self) -> NDArray[np.int64]:
        return np.cumsum(self.lengths)

    @property
    def starts(self) -> NDArray[np.int64]:
        """int64 (documents,): the first token of each."""
        return np.cumsum(self.lengths) - self.lengths

    def entities(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint64]]:
        """First token, end (exclusive) and label id of each entity."""
        starts = np.flatnonzero((self.iob == BEGIN) & (self.kind != 0))
        stops = np.append(np.flatnonzero(self.iob != INSIDE), len(self.iob))
        ends = stops[np.searchsorted(stops, starts, side="right")]
        doc_ends = self.ends
        return starts, np.minimum(ends, doc_ends[self.doc_of(starts)]), self.kind[starts]

    def doc_of(self, tokens: NDArray[np.int64]) -> NDArray[np.int64]:
        """Which document each token is in."""
        return np.searchsorted(self.ends, tokens, side="right")

    def text(self, first: int, last: int) -> str:
        """The text of tokens first to last (exclusive)."""
        words = [self.strings[key] for key in self.orth[first:last].tolist()]
        return "".join(
            word + " " * space for word, space in zip(words, self.spaces[first:last].tolist(), strict=True)
        ).strip()

    def surface(self, first: int, last: int) -> str:
        """The same with exactly one space between tokens that any space parts."""
        return " ".join(self.text(first, last).split())


class PartSpool:
    """Parts in a temporary file, read again by number, so that no corpus has to fit in memory."""

    _ARRAYS = ("orth", "kind", "iob", "sent_start", "spaces", "lengths", "numbers")

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(prefix="cloudner-inspect-")  # noqa: SIM115
        self._offsets: list[int] = []
        self._docs: list[int] = [0]  # the number of documents before each part, and of all

    def __enter__(self) -> PartSpool:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def __len__(self) -> int:
        return len(self._offsets)

    def add(self, part: Part) -> None:
        self._offsets.append(self._file.seek(0, os.SEEK_END))
        head = msgpack_dumps([part.split, part.file, list(part.strings)])
        self._file.write(len(head).to_bytes(8, "little") + head)
        for name in self._ARRAYS:
            np.save(self._file, getattr(part, name), allow_pickle=False)
        self._docs.append(self._docs[-1] + len(part))

    def part(self, number: int) -> Part:
        self._file.seek(self._offsets[number])
        size = int.from_bytes(self._file.read(8), "little")
        split, file, strings = msgpack_loads(self._file.read(size))
        arrays: list[Any] = [np.load(self._file, allow_pickle=False) for _ in self._ARRAYS]
        named = dict(zip(self._ARRAYS, arrays, strict=True))
        return Part(split=split, file=file, strings=StringStore(strings), **named)

    def find(self, doc: int) -> tuple[int, int]:
        """The part of a document that is the `doc`-th of all, and its place there."""
        part = int(np.searchsorted(self._docs, doc, side="right")) - 1
        return part, doc - self._docs[part]

    def first_doc(self, number: int) -> int:
        """How many documents come before this part."""
        return self._docs[number]


# Splits


def find_splits(
    paths: Iterable[str | os.PathLike[str]], train: str | os.PathLike[str] | None
) -> tuple[list[tuple[str, str]], int | None]:
    """Names and paths of the splits, and which is the training data (None if none is).

    A folder whose files are called after splits (`train.spacy`, `dev.csv`) stands for these; any other path is one
    split with its own name. Raises InputError without a path.
    """
    places: list[str] = []
    for path in paths:
        text = os.fspath(path)
        for place in _split_files(text) or [text]:
            if place not in places:
                places.append(place)
    if train is not None and os.fspath(train) not in places:
        places.insert(0, os.fspath(train))
    if not places:
        raise InputError("no corpus is named", expected="files or a folder", fix="cloudner inspect corpus/")
    names: list[str] = []
    for place in places:
        name = _stem(place)
        while name in names:
            name += "'"
        names.append(name)
    if train is not None:
        chosen: int | None = places.index(os.fspath(train))
    else:
        chosen = next((i for i, name in enumerate(names) if _kind(name) == "train"), None)
    order = sorted(range(len(places)), key=lambda i: (i != chosen, i))
    return [(names[i], places[i]) for i in order], None if chosen is None else 0


def _split_files(path: str) -> list[str]:
    if "://" in path or not os.path.isdir(path) or path.rstrip("/").endswith(".spacy"):
        return []
    found = [p for p in sorted(Path(path).iterdir()) if _kind(p.name) and not p.name.startswith(".")]
    found = [p for p in found if not p.name.endswith((".issues.jsonl", ".json", ".html", ".md"))]
    if any(p.suffix == ".spacy" for p in found):
        found = [p for p in found if p.suffix == ".spacy"]
    ranks = {"train": 0, "dev": 1, "test": 2}
    return [str(p) for p in sorted(found, key=lambda p: (ranks[str(_kind(p.name))], p.name))]


def _kind(name: str) -> str | None:
    found = _SPLIT_NAME.search(_stem(name).lower())
    if found is None:
        return None
    word = found[2]
    return "train" if word.startswith("train") else "test" if word in ("test", "testb", "eval") else "dev"


def _stem(path: str) -> str:
    return path.rstrip("/").rsplit("/", 1)[-1].split(".", 1)[0] or path


def read_parts(
    split: int,
    path: str,
    lang: str,
    format: str = "auto",
    options: ReadOptions | None = None,
    lost: Counter[str] | None = None,
) -> Iterator[Part]:
    """The documents of one split. lost: grows by the causes of annotations that fit no tokens as they are. Raises InputError for what cannot be read or has no document with text."""
    aligner: Aligner | None = None
    found = False
    for source in corpus_sources(path):
        if is_docbin(source):
            parts = _docbin_parts(split, source)
        else:
            aligner = aligner or Aligner(lang)
            chunks = aligned_chunks(source, aligner, options or ReadOptions(lang=lang), format)
            parts = _aligned_parts(split, source, _counting(chunks, Counter() if lost is None else lost))
        for part in parts:
            found = True
            yield part
    if not found:
        raise InputError("not one document with text", file=path, expected="annotated documents")


def _docbin_parts(split: int, source: FileSource) -> Iterator[Part]:
    frame = load_docbin(source)
    columns: dict[Any, int] = {attr: index for index, attr in enumerate(frame.attrs)}
    strings = StringStore(sorted(frame.strings))
    numbers = [number for number, array in enumerate(frame.tokens) if len(array)]
    for group in _groups(numbers, [len(array) for array in frame.tokens]):
        table = np.concatenate([frame.tokens[i] for i in group])
        spaces = np.concatenate([np.asarray(frame.spaces[i], dtype=bool).reshape(-1) for i in group])
        empty = np.zeros(len(table), dtype=np.uint64)

        def column(attr: int, table: Any = table, empty: Any = empty) -> Any:
            return np.ascontiguousarray(table[:, columns[attr]]) if attr in columns else empty

        used = np.unique(np.concatenate([column(ORTH), column(ENT_TYPE)])).tolist()
        yield Part(
            split, source.name, column(ORTH), column(ENT_TYPE), column(ENT_IOB).astype(np.int8),
            column(SENT_START).astype(np.int64).astype(np.int8), spaces,
            np.array([len(frame.tokens[i]) for i in group], dtype=np.int64),
            np.array(group, dtype=np.int64) + 1, StringStore([strings[key] for key in used if key]),
        )  # fmt: skip


def _groups(numbers: list[int], sizes: list[int]) -> Iterator[list[int]]:
    group: list[int] = []
    tokens = 0
    for number in numbers:
        if group and (len(group) >= PART_DOCS or tokens + sizes[number] > PART_TOKENS):
            yield group
            group, tokens = [], 0
        group.append(number)
        tokens += sizes[number]
    if group:
        yield group


def _counting(chunks: Iterable[Chunk], lost: Counter[str]) -> Iterator[Chunk]:
    for chunk in chunks:
        lost.update(issue.cause for issue in chunk.issues if issue.action in ("dropped", "changed"))
        yield chunk


def _aligned_parts(split: int, source: FileSource, chunks: Iterable[Chunk]) -> Iterator[Part]:
    held: list[Chunk] = []
    for chunk in itertools.chain(chunks, [None]):
        full = sum(len(c) for c in held) >= PART_DOCS or sum(len(c.orth) for c in held) >= PART_TOKENS
        if held and (chunk is None or full):
            yield Part(
                split, source.name, np.concatenate([c.orth for c in held]),
                np.concatenate([c.ent_type for c in held]), np.concatenate([c.iob for c in held]),
                np.concatenate([c.sent_start for c in held]), np.concatenate([c.spaces for c in held]),
                np.concatenate([c.lengths for c in held]).astype(np.int64),
                np.array([line for c in held for _, line in c.places], dtype=np.int64),
                StringStore(sorted(set().union(*(c.strings for c in held)))),
            )  # fmt: skip
            held = []
        if chunk is not None:
            held.append(chunk)

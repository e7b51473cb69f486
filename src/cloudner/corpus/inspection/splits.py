"""The splits of a corpus: which files they are, and their documents as arrays, some thousand at a time."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from cloudner.corpus.align.aligner import Aligner
from cloudner.corpus.annotators import Annotators
from cloudner.corpus.contract import ReadOptions
from cloudner.corpus.docbin.chunk import Chunk
from cloudner.corpus.docbin.load import docbin_chunks, is_docbin
from cloudner.corpus.files.sources import as_paths
from cloudner.corpus.reading import aligned_chunks, corpus_sources
from cloudner.errors import InputError

# What is in memory at a time: 8,000 documents or 400,000 tokens are some 20 MB with what is computed from them.
CHUNK_DOCS = 8_000
CHUNK_TOKENS = 400_000
_SPLIT_NAME = re.compile(
    r"(^|[^a-z])(train|training|dev|devel|develop|val|valid|validation|test|testa|testb|eval)([^a-z]|$)"
)


def find_splits(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]], train: str | os.PathLike[str] | None
) -> tuple[list[tuple[str, str]], int | None]:
    """Names and paths of the splits, and which is the training data (None if none is).

    A folder whose files are called after splits (`train.spacy`, `dev.csv`) stands for these; any other path is one
    split with its own name. Raises InputError without a path.
    """
    places: list[str] = []
    for text in as_paths(paths):
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


def read_chunks(
    path: str,
    lang: str,
    format: str = "auto",
    options: ReadOptions | None = None,
    lost: Counter[str] | None = None,
) -> Iterator[Chunk]:
    """The documents of one split, documents without a token left out. lost: grows by the causes of annotations that
    fit no tokens as they are. Raises InputError for what cannot be read or has no document with text."""
    aligner: Aligner | None = None
    annotators = Annotators()
    found = False
    for source in corpus_sources(path, lang=lang):
        if is_docbin(source):
            chunks = docbin_chunks(source, CHUNK_DOCS, CHUNK_TOKENS)
        else:
            aligner = aligner or Aligner(lang)
            aligned = aligned_chunks(source, aligner, options or ReadOptions(lang=lang), format, annotators)
            chunks = _larger(_counting(aligned, Counter() if lost is None else lost))
        for chunk in chunks:
            found = True
            yield chunk
    if not found:
        raise InputError("not one document with text", file=path, expected="annotated documents")


def _counting(chunks: Iterable[Chunk], lost: Counter[str]) -> Iterator[Chunk]:
    for chunk in chunks:
        lost.update(issue.cause for issue in chunk.issues if issue.action in ("dropped", "changed"))
        yield chunk


def _larger(chunks: Iterable[Chunk]) -> Iterator[Chunk]:
    """The same documents in chunks of the size that is looked at in one go."""
    held: list[Chunk] = []
    for chunk in chunks:
        held.append(chunk)
        if sum(map(len, held)) >= CHUNK_DOCS or sum(len(c.orth) for c in held) >= CHUNK_TOKENS:
            yield Chunk.joined(held)
            held = []
    if held:
        yield Chunk.joined(held)

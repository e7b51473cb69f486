"""The files of a corpus and their documents, `.spacy` or of any annotation format."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

from cloudner.corpus.align import Aligner
from cloudner.corpus.chunk import Chunk
from cloudner.corpus.docbin import damaged
from cloudner.corpus.formats.base import ReadOptions
from cloudner.corpus.reading import batches, read_records, read_safely, renamed
from cloudner.corpus.registry import get_format
from cloudner.corpus.sources import FileSource, open_sources
from cloudner.errors import InputError

Paths = str | Path | list[str] | list[Path]


def corpus_sources(
    path: Paths, encoding: str | None = None, random_order: bool = False
) -> Iterator[FileSource]:
    """The files of a corpus: only the `.spacy` ones where there are any. Raises InputError where there is none."""
    sources = list(open_sources(path, encoding))
    if any(is_docbin(source) for source in sources):
        sources = [source for source in sources if is_docbin(source)]
    if random_order:
        random.shuffle(sources)
    yield from sources


def is_docbin(source: FileSource) -> bool:
    """Is it a `.spacy` file by its name?"""
    return source.base_name.endswith(".spacy")


def load_docbin(source: FileSource) -> DocBin:
    """A `.spacy` file from wherever it lies. Raises InputError if it is not a whole one."""
    with source.open_bytes() as stream:
        raw = stream.read()
    try:
        return DocBin().from_bytes(raw)
    except Exception as error:  # zlib, msgpack and numpy each have their own
        raise damaged(source.name, error) from error


def docbin_docs(source: FileSource, vocab: Vocab) -> Iterator[Doc]:
    """The documents of one `.spacy` file, its arrays in memory until the last is taken."""
    yield from load_docbin(source).get_docs(vocab)


def aligned_chunks(
    source: FileSource, aligner: Aligner, options: ReadOptions, format: str = "auto"
) -> Iterator[Chunk]:
    """The documents of a file of any annotation format as arrays, at most 512 at a time.

    Raises InputError for content that cannot be read. A file of a folder that no format knows gives nothing.
    """
    given = None if format == "auto" else get_format(format)
    try:
        _, _, records = read_records(source, options, given)
    except InputError:
        if source.tolerant:
            return
        raise
    for batch in batches(renamed(read_safely(records, source), options.labels)):
        chunk = aligner.chunk(batch)
        if len(chunk):
            yield chunk

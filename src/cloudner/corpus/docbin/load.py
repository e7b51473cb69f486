"""The one way to open a `.spacy` file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

from cloudner.corpus.contract import Source
from cloudner.corpus.files.compression import unreadable
from cloudner.corpus.files.file import FileSource
from cloudner.errors import InputError


def is_docbin(source: FileSource) -> bool:
    """Is it a `.spacy` file by its name?"""
    return source.base_name.endswith(".spacy")


def load_docbin(source: Source | Path) -> DocBin:
    """A `.spacy` file from wherever it lies. Raises InputError if it cannot be read or is not a whole one."""
    if isinstance(source, Path):
        name = str(source)
        try:
            raw = source.read_bytes()
        except OSError as error:
            raise unreadable(name, error) from error
    else:
        name = source.name
        with source.open_bytes() as stream:
            raw = stream.read()
    try:
        return DocBin().from_bytes(raw)
    except Exception as error:  # zlib, msgpack and numpy each have their own
        raise _damaged(name, error) from error


def docbin_docs(source: Source, vocab: Vocab) -> Iterator[Doc]:
    """The documents of one `.spacy` file, its arrays in memory until the last is taken. Raises as `load_docbin` does."""
    docs = load_docbin(source).get_docs(vocab)
    while True:
        try:
            doc = next(docs)
        except StopIteration:
            return
        except Exception as error:  # what is inside does not fit together
            raise _damaged(source.name, error) from error
        yield doc


def _damaged(file: str, error: Exception) -> InputError:
    return InputError(
        f"not a complete .spacy file: {(str(error) or type(error).__name__).splitlines()[0]}",
        file=file,
        expected="what DocBin.to_disk writes",
        fix="convert it again, or copy it again",
    )

"""The one way to open a `.spacy` file."""

from __future__ import annotations

from collections.abc import Iterator

from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

from cloudner.corpus.files.file import FileSource
from cloudner.errors import InputError


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


def damaged(file: str, error: Exception) -> InputError:
    """The error for a `.spacy` file that is not a whole one."""
    return InputError(
        f"not a complete .spacy file: {(str(error) or type(error).__name__).splitlines()[0]}",
        file=file,
        expected="what DocBin.to_disk writes",
        fix="convert it again, or copy it again",
    )

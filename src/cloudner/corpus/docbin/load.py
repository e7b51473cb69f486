"""The one way to open a `.spacy` file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from spacy.attrs import ENT_IOB, ENT_TYPE, ORTH, SENT_START
from spacy.strings import StringStore
from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

from cloudner.corpus.contract import Source
from cloudner.corpus.docbin.chunk import NO_GROUPS, Chunk
from cloudner.corpus.files.compression import unreadable
from cloudner.corpus.files.file import FileSource
from cloudner.errors import InputError, first_line


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
        frame = DocBin().from_bytes(raw)
    except Exception as error:  # zlib, msgpack and numpy each have their own
        raise _damaged(name, error) from error
    if ORTH not in frame.attrs:
        raise _damaged(name, ValueError("there are no words in it"))
    return frame


def docbin_docs(source: Source | Path, vocab: Vocab) -> Iterator[Doc]:
    """The documents of one `.spacy` file, its arrays in memory until the last is taken. Raises as `load_docbin` does."""
    docs = load_docbin(source).get_docs(vocab)
    while True:
        try:
            doc = next(docs)
        except StopIteration:
            return
        except Exception as error:  # what is inside does not fit together
            raise _damaged(str(source) if isinstance(source, Path) else source.name, error) from error
        yield doc


def docbin_chunks(source: Source, most_docs: int, most_tokens: int) -> Iterator[Chunk]:
    """The documents of one `.spacy` file as arrays, those without a token left out: words, spaces, entities and sentence
    starts, and span groups, without user data. At most so many documents and about so many tokens at a time. Raises as
    `load_docbin` does."""
    chunks = _chunks(load_docbin(source), source.name, most_docs, most_tokens)
    while True:
        try:
            chunk = next(chunks)
        except StopIteration:
            return
        except (TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
            raise _damaged(source.name, error) from error
        yield chunk


def _chunks(frame: DocBin, name: str, most_docs: int, most_tokens: int) -> Iterator[Chunk]:
    columns: dict[Any, int] = {attr: index for index, attr in enumerate(frame.attrs)}
    strings = StringStore(sorted(frame.strings))
    numbers = [number for number, array in enumerate(frame.tokens) if len(array)]
    for group in _groups(numbers, [len(array) for array in frame.tokens], most_docs, most_tokens):
        table = np.concatenate([frame.tokens[i] for i in group])
        arrays = {
            attr: np.ascontiguousarray(table[:, columns[attr]])
            if attr in columns
            else np.zeros(len(table), np.uint64)
            for attr in (ORTH, ENT_TYPE, ENT_IOB, SENT_START)
        }
        used = np.unique(np.concatenate([arrays[ORTH], arrays[ENT_TYPE]])).tolist()
        yield Chunk(
            orth=arrays[ORTH],
            spaces=np.concatenate([np.asarray(frame.spaces[i], dtype=bool).reshape(-1) for i in group]),
            iob=arrays[ENT_IOB].astype(np.int8),
            ent_type=arrays[ENT_TYPE],
            sent_start=arrays[SENT_START].astype(np.int64).astype(np.int8),
            lengths=np.array([len(frame.tokens[i]) for i in group], dtype=np.int32),
            unknown_spaces=np.array([bool(frame.flags[i].get("has_unknown_spaces")) for i in group]),
            strings={strings[key] for key in used if key},
            groups=[bytes(frame.span_groups[i]) or NO_GROUPS for i in group],
            user_data=[None] * len(group),
            places=[(name, i + 1) for i in group],
            group_keys=[None] * len(group),
        )


def _groups(numbers: list[int], sizes: list[int], most_docs: int, most_tokens: int) -> Iterator[list[int]]:
    group: list[int] = []
    tokens = 0
    for number in numbers:
        if group and (len(group) >= most_docs or tokens + sizes[number] > most_tokens):
            yield group
            group, tokens = [], 0
        group.append(number)
        tokens += sizes[number]
    if group:
        yield group


def _damaged(file: str, error: Exception) -> InputError:
    return InputError(
        f"not a complete .spacy file: {first_line(error)}",
        file=file,
        expected="what DocBin.to_disk writes",
        fix="convert it again, or copy it again",
    )

"""Where aligned documents go: a `.spacy` file, or any format that can be written."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any, Protocol

from cloudner.corpus.contract import Format, Record, SpanRecord
from cloudner.corpus.docbin.chunk import BEGIN, INSIDE, NO_GROUPS, OUTSIDE, Chunk, msgpack_loads
from cloudner.corpus.docbin.writer import DocBinWriter
from cloudner.corpus.formats.registry import DOCBIN
from cloudner.corpus.formats.words import span_over


class Output(Protocol):
    """Takes chunks and leaves a file or folder at `temporary` when closed."""

    temporary: Path
    docs: int

    def add(self, chunk: Chunk) -> None: ...

    def close(self) -> None: ...

    def discard(self) -> None: ...


def make_output(fmt: Format, temporary: Path, shard_tokens: int) -> Output:
    """The output of a format, written at `temporary`."""
    if fmt.name == DOCBIN:
        return _DocBinOutput(temporary, shard_tokens)
    return _FormatOutput(fmt, temporary)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


class _DocBinOutput(DocBinWriter):
    def __init__(self, temporary: Path, shard_tokens: int) -> None:
        super().__init__(temporary, shard_tokens=shard_tokens)

    def discard(self) -> None:
        _remove(self.temporary)


class _FormatOutput:
    """Runs a format's writer, which pulls records, in a thread beside the one that pushes chunks."""

    def __init__(self, fmt: Format, temporary: Path) -> None:
        self.temporary, self.docs = temporary, 0
        self._format = fmt
        self._queue: Queue[Chunk | None] = Queue(maxsize=4)
        self._error: BaseException | None = None
        self._thread: Thread | None = None
        self._ended = False  # has the writer seen the end of the chunks?

    def add(self, chunk: Chunk) -> None:
        if self._thread is None:
            self._thread = Thread(target=self._run, daemon=True)
            self._thread.start()
        self.docs += len(chunk)
        self._queue.put(chunk)
        if self._error is not None:
            raise self._error

    def _chunks(self) -> Iterator[Chunk]:
        while not self._ended:
            chunk = self._queue.get()
            if chunk is None:
                self._ended = True
            else:
                yield chunk

    def _records(self) -> Iterator[Record]:
        for chunk in self._chunks():
            yield from records_of(chunk)

    def _run(self) -> None:
        try:
            if self._format.write_path is not None:
                self._format.write_path(self._records(), self.temporary)
            elif self._format.write is not None:
                with open(self.temporary, "w", encoding="utf-8", newline="") as stream:
                    self._format.write(self._records(), stream)
        except BaseException as error:
            self._error = error
            for _ in self._chunks():  # let the other side go on to where it sees the error
                pass

    def close(self) -> None:
        if self._thread is None:
            self._queue.put(None)
            self._run()
        else:
            self._queue.put(None)
            self._thread.join()
            self._thread = None
        if self._error is not None:
            raise self._error

    def discard(self) -> None:
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None
        _remove(self.temporary)


def records_of(chunk: Chunk) -> Iterator[Record]:
    """The documents of a chunk as records with tokens and BIO tags as well as text and spans."""
    from spacy.strings import get_string_id

    words = {get_string_id(string): string for string in chunk.strings}
    words[0] = ""
    bounds = chunk.bounds.tolist()
    for index, (a, b) in enumerate(itertools.pairwise(bounds)):
        tokens = [words[i] for i in chunk.orth[a:b].tolist()]
        spaces = chunk.spaces[a:b].tolist()
        iob, kinds = chunk.iob[a:b].tolist(), chunk.ent_type[a:b].tolist()
        tags: list[str | None] = []
        spans: list[SpanRecord] = []
        starts, pieces, at = [], [], 0
        for i, (token, space) in enumerate(zip(tokens, spaces, strict=True)):
            starts.append(at)
            follows = space and not (chunk.unknown_spaces[index] and i + 1 == len(tokens))
            pieces.append(token + " " if follows else token)
            at += len(token) + bool(follows)
        text = "".join(pieces)
        start = -1
        for i, (code, kind) in enumerate(zip(iob, kinds, strict=True)):
            if code != INSIDE and start >= 0:
                spans.append(_span(text, starts, tokens, start, i, words[kinds[start]]))
                start = -1
            if code == BEGIN:
                start = i
                tags.append("B-" + words[kind])
            elif code == INSIDE:
                tags.append("I-" + words[kind])
            else:
                tags.append("O" if code == OUTSIDE else None)
        if start >= 0:
            spans.append(_span(text, starts, tokens, start, len(tokens), words[kinds[start]]))
        packed = chunk.user_data[index]
        user_data: Any = msgpack_loads(packed) if packed is not None else {}
        marks = chunk.sent_start[a:b]
        yield Record(
            *chunk.places[index],
            text=text,
            spans=spans,
            tokens=tokens,
            tags=tags,
            spaces=None if chunk.unknown_spaces[index] else spaces,
            sent_starts=[i for i, mark in enumerate(marks.tolist()) if mark == 1] or None,
            complete=None not in tags,
            negative=_negative(chunk, index, text, starts, tokens),
            over_sentences=True,
            meta=user_data.get("meta", {}),
        )


def _span(text: str, starts: list[int], tokens: list[str], first: int, last: int, label: str) -> SpanRecord:
    span = span_over(tokens, starts, first, last, label)
    return span._replace(surface=text[span.start : span.end])


def _negative(chunk: Chunk, index: int, text: str, starts: list[int], tokens: list[str]) -> list[SpanRecord]:
    group = chunk.groups[index]
    if group == NO_GROUPS:
        return []
    from spacy.tokens import Doc
    from spacy.vocab import Vocab

    doc = Doc(Vocab(strings=list(chunk.strings)), words=tokens)
    doc.spans.from_bytes(group)
    return [
        _span(text, starts, tokens, span.start, span.end, span.label_)
        for name in doc.spans
        for span in doc.spans[name]
    ]

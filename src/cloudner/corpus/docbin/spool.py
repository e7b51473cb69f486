"""Chunks in a temporary file, so that no corpus has to fit in memory."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO

import numpy as np

from cloudner.atomic import told_in_one_line
from cloudner.corpus.docbin.chunk import Chunk, msgpack_dumps, msgpack_loads


class Spool:
    """Chunks that are written one after the other and read again by number; see `Chunk.pack` for what is kept."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(prefix="cloudner-")  # noqa: SIM115
        self._offsets = [0]
        self._docs = [0]  # how many documents are before each chunk, and in all

    def __enter__(self) -> Spool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):  # a disk that was full is so still, and has been told
            self._file.close()

    def __len__(self) -> int:
        return len(self._docs) - 1

    def add(self, chunk: Chunk) -> None:
        """Raises InputError where the folder of temporary files is full."""
        raw = msgpack_dumps(chunk.pack())
        with told_in_one_line(Path(tempfile.gettempdir())):
            self._file.seek(0, os.SEEK_END)
            self._file.write(raw)
            self._file.flush()
        self._offsets.append(self._offsets[-1] + len(raw))
        self._docs.append(self._docs[-1] + len(chunk))

    def chunk(self, number: int) -> Chunk:
        start, end = self._offsets[number : number + 2]
        self._file.seek(start)
        return Chunk.unpack(msgpack_loads(self._file.read(end - start)))

    def find(self, doc: int) -> tuple[int, int]:
        """The chunk of the document that is the `doc`-th of all, and its place there."""
        number = int(np.searchsorted(self._docs, doc, side="right")) - 1
        return number, doc - self._docs[number]

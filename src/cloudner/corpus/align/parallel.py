"""Tokenising and aligning in several processes, in order."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from typing import TYPE_CHECKING

from cloudner.corpus.align.aligner import Aligner, AlignMode
from cloudner.corpus.contract import Record
from cloudner.corpus.docbin.chunk import Chunk
from cloudner.orphans import end_with_parent

if TYPE_CHECKING:
    from cloudner.corpus.align.tag_schemes import Scheme

_worker: Aligner | None = None


def _start(lang: str, align: AlignMode, spans: str | None) -> None:
    global _worker
    end_with_parent()
    _worker = Aligner(lang, align, spans=spans)


def _work(records: list[Record], schemes: dict[str, Scheme]) -> tuple[Chunk, dict[str, Scheme]]:
    assert _worker is not None
    _worker.schemes = dict(schemes)
    return _worker.chunk(records), _worker.schemes


def align_chunks(batches: Iterable[list[Record]], aligner: Aligner, n_process: int = 1) -> Iterator[Chunk]:
    """Chunks in the order of the batches, by `aligner` or, in other processes, by copies of it. At most
    two batches per process are under way at a time."""
    if n_process == 1:
        for batch in batches:
            yield aligner.chunk(batch)
        return
    # Not fork: the parent may have threads (a format's writer, torch) that a forked child would wait for.
    context = multiprocessing.get_context("spawn")
    schemes: dict[str, Scheme] = {}
    pending: deque[Future[tuple[Chunk, dict[str, Scheme]]]] = deque()
    settings = (aligner.lang, aligner.mode, aligner.spans)
    with ProcessPoolExecutor(n_process, context, _start, settings) as pool:
        try:
            for batch in batches:
                pending.append(pool.submit(_work, batch, schemes))
                if len(pending) >= 2 * n_process:
                    chunk, found = pending.popleft().result()
                    schemes.update(found)
                    yield chunk
            while pending:
                yield pending.popleft().result()[0]
        finally:
            for future in pending:
                future.cancel()

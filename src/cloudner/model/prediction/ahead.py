"""Batches of a stream, launched before the ones before them are finished."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from spacy.tokens import Doc
from spacy.util import minibatch

Launch = Callable[[list[Doc]], Any]
Finish = Callable[[list[Doc], Any], None]
Handle = Callable[[list[Doc], Exception], None]


def in_batches(
    stream: Iterable[Doc], size: int, launch: Launch, finish: Finish, handle: Handle, *, ahead: int
) -> Iterator[Doc]:
    """The documents of `stream`, in order, once `finish(docs, launch(docs))` has annotated them.

    ahead: batches that are launched before the one in hand is finished. Where a batch raises, its documents are
    taken one by one; one that raises alone goes to `handle` with its error and is left out.
    """
    waiting: deque[tuple[list[Doc], Any]] = deque()
    for docs in minibatch(stream, size=size):
        docs = list(docs)
        try:
            waiting.append((docs, launch(docs)))
        except Exception as error:
            waiting.append((docs, error))
        while len(waiting) > ahead:
            yield from _finished(*waiting.popleft(), launch, finish, handle)
    while waiting:
        yield from _finished(*waiting.popleft(), launch, finish, handle)


def _finished(
    docs: list[Doc], launched: Any, launch: Launch, finish: Finish, handle: Handle
) -> Iterator[Doc]:
    failed = launched if isinstance(launched, Exception) else None
    if failed is None:
        try:
            finish(docs, launched)
        except Exception as error:
            failed = error
    if failed is None:
        yield from docs
        return
    if len(docs) == 1:
        handle(docs, failed)
        return
    failed = launched = None  # an exception keeps alive what the failed pass had allocated
    for doc in docs:
        try:
            finish([doc], launch([doc]))
        except Exception as error:
            handle([doc], error)
        else:
            yield doc

"""Examples that initialisation has read, handed to the loop, which would read the same again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from spacy.training import Example

_read: ContextVar[list[Example] | None] = ContextVar("_read", default=None)


@contextmanager
def kept_examples() -> Iterator[list[Example]]:
    """A list that the first component that is initialised inside fills with the examples it was given."""
    examples: list[Example] = []
    token = _read.set(examples)
    try:
        yield examples
    finally:
        _read.reset(token)


def keep(examples: Sequence[Example]) -> None:
    """What a component was initialised with, and left as it was. Nothing is kept outside `kept_examples`."""
    kept = _read.get()
    if kept is not None and not kept:
        kept.extend(examples)

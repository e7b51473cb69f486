"""Texts in files beside the annotations that belong to them."""

from __future__ import annotations

from cloudner.corpus.contract import Source
from cloudner.errors import InputError


def text_beside(source: Source, name: str, what: str) -> Source:
    """The file of that name beside the source. what: what it should be. Raises InputError where there is none."""
    found = source.neighbour(name)
    if found is None:
        raise InputError(
            f"the text {name!r} that it names is not beside it",
            file=source.name,
            expected=what,
            fix=f"put {name} into the same folder",
        )
    return found

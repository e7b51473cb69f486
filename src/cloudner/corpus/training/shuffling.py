"""A stream in random order, in bounded memory."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def shuffled(items: Iterable[T], size: int, rng: random.Random | None = None) -> Iterator[T]:
    """The items in random order, at most `size` of them held: none comes more than `size` places early.

    rng: by default Python's shared generator, which spaCy seeds from the config.
    """
    chance = rng or random
    held: list[T] = []
    for item in items:
        if len(held) < size:
            held.append(item)
            continue
        at = chance.randrange(size)
        item, held[at] = held[at], item
        yield item
    chance.shuffle(held)
    while held:
        yield held.pop()

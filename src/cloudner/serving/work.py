"""The texts of one request on their way to the pipeline, and the answer to each."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Entities = list[dict[str, Any]]
# Four letters of an alphabet to a piece; a character of any other script, a digit or a mark is one.
_PIECE = re.compile("[A-Za-z\u00aa-\u06ff]{1,4}|\\S")


@dataclass(frozen=True)
class Failure:
    """Why a text has no entities. status: the HTTP status where it is the only text."""

    code: str
    message: str
    status: int = 500


TIMEOUT = Failure("timeout", "not computed within the time limit", 504)
NO_MEMORY = Failure("out_of_memory", "memory ran out on this text alone", 503)
# Also what a text has before it has its result.
STOPPED = Failure("stopped", "the service was stopped", 503)


def count_pieces(text: str) -> int:
    """About as many word pieces as the text has, without a tokenizer; special tokens included."""
    return 2 + len(_PIECE.findall(text))


class Work:
    """Texts that wait together, and are answered together.

    deadline: of `time.monotonic()`. `done` is called once, by the thread that computes, with this object, when every
    text has its result; never after `abandoned` is set, which any thread may do.
    """

    __slots__ = ("abandoned", "arrived", "deadline", "done", "left", "pieces", "results", "texts", "urgent")

    def __init__(
        self, texts: Sequence[str], deadline: float, done: Callable[[Work], None], *, urgent: bool = False
    ) -> None:
        self.texts = list(texts)
        self.pieces = [count_pieces(text) for text in texts]
        self.arrived, self.deadline, self.done, self.urgent = time.monotonic(), deadline, done, urgent
        self.results: list[Entities | Failure] = [STOPPED] * len(self.texts)
        self.left = len(self.texts)
        self.abandoned = False

    def finish(self, index: int, result: Entities | Failure) -> None:
        """The result of one text."""
        self.results[index] = result
        self.left -= 1
        if not self.left and not self.abandoned:
            self.done(self)

    def in_vain(self, now: float) -> bool:
        """Is nobody waiting any more?"""
        return self.abandoned or now > self.deadline

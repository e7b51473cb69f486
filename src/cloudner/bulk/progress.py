"""How far a job is: documents, rate, time left, documents without annotation."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import IO

from cloudner.report.loggers.console import duration

_TERMINAL_SECONDS, _FILE_SECONDS = 1.0, 30.0


class Progress:
    """One line on a terminal that is written anew; in a log file a line each half minute.

    total, before: documents of the job (of this shard), and those that were done already. stream: None is silent.
    """

    def __init__(
        self,
        total: int,
        before: int = 0,
        failed: int = 0,
        *,
        stream: IO[str] | None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.total, self.before, self.failed, self.stream, self._now = total, before, failed, stream, now
        self.rows = 0
        self._told = now()
        self._first: float | None = None
        self._uncounted = 0
        self._terminal = bool(stream is not None and stream.isatty())

    def advance(self, rows: int, failed: int = 0) -> None:
        """So many documents more; fewer than none where a piece is begun again."""
        now = self._now()
        self.rows += rows
        if (
            self._first is None and rows > 0
        ):  # nobody said that the pipeline is loaded: what came with it is no rate
            self._first, self._uncounted = now, rows
        self.failed += failed
        if now - self._told >= (_TERMINAL_SECONDS if self._terminal else _FILE_SECONDS):
            self._told = now
            self._show()

    def loaded(self) -> None:
        """The first pipeline is there: the rate is counted from now on."""
        if self._first is None:
            self._first = self._now()

    def line(self) -> str:
        done = self.before + self.rows
        text = f"{done:,} of {self.total:,} documents"
        seconds = 0.0 if self._first is None else self._now() - self._first
        if self.rows > self._uncounted and seconds > 0:
            rate = (self.rows - self._uncounted) / seconds
            text += f", {rate:,.0f}/s, {duration((self.total - done) / rate)} left"
        return text + (f", {self.failed:,} failed" if self.failed else "")

    def say(self, text: str) -> None:
        """A line of its own."""
        if self.stream is not None:
            print(f"\r\x1b[K{text}" if self._terminal else text, file=self.stream, flush=True)

    def _show(self) -> None:
        if self.stream is None:
            return
        if self._terminal:
            print(f"\r\x1b[K{self.line()}", end="", file=self.stream, flush=True)
        else:
            print(self.line(), file=self.stream, flush=True)

    def close(self) -> None:
        if self._terminal and self.stream is not None:
            print("\r\x1b[K", end="", file=self.stream, flush=True)

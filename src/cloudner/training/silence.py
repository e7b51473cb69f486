"""What a training prints, or nothing of it where nobody asked to see it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import TextIOBase
from threading import get_ident
from typing import Any, TextIO, cast

from cloudner.training.output_folder import IN_TURN


@contextmanager
def said(show: bool) -> Iterator[None]:
    """What a training prints, or nothing of it. Other threads print on."""
    if show:
        yield
        return
    with IN_TURN, _OUTPUT.without_this_thread():
        yield


def streams() -> tuple[TextIO, TextIO]:
    """Standard output and error for what this thread starts: what it hands them to may write from threads of its own (a
    progress bar, a line a minute), and is as silent as this thread is."""
    out = sys.stdout
    if not isinstance(out, _Output):
        return out, sys.stderr
    chosen = out.of_this_thread
    return chosen, chosen if isinstance(chosen, _Nowhere) else sys.stderr


class _Nowhere(TextIOBase):
    """A stream that keeps nothing, and that no one can close."""

    def write(self, text: str) -> int:
        return len(text)

    def writable(self) -> bool:
        return True

    def close(self) -> None:
        pass


class _Output:
    """Standard output without what one thread writes.

    One for the whole process, because it has to outlive the training: CPython's `print` holds no reference of its own to
    the stream that another thread takes out of `sys.stdout` (up to 3.13), and crashes where that was the last one.
    """

    def __init__(self) -> None:
        self._stream: TextIO = sys.stdout
        self._silent: int | None = None
        self._nowhere = _Nowhere()

    @contextmanager
    def without_this_thread(self) -> Iterator[None]:
        before = self._silent
        if sys.stdout is not self:
            self._stream = sys.stdout
        try:
            self._silent = get_ident()
            with redirect_stdout(cast("TextIO", self)):
                yield
        finally:
            self._silent = before

    @property
    def of_this_thread(self) -> TextIO:
        return cast("TextIO", self._nowhere if get_ident() == self._silent else self._stream)

    def write(self, text: str) -> int:
        return len(text) if get_ident() == self._silent else self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


_OUTPUT = _Output()

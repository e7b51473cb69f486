"""A training in a notebook's cell: one table that grows in place, where a terminal has lines."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

# Each update is a message to the browser.
_PAUSE = 0.5


def in_notebook() -> bool:
    """Does this process answer a notebook's cells?"""
    if "ipykernel" not in sys.modules:
        return False
    from IPython import get_ipython

    return getattr(get_ipython(), "kernel", None) is not None


class NotebookTable:
    """A table below its cell, of one row an evaluation, and a line of where the training is."""

    def __init__(self, headings: Sequence[str]) -> None:
        from IPython.display import HTML, display

        self._html = HTML
        self._headings, self._status = headings, ""
        self._rows: list[tuple[Sequence[str], bool]] = []
        self._shown = time.monotonic()
        self._handle: Any = display(HTML(self.html()), display_id=True)

    def add(self, row: Sequence[str], best: bool) -> None:
        """A row below the others; the best so far is in bold."""
        self._rows.append((row, best))
        self._update()

    def status(self, line: str, *, now: bool = False) -> None:
        """The line under the table; shown twice a second at most, or now."""
        self._status = line
        if now or time.monotonic() - self._shown >= _PAUSE:
            self._update()

    def html(self) -> str:
        cell = Markup("<td style='text-align:right'>{}</td>")
        head = Markup("").join(
            Markup("<th style='text-align:right'>{}</th>").format(each) for each in self._headings
        )
        rows = Markup("").join(
            Markup("<tr{}>{}</tr>").format(
                Markup(" style='font-weight:bold'") if best else "", Markup("").join(map(cell.format, row))
            )
            for row, best in self._rows
        )
        return Markup(
            "<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table><p style='font-family:monospace'>{}</p>"
        ).format(head, rows, self._status)

    def _update(self) -> None:
        self._shown = time.monotonic()
        if self._handle is not None:
            self._handle.update(self._html(self.html()))

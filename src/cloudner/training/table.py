"""The settings of a training as a table, in a terminal and in a notebook."""

from __future__ import annotations

from cloudner.errors import printable
from cloudner.training.resolution import Resolution, settings_rows


def show_settings(made: Resolution) -> None:
    """Print what was decided, and why."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title="Settings", title_justify="left")
    for heading in ("setting", "value", "why"):
        table.add_column(heading)
    for row in settings_rows(made):
        table.add_row(*(Text(printable(str(cell))) for cell in row))
    Console().print(table)

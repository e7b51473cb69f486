"""What every command does alike."""

import sys
from collections.abc import Callable
from typing import TypeVar

import typer

from cloudner.errors import CloudnerError

T = TypeVar("T")


def run(function: Callable[[], T]) -> T:
    """Calls `function`; bad input ends the command with one line on stderr and exit code 1."""
    try:
        return function()
    except CloudnerError as error:
        print(f"cloudner: {error}", file=sys.stderr)
        raise typer.Exit(1) from None

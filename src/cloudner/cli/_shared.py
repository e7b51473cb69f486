"""What every command does alike."""

import functools
import sys
from collections.abc import Callable
from typing import Any, TypeVar

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


def told(command: Callable[..., T]) -> Callable[..., T]:
    """`run` as a decorator, for commands whose body is the work itself."""

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> T:
        return run(lambda: command(*args, **kwargs))

    return wrapped

"""What every command does alike."""

import functools
import sys
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import typer

from cloudner.errors import CloudnerError

T = TypeVar("T")
P = ParamSpec("P")


def run(function: Callable[[], T]) -> T:
    """Calls `function`; bad input ends the command with one line on stderr and exit code 1."""
    try:
        return function()
    except CloudnerError as error:
        print(f"cloudner: {error}", file=sys.stderr)
        raise typer.Exit(1) from None


def told(command: Callable[P, T]) -> Callable[P, T]:
    """`run` as a decorator of a command; stands under `@app.command(...)`."""

    @functools.wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        return run(lambda: command(*args, **kwargs))

    return wrapper

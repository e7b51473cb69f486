"""What all commands share."""

import functools
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import typer

from cloudner.errors import CloudnerError

T = TypeVar("T")


def unquote(value: str) -> str:
    """Without the double quotes that project.yml puts around paths, for the spaces in them: on Windows spaCy's
    project runner passes them on."""
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value


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

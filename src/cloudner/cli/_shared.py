"""What all commands share."""

import errno
import functools
import io
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Optional, TypeVar

import typer
from typer.core import TyperGroup

from cloudner.errors import CloudnerError, InputError

T = TypeVar("T")
_full: list[Any] = []  # streams that could not be written to, kept open


class Commands(TyperGroup):
    """The commands; what the system refuses while one runs, and no other code has told, is one line on stderr too."""

    def invoke(self, ctx: Any) -> Any:
        for stream in (sys.stdout, sys.stderr):  # of a file name that is not UTF-8 the bytes are shown
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        try:
            try:
                return super().invoke(ctx)
            finally:
                sys.stdout.flush()
        except BrokenPipeError:  # nobody reads on: `cloudner doctor | head`
            raise
        except OSError as error:
            print(f"cloudner: {refused(error)}", file=sys.stderr)
            if error.filename is None:  # at exit Python would try to write again what stdout holds
                _full.append(sys.stdout)
                sys.stdout = open(os.devnull, "w")  # noqa: SIM115
            raise typer.Exit(1) from None


def refused(error: OSError) -> InputError:
    """What the system refused, as one line."""
    reason = error.strerror or str(error)
    if error.filename is not None:
        return InputError(reason, file=os.fsdecode(error.filename))
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return InputError(
            f"cannot write: {reason}",
            expected="room for the output, standard output and temporary files",
            fix="df -h . /tmp",
        )
    return InputError(reason)


def unquote(value: str) -> str:
    """Without the double quotes that project.yml puts around paths, for the spaces in them: on Windows spaCy's
    project runner passes them on."""
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value


def run(function: Callable[[], T]) -> T:
    """Calls `function`; bad input ends the command with one line on stderr and exit code 1, SIGTERM in a training with 143."""
    try:
        return function()
    except CloudnerError as error:
        print(f"cloudner: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    except Exception as error:
        signals = sys.modules.get("cloudner.training.signals")  # there where a training has begun
        if signals is None or not isinstance(error, signals.Stopped):
            raise
        print("Stopped by SIGTERM: the same command goes on with what is not done.", file=sys.stderr)
        raise typer.Exit(128 + signal.SIGTERM) from None


def told(command: Callable[..., T]) -> Callable[..., T]:
    """`run` as a decorator, for commands whose body is the work itself."""

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> T:
        return run(lambda: command(*args, **kwargs))

    return wrapped


Code = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        "--code", help="Python file with registered functions that the config or the pipeline names"
    ),
]

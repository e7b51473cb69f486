"""What spaCy and thinc raise for settings of a config, as one line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from configparser import InterpolationError
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from traceback import extract_tb
from typing import Any

from thinc.config import ConfigValidationError

from cloudner.errors import CloudnerError, ConfigError, first_line
from cloudner.training.values import shown

# spaCy's E893
_UNKNOWN_FUNCTION = re.compile(
    r"Could not find function '(?P<name>[^']*)' in function registry '(?P<registry>[^']*)'.*Available names: (?P<known>.*)",
    re.DOTALL,
)


@contextmanager
def settings_fit(config_path: Path) -> Iterator[None]:
    """Turns what spaCy and thinc raise for a setting of the wrong kind into one ConfigError; they check some kinds, and
    say of the others only where they failed."""
    try:
        yield
    except CloudnerError:
        raise
    except ConfigValidationError as error:
        raise ConfigError(_of_wrong_kind(error), file=str(config_path)) from error
    except ImportError as error:  # of a logger's package, say
        raise ConfigError(
            f"a function that it names cannot be loaded: {first_line(error)}", file=str(config_path),
            expected="functions whose packages are installed",
        ) from error  # fmt: skip
    except (
        ValueError, TypeError, LookupError, AttributeError, SystemError, OverflowError, InterpolationError
    ) as error:  # fmt: skip
        if unknown := _UNKNOWN_FUNCTION.search(str(error)):
            raise ConfigError(
                f"no function {unknown['name']!r} among the {unknown['registry']}", file=str(config_path),
                expected=f"one of {', '.join(_nearest(unknown))}",
                fix="--code FILE, or install the package, where the function is your own or of a package",
            ) from error  # fmt: skip
        last = extract_tb(error.__traceback__)[-1]
        raise ConfigError(
            f"{type(error).__name__}: {first_line(error)} ({Path(last.filename).name}, line {last.lineno})",
            file=str(config_path), expected="settings of the kinds that the functions it names take",
        ) from error  # fmt: skip


def _nearest(unknown: re.Match[str]) -> list[str]:
    """The functions of a registry whose names are most like the one that it lacks; all where none is like it."""
    known = [name for name in unknown["known"].split(", ") if name]
    return get_close_matches(unknown["name"], known, n=3) or known or ["those that are registered"]


def _of_wrong_kind(error: ConfigValidationError) -> str:
    """The settings that are not of the kind that spaCy expects, each with its value where the error has it."""
    told = []
    for each in error.errors or ():
        value: Any = error.config
        for part in each.get("loc", ()):
            value = value.get(part) if isinstance(value, Mapping) else None
        name = " -> ".join(map(str, each.get("loc", ())))
        told.append(f"{name}{'' if value is None else f' = {shown(value)}'}: {each.get('msg')}")
    return "; ".join(told) or first_line(error)

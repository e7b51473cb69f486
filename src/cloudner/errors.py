"""The errors cloudner raises for what a user handed it."""

from __future__ import annotations


class CloudnerError(ValueError):
    """Bad input, told in one line: where, what was found, what was expected, what to type.

    Every part but `found` may be left out. `str(error)` is one line.
    """

    def __init__(
        self,
        found: str,
        *,
        file: str | None = None,
        line: int | None = None,
        expected: str | None = None,
        fix: str | None = None,
    ) -> None:
        self.found, self.file, self.line, self.expected, self.fix = found, file, line, expected, fix
        where = "" if file is None else f"{file}: " if line is None else f"{file}:{line}: "
        parts = [where + found]
        if expected:
            parts.append(f"expected {expected}")
        if fix:
            parts.append(f"try: {fix}")
        super().__init__("; ".join(parts).replace("\n", " "))


class InputError(CloudnerError):
    """A file, record or corpus that cannot be used as it is."""


class ConfigError(CloudnerError):
    """A setting that cannot work."""


class DeviceError(CloudnerError):
    """A device that was asked for and does not work."""


class NonFiniteLossError(CloudnerError, ArithmeticError):
    """Training produced inf or NaN; no weight was changed by that step."""

"""A list of finished runs in a JSON file: what is there is not measured again."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any


class Runs:
    """`rows`: dicts with "key" (what was run) and its results. A file that is cut short is refused, not overwritten.

    Several processes may add to one file: what another has written in the meantime is read before it is written anew.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.head: dict[str, Any] = {}
        self.rows: list[dict[str, Any]] = []
        found = self._read()
        self.rows = found.pop("runs", [])
        self.head = found

    def find(self, key: dict[str, Any]) -> dict[str, Any] | None:
        return next((row for row in self.rows if row["key"] == key), None)

    def add(self, key: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
        row = {"key": key, **result}
        self.rows.append(row)
        self.write()
        return row

    def update(self, name: str, lines: Sequence[dict[str, Any]], *, by: str) -> None:
        """Lines of the list `name` in the head; those of the file that have another `by` stay."""
        with self._locked():
            new = {line[by] for line in lines}
            kept = [line for line in self._read().get(name, []) if line[by] not in new]
            self.head[name] = [*kept, *lines]
            self._write()

    def write(self) -> None:
        with self._locked():
            self._write()

    def _read(self) -> dict[str, Any]:
        if not self.path.is_file():
            return {}
        try:
            found: dict[str, Any] = json.loads(self.path.read_text(encoding="utf-8"))
        except json.JSONDecodeError as error:
            raise SystemExit(f"{self.path} is no JSON ({error}); move it away to start anew") from error
        return found

    def _write(self) -> None:
        """Through a second file, so that a run that is stopped here loses nothing."""
        found = self._read().get("runs", [])
        self.rows = [
            *found,
            *(row for row in self.rows if all(row["key"] != other["key"] for other in found)),
        ]
        beside = self.path.with_suffix(f".json.{os.getpid()}.part")
        beside.write_text(json.dumps({**self.head, "runs": self.rows}, indent=1) + "\n", encoding="utf-8")
        os.replace(beside, self.path)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """One writer at a time, where the system knows such locks (it ends with the process that holds it)."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with open(self.path.with_suffix(".json.lock"), "w", encoding="utf-8") as lock:
            with contextlib.suppress(ImportError):
                import fcntl

                fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def mean_sd(values: Sequence[float]) -> tuple[float, float]:
    """Mean and sample standard deviation (0 for one value)."""
    import statistics

    return statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else 0.0

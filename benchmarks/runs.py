"""A list of finished runs in a JSON file: what is there is not measured again."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any


class Runs:
    """`rows`: dicts with "key" (what was run) and its results. A file that is cut short is refused, not overwritten."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.head: dict[str, Any] = {}
        self.rows: list[dict[str, Any]] = []
        if path.is_file():
            try:
                found = json.loads(path.read_text(encoding="utf-8"))
            except json.JSONDecodeError as error:
                raise SystemExit(f"{path} is no JSON ({error}); move it away to start anew") from error
            self.rows = found["runs"]
            self.head = {name: value for name, value in found.items() if name != "runs"}

    def find(self, key: dict[str, Any]) -> dict[str, Any] | None:
        return next((row for row in self.rows if row["key"] == key), None)

    def add(self, key: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
        row = {"key": key, **result}
        self.rows.append(row)
        self.write()
        return row

    def write(self) -> None:
        """Through a second file, so that a run that is stopped here loses nothing."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        beside = self.path.with_suffix(".json.part")
        beside.write_text(json.dumps({**self.head, "runs": self.rows}, indent=1) + "\n", encoding="utf-8")
        os.replace(beside, self.path)


def mean_sd(values: Sequence[float]) -> tuple[float, float]:
    """Mean and sample standard deviation (0 for one value)."""
    import statistics

    return statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else 0.0

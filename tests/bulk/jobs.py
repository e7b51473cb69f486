"""Small sources, and what a target holds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tiny

TEXTS = [text for text, _ in tiny.DATA]
# (start, end, label) of each text, as the pipeline of the fixture `trained_folder` knows them by heart.
KNOWN = [[tuple(span) for span in spans] for _, spans in tiny.DATA]


def write_jsonl(path: Path, rows: Sequence[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", errors="surrogatepass")
    return path


def write_parquet(path: Path, columns: dict[str, Any], **options: Any) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path, **options)
    return path


def numbered(count: int, first: int = 0) -> list[dict[str, Any]]:
    return [{"key": f"k{i}", "text": TEXTS[i % len(TEXTS)], "n": i} for i in range(first, first + count)]


def rows_of(target: Path) -> list[dict[str, Any]]:
    """The rows of all pieces, in their order."""
    found: list[dict[str, Any]] = []
    for path in sorted(target.glob("part-*")):
        if path.suffix == ".parquet":
            import pyarrow.parquet as pq

            found += pq.read_table(path).to_pylist()
        else:
            found += rows_of_lines(path)
    return found


def rows_of_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def spans(row: dict[str, Any]) -> list[tuple[int, int, str]] | None:
    found = row["entities"]
    return None if found is None else [(each["start"], each["end"], each["label"]) for each in found]


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "spacy", "cloudner", "annotate", *map(str, words)]


def start(*words: object) -> subprocess.Popen[str]:
    """The command in a process group of its own."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    return subprocess.Popen(
        command(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )


def workers_of(process: int) -> list[Any]:
    import psutil

    try:
        children = psutil.Process(process).children(recursive=True)
        return [child for child in children if "cloudner.bulk.engines.worker" in " ".join(child.cmdline())]
    except psutil.Error:
        return []

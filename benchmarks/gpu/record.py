"""The results file: one JSON for all parts, whole at any moment, and what another run of parts left in it kept."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def write_atomically(path: Path, content: Any) -> None:
    """Through a second file: who reads meets the old content or the new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.{os.getpid()}.part")
    beside.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(beside, path)


def read_json(path: Path) -> Any:
    """None where there is none, or one that is cut short."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def last_lines(path: Path, count: int = 40) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return [line[:400] for line in text.splitlines() if line.strip()][-count:]


def without_folders(content: Any, folders: list[str]) -> Any:
    """The same without these folders in its texts."""
    if isinstance(content, str):
        for folder in folders:
            content = content.replace(f"{folder}/", "")
        return content
    if isinstance(content, dict):
        return {key: without_folders(value, folders) for key, value in content.items()}
    if isinstance(content, list):
        return [without_folders(value, folders) for value in content]
    return content


class Record:
    """Parts by name; each has the machine and the versions it ran on, since parts may come from several calls."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.parts: dict[str, Any] = (read_json(path) or {}).get("parts", {})
        self.head: dict[str, Any] = {}
        self.hidden: list[str] = []  # folders of this machine, which no result names

    def put(self, part: str, content: dict[str, Any]) -> None:
        self.parts[part] = {**self.head, **content}
        self.write()

    def write(self) -> None:
        write_atomically(self.path, without_folders({"parts": self.parts}, self.hidden))

    def merge(self, other: Path) -> None:
        """Take over the parts of another file."""
        found = read_json(other)
        if not isinstance(found, dict) or "parts" not in found:
            raise SystemExit(f"{other}: expected a results file of this command")
        self.parts |= found["parts"]
        self.write()

"""Label Studio's dialogues and paragraphs: a list of turns, and labels that count within one of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloudner.corpus.contract import ReadOptions, SpanRecord
from cloudner.corpus.formats.spans import Where, label_of, offset


class Dialogue:
    """The turns as one text, a line each. key: theirs in the task's data."""

    def __init__(self, key: str, turns: list[str]) -> None:
        self.key = key
        self.text = "\n".join(turns)
        self._starts = [0]
        for turn in turns:
            self._starts.append(self._starts[-1] + len(turn) + 1)

    def spans(self, value: Mapping[str, Any], options: ReadOptions, where: Where) -> list[SpanRecord]:
        """The spans of `{"start": "0", "end": "0", "startOffset": 0, "endOffset": 5, "paragraphlabels": [...]}`."""
        first, last = offset(value.get("start"), where), offset(value.get("end"), where)
        if not first <= last < len(self._starts) - 1:
            raise where.error(f"turns {first} to {last}", f"turns 0 to {len(self._starts) - 2}")
        start = self._starts[first] + offset(value.get("startOffset"), where)
        end = self._starts[last] + offset(value.get("endOffset"), where)
        stored = value.get("text") if isinstance(value.get("text"), str) and first == last else None
        return [
            SpanRecord(start, end, name, stored)
            for name in label_of(value["paragraphlabels"], options, where)
        ]


def dialogue(data: Mapping[str, Any], wanted: str | None) -> Dialogue | None:
    """The turns in a task's data: a list of objects with a text each; None without one."""
    for key, turns in data.items():
        if wanted not in (None, key) or not isinstance(turns, list) or not turns:
            continue
        texts = [
            turn.get("text", turn.get("content")) if isinstance(turn, Mapping) else None for turn in turns
        ]
        if all(isinstance(text, str) for text in texts):
            return Dialogue(key, [str(text) for text in texts])
    return None

"""What happened to annotations on the way: every one that was dropped, changed or repaired, counted by cause."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Literal, NamedTuple

from cloudner.atomic import beside, remove_leftovers

Action = Literal["dropped", "changed", "repaired", "noted"]

# cause -> what it means, in the words of the summary table
CAUSES: dict[str, str] = {
    "misaligned": "starts or ends inside a token",
    "overlapping": "overlaps a longer annotation",
    "nested": "lies inside a longer annotation",
    "duplicate": "the same annotation twice",
    "conflicting-labels": "two labels on the same span",
    "empty": "covers no text",
    "outside-text": "lies outside the text",
    "whitespace": "white space at the edge",
    "surface-mismatch": "the stored surface text is not at its offsets, or, without offsets, not as often in the text as given",
    "offsets-utf16": "offsets counted in UTF-16 code units",
    "offsets-bytes": "offsets counted in UTF-8 bytes",
    "offsets-crlf": "line ends counted differently",
    "offsets-inclusive": "the end is the last character, not one after it",
    "offsets-one-based": "offsets counted from 1",
    "offsets-moved": "the surface text was found near by, once",
    "unknown-tag": "a tag of no known scheme",
    "no-outside": "no O in the file: empty tags are taken for it",
    "no-value": "no value where the entities belong, not even an empty list: taken for a text without any",
    "position-labels": "spans with B- and I- labels, joined",
    "word-pieces": "an encoder's pieces of words, joined",
    "impossible-transition": "a tag that cannot follow the one before it",
    "label-case": "labels that differ only in case",
    "conflicting-documents": "identical text with different annotations",
    "unsupported": "an annotation of a kind an entity span cannot hold",
    "several-lists": "lists of rows in one object",
    "not-a-document": "a source that no format recognises",
    "empty-document": "a document without text",
    "empty-token": "a token without text",
    "duplicate-id": "the id of an earlier document of the file",
    "no-group": "a document without the value that others are grouped by",
    "several-annotators": "annotated by several people: one is read",
    "bad-record": "a record that cannot be read, left out as asked for",
    "rejected": "a document that an annotator rejected or skipped",
}


class ConversionIssue(NamedTuple):
    """One annotation (or document) that is not in the output as it was in the file.

    cause: a key of `CAUSES`.
    action: `dropped` (it is gone), `changed` (it covers other text than before), `repaired` (it covers what the
        annotator meant, offsets were wrong) or `noted` (nothing was touched, but look at it).
    file, line: where it came from. excerpt: the text concerned. label: its label.
    done: what was done, with the nearest alternative where there is one. record: the document's id, else its number in
        the file.
    """

    cause: str
    action: Action
    file: str
    line: int
    excerpt: str = ""
    label: str = ""
    done: str = ""
    record: str = ""


def excerpt(text: str, start: int, end: int, context: int = 20) -> str:
    """The text from start to end (characters) in brackets, with a little of what stands around it."""
    start, end = max(0, min(start, len(text))), max(0, min(end, len(text)))
    middle = text[start:end] if end - start <= 60 else f"{text[start : start + 40]}…{text[end - 15 : end]}"
    before, after = text[max(0, start - context) : start], text[end : end + context]
    return f"{before}[{middle}]{after}"


class IssueLog:
    """Counts issues and streams them to `<output>.issues.jsonl` (one JSON object a line), never holding them.

    The file appears under its final name only when `close` is called, and not at all where nothing happened.
    """

    def __init__(self, path: str | os.PathLike[str] | None) -> None:
        self.path = None if path is None else Path(path)
        self.counts: Counter[tuple[str, Action]] = Counter()
        self.examples: dict[str, ConversionIssue] = {}
        self._stream: IO[str] | None = None
        self._temporary = Path() if self.path is None else beside(self.path)

    def extend(self, issues: Iterable[ConversionIssue]) -> None:
        for issue in issues:
            self.add(issue)

    def add(self, issue: ConversionIssue) -> None:
        self.counts[issue.cause, issue.action] += 1
        self.examples.setdefault(issue.cause, issue)
        if self.path is None:
            return
        if self._stream is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            remove_leftovers(self.path)
            self._stream = open(self._temporary, "x", encoding="utf-8", errors="backslashreplace")  # noqa: SIM115
        self._stream.write(json.dumps(issue._asdict(), ensure_ascii=False) + "\n")

    @property
    def lost(self) -> int:
        """How many annotations are gone or cover other text than before."""
        return sum(count for (_, action), count in self.counts.items() if action in ("dropped", "changed"))

    def close(self) -> Path | None:
        """Puts the file in place; removes a stale one of an earlier run. Returns its path, or None without issues."""
        if self.path is None:
            return None
        if self._stream is None:
            self.path.unlink(missing_ok=True)
            return None
        self._stream.close()
        self._stream = None
        os.replace(self._temporary, self.path)
        return self.path

    def discard(self) -> None:
        """Leaves no file behind."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None
            self._temporary.unlink(missing_ok=True)

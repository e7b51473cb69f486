"""What a format's reader yields and a writer takes: one `Record` a document."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple


class SpanRecord(NamedTuple):
    """An annotated span.

    start, end: character offsets into `Record.text` (Python code points, end exclusive).
    label: the label as the file has it.
    surface: the text the file stores beside the offsets, where it does; None otherwise.
    """

    start: int
    end: int
    label: str
    surface: str | None = None


@dataclass(slots=True)
class Record:
    """One document as the file has it, before it is aligned to spaCy tokens.

    A record is either *offset-based* (`text` and `spans`; `tokens` is None) or *token-based* (`tokens` and
    `tags`, one raw tag a token such as `B-PER`, `O`, `S-LOC` or a bare `PER`; `None` for a token that has no
    annotation, which is missing and not O). A token-based record may have several sentences: `sent_starts`
    holds the index of each sentence's first token. `spaces` (one bool a token: is it followed by a space) may
    be None, when words are joined by single spaces (nothing for one-character-a-line Chinese). Third, `tokens` with
    `tags` None, `text` and `spans`: the spans are put on those tokens.
    """

    file: str
    line: int
    text: str | None = None
    spans: list[SpanRecord] = field(default_factory=list)
    tokens: list[str] | None = None
    tags: list[str | None] | None = None
    spaces: list[bool] | None = None
    sent_starts: list[int] | None = None
    complete: bool = True  # False: what is not marked is unknown, not O (a document nobody finished)
    # spans rejected by an annotator: known not to be
    negative: list[SpanRecord] = field(default_factory=list)
    meta: dict[str, Any] = field(default_factory=dict)  # id, group, split, ... kept in Doc.user_data["meta"]
    # What the reader saw and a record cannot hold; each becomes an issue: cause (a key of `issues.CAUSES`), action
    # (dropped, changed, repaired or noted) and what was done.
    notes: list[tuple[str, str, str]] = field(default_factory=list)

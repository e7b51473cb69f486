"""A document's spans to its tokens: offsets repaired, edges trimmed, overlaps resolved, and each loss reported."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Literal, NamedTuple, cast

from cloudner.corpus.align.offsets import OffsetMap, recount, repair, same
from cloudner.corpus.contract import Record, SpanRecord
from cloudner.corpus.issues import Action, excerpt

AlignMode = Literal["expand", "contract", "strict"]
_LONG = 1000  # characters of two texts, from where on comparing each with each takes too long
_SHOWN = 80  # characters of a longer annotation in the report of each one that it takes the place of
# Takes one issue: its record, cause, action, the text around it, the label and what was done.
Tell = Callable[[Record, str, Action, str, str, str], None]


def _alike(one: str, other: str) -> bool:
    """Have two texts most of their characters in common, in order; for long ones, in whatever order?"""
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    return (matcher.ratio() if len(one) + len(other) <= _LONG else matcher.quick_ratio()) >= 0.7


class Entity(NamedTuple):
    """Tokens start to end (exclusive) and a label."""

    start: int
    end: int
    label: str


class Placing:
    """One record's text and tokens, on which its spans are placed.

    starts, ends: the first character of each token, and the one after its last. tell: where losses and repairs go.
    overlaps: spans that nest, overlap or share their place with another label are kept (`every`), and no loss.
    """

    def __init__(
        self,
        record: Record,
        text: str,
        starts: list[int],
        ends: list[int],
        tell: Tell,
        *,
        overlaps: bool = False,
    ) -> None:
        self._record, self._text, self._starts, self._ends = record, text, starts, ends
        self._tell, self._overlaps = tell, overlaps
        self.every: list[Entity] = []  # all spans of the record, each once, by where they begin

    def entities(self, mode: AlignMode) -> tuple[list[Entity], list[Entity]]:
        """The record's spans as entities without overlap, by the alignment mode, and its negative spans, which
        never change to fit a token."""
        placed = self._place_all(self._record.spans, mode)
        self.every = sorted(set(placed))
        entities = self._resolve(placed) if len(placed) > 1 else placed
        return entities, self._place_all(self._record.negative, "strict") if self._record.negative else []

    def _place_all(self, spans: list[SpanRecord], mode: AlignMode) -> list[Entity]:
        placed = (self._place(span, mode) for span in self._clean(spans))
        return [entity for entity in placed if entity is not None]

    # Offsets

    def _clean(self, spans: list[SpanRecord]) -> list[SpanRecord]:
        """Spans with repaired offsets inside the text and no white space at the edge; exact duplicates once."""
        text = self._text
        offsets = OffsetMap(text)
        seen: dict[tuple[int, int], list[str]] = {}
        clean = []
        for span in spans:
            start, end, label, surface = span
            if surface is not None and text[start:end] != surface:
                found = self._find_surface(offsets, span)
                if found is None:
                    continue
                start, end = found
            inside = self._trim(start, end, label)
            if inside is None:
                continue
            start, end = inside
            if label in ("", "O"):
                done = "left out: O is no entity" if label else "dropped: it has no label"
                self._issue("unknown-tag", "noted" if label else "dropped", start, end, label, done)
                continue
            known = seen.setdefault((start, end), [])
            if label in known:
                self._issue("duplicate", "noted", start, end, label, "kept once")
                continue
            if known and not self._overlaps:
                self._issue("conflicting-labels", "dropped", start, end, label, f"kept {known[0]}")
                continue
            known.append(label)
            clean.append(SpanRecord(start, end, label, surface))
        return clean

    def _trim(self, start: int, end: int, label: str) -> tuple[int, int] | None:
        """The part of a span that is inside the text and not white space at its edges; None without any."""
        text, size = self._text, len(self._text)
        if start >= size > 0:
            done = f"{start}:{end} in {size} characters: dropped"
            self._tell(self._record, "outside-text", "dropped", "", label, done)
            return None
        if end > size:
            self._issue("outside-text", "changed", start, size, label, f"end {end} cut to {size}")
            end = size
        piece = text[start:end]
        core = piece.strip()
        if not core:
            self._issue("empty", "dropped", start, end, label, "dropped: no text in it")
            return None
        if len(core) != len(piece):
            self._issue("whitespace", "repaired", start, end, label, "trimmed")
            start += len(piece) - len(piece.lstrip())
            end = start + len(core)
        return start, end

    def _find_surface(self, offsets: OffsetMap, span: SpanRecord) -> tuple[int, int] | None:
        start, end, surface = span.start, span.end, cast(str, span.surface)
        found = self._text[start:end]
        fixed = recount(offsets, start, end, surface)
        if fixed is None:
            if same(found, surface):
                return start, end
            fixed = repair(offsets, start, end, surface)
        if fixed is not None:
            done = f"{start}:{end} -> {fixed.start}:{fixed.end}"
            self._issue(fixed.cause, "repaired", fixed.start, fixed.end, span.label, done)
            return fixed.start, fixed.end
        if _alike(found.casefold(), surface.casefold()):
            done = f"kept; the file says {surface!r}"
            self._issue("surface-mismatch", "noted", start, end, span.label, done)
            return start, end
        done = f"dropped; the file says {surface!r}"
        self._issue("surface-mismatch", "dropped", start, end, span.label, done)
        return None

    # Tokens

    def _place(self, span: SpanRecord, mode: AlignMode) -> Entity | None:
        """The tokens of a span, by the alignment mode where it cuts a token."""
        starts, ends = self._starts, self._ends
        first = bisect_right(starts, span.start) - 1
        last = bisect_left(ends, span.end)
        if starts[first] == span.start and last < len(ends) and ends[last] == span.end:
            return Entity(first, last + 1, span.label)
        wide = (first, min(last, len(ends) - 1) + 1)
        narrow = (bisect_left(starts, span.start), bisect_right(ends, span.end))
        wide_text = self._token_text(*wide)
        narrow_text = self._token_text(*narrow) if narrow[0] < narrow[1] else None
        if mode == "expand":
            done = f"expanded to {wide_text!r}"
            self._issue("misaligned", "changed", span.start, span.end, span.label, done)
            return Entity(*wide, span.label)
        if mode == "contract" and narrow_text is not None:
            done = f"contracted to {narrow_text!r}"
            self._issue("misaligned", "changed", span.start, span.end, span.label, done)
            return Entity(*narrow, span.label)
        offers = f"--align expand would make it {wide_text!r}"
        if narrow_text is not None:
            offers += f", --align contract {narrow_text!r}"
        self._issue("misaligned", "dropped", span.start, span.end, span.label, f"dropped; {offers}")
        return None

    def _resolve(self, entities: list[Entity]) -> list[Entity]:
        """Without overlap: the longest first, of equally long ones the one that begins first."""
        ordered = sorted(entities, key=lambda e: e.start)
        if all(a.end <= b.start for a, b in pairwise(ordered)):
            return ordered
        owner: dict[int, Entity] = {}
        kept = []
        for entity in sorted(entities, key=lambda e: (e.start - e.end, e.start)):
            # what is kept is as long as this one or longer: where they overlap, it has the first or the last token of it
            other = owner.get(entity.start) or owner.get(entity.end - 1)
            if other is None:
                kept.append(entity)
                owner.update(dict.fromkeys(range(entity.start, entity.end), entity))
                continue
            if self._overlaps:
                continue
            inside = other.start <= entity.start and entity.end <= other.end
            exact = (other.start, other.end) == (entity.start, entity.end)
            cause = "nested" if inside else "overlapping"
            action: Action = "dropped"
            if exact:
                cause = "duplicate" if other.label == entity.label else "conflicting-labels"
                action = "noted" if other.label == entity.label else "dropped"
            first, last = self._starts[entity.start], self._ends[entity.end - 1]
            kept_text = self._token_text(other.start, other.end)
            if len(kept_text) > _SHOWN:
                kept_text = kept_text[: _SHOWN - 1] + "…"
            self._issue(cause, action, first, last, entity.label, f"kept {other.label} {kept_text!r}")
        return sorted(kept)

    def _token_text(self, first: int, last: int) -> str:
        """The text of the tokens first to last (exclusive)."""
        return self._text[self._starts[first] : self._ends[last - 1]]

    def _issue(self, cause: str, action: Action, start: int, end: int, label: str, done: str) -> None:
        self._tell(self._record, cause, action, excerpt(self._text, start, end), label, done)

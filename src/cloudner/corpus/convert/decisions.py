"""What a reviewer decided about single annotations, and documents changed by it: `cloudner convert --apply`."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from spacy.strings import get_string_id

from cloudner.corpus.convert.group import Group, LabelledSpan
from cloudner.corpus.docbin.chunk import BEGIN, INSIDE, OUTSIDE, Chunk, msgpack_loads
from cloudner.corpus.files.sources import open_sources
from cloudner.errors import InputError

ANSWERS = ("accept", "reject", "")
_EXAMPLE = '{"id": "a", "start": 0, "end": 3, "label": "ORG", "suggested": {"start": 0, "end": 3, "label": "LOC"}, "decision": "accept"}'


@dataclass(frozen=True)
class Decision:
    """One line of a file of decisions.

    document: its name, see `DocumentNames`. given: the annotation that is there, None for one that is missed. suggested: what
    should be there instead, None for nothing. text: what stands at `place` (characters, end exclusive), by which a text that
    has changed is noticed; a suggestion that was corrected by hand may lie elsewhere.
    """

    line: int
    document: str
    given: LabelledSpan | None
    suggested: LabelledSpan | None
    text: str | None
    place: tuple[int, int]


class DocumentNames:
    """Names of documents that stay the same in every format: the document's own id, else a digest of its text. The
    second document of a name is `NAME#2`, in the order of the corpus."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def name(self, own: object, text: str) -> str:
        base = str(own) if own not in (None, "") else "text-" + text_digest(text)
        self._seen[base] += 1
        return base if self._seen[base] == 1 else f"{base}#{self._seen[base]}"


def text_digest(text: str) -> str:
    """16 hexadecimal digits; white space at the end does not count, which formats of tokens do not keep."""
    return hashlib.blake2b(text.rstrip().encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


class Decisions:
    """The accepted decisions of a file, to be applied to the documents of a corpus in their order.

    spans: the group of spans that the documents have, if any: the decisions must be about it then. `counts`: lines by their
    decision. Raises InputError for a file that cannot be read as decisions, and for one about another group.
    """

    def __init__(self, path: str | Path, spans: str | None = None) -> None:
        self.file, self.spans = str(path), spans
        self.counts: Counter[str] = Counter()
        self._open: dict[str, list[Decision]] = {}
        self._names = DocumentNames()
        for source in open_sources(self.file):
            for line, text in source.lines():
                if text.strip():
                    self._add(line, text)

    def _add(self, line: int, text: str) -> None:
        try:
            row = json.loads(text)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict):
            raise self._error(line, "no JSON object", _EXAMPLE)
        answer = row.get("decision") or ""
        if answer not in ANSWERS:
            raise self._error(line, f"decision {answer!r}", "accept, reject, or nothing")
        self._check_group(line, row.get("spans_key"))
        self.counts[answer or "open"] += 1
        document = row.get("id")
        if not isinstance(document, (str, int)) or isinstance(document, bool):
            raise self._error(line, f"id {document!r}", "the id of a document")
        given = None if row.get("label") is None else self._span(line, row)
        suggested = row.get("suggested")
        if suggested is not None and not isinstance(suggested, dict):
            raise self._error(line, f"suggested {suggested!r}", "start, end and label, or null")
        new = None if suggested is None else self._span(line, suggested)
        if given is None and new is None:
            raise self._error(line, "neither a label nor a suggestion", "at least one of the two")
        surface = row.get("text")
        if answer == "accept":
            about = given or new
            # Of what is missed, lines written by hand need not say twice where.
            if given is None and row.get("start") is not None:
                about = self._span(line, {**row, "label": "missed"})
            assert about is not None
            text_there = surface if isinstance(surface, str) else None
            made = Decision(line, str(document), given, new, text_there, (about.start, about.end))
            self._open.setdefault(made.document, []).append(made)

    def _check_group(self, line: int, key: object) -> None:
        if key == self.spans:
            return
        about, here = ("doc.ents" if each is None else f"doc.spans[{each!r}]" for each in (key, self.spans))
        fix = "leave out --spans" if key is None else f"--spans {key}"
        raise self._error(line, f"a decision about {about}", f"one about {here}", fix)

    def _span(self, line: int, row: Mapping[str, Any]) -> LabelledSpan:
        start, end, label = row.get("start"), row.get("end"), row.get("label")
        whole = all(isinstance(each, int) and not isinstance(each, bool) for each in (start, end))
        if not whole or not 0 <= start < end:  # type: ignore[operator]
            raise self._error(line, f"start {start!r} and end {end!r}", "characters of the text, from 0")
        if not isinstance(label, str) or not label:
            raise self._error(line, f"label {label!r}", "a label")
        return LabelledSpan(start, end, label)  # type: ignore[arg-type]

    def _error(self, line: int, found: str, expected: str, fix: str | None = None) -> InputError:
        return InputError(found, file=self.file, line=line, expected=expected, fix=fix)

    # -- applying -------------------------------------------------------------------------------------------------

    def apply(self, chunk: Chunk) -> None:
        """Changes the entities of a chunk's documents, in place. Raises InputError where a text or an annotation is not what
        the decision was made about."""
        texts = _Texts(chunk)
        for number in range(len(chunk)):
            own = _own_id(chunk.user_data[number])
            name = self._names.name(own, "" if own not in (None, "") else texts.of(number)[0])
            if name in self._open:
                self._change(chunk, number, self._open.pop(name), *texts.of(number))

    def finish(self) -> None:
        """Raises InputError where a decision's document was not among those seen."""
        for decisions in self._open.values():
            raise self._error(
                decisions[0].line,
                f"no document {decisions[0].document!r} in the sources",
                "the corpus that was reviewed, with unchanged texts",
                "convert all files that were reviewed, or remove the line",
            )

    def _change(
        self,
        chunk: Chunk,
        number: int,
        decisions: list[Decision],
        text: str,
        starts: list[int],
        ends: list[int],
    ) -> None:
        first = int(chunk.bounds[number])
        group = None if self.spans is None else Group.of(chunk, number, self.spans)
        there = _entities(chunk, number, starts, ends) if group is None else group.places(first)
        for decision in decisions:
            self._check_text(decision, text)
            if decision.given is not None and decision.given not in there:
                raise self._gone(decision, there)
        removed = {decision.given for decision in decisions}
        kept = {span: None for span in there if span not in removed}
        places: dict[LabelledSpan, tuple[int, int]] = {}
        for decision in decisions:
            new = decision.suggested
            if new is None or new in places:
                continue
            for other in () if group is not None else (*kept, *places):
                if new.start < other.end and other.start < new.end:
                    raise self._error(
                        decision.line,
                        f"{new.label} {text[new.start : new.end]!r} overlaps {other.label} {text[other.start : other.end]!r}",
                        "room for what is suggested",
                        "accept the other's line too, or correct this one",
                    )
            if new.start not in starts or new.end not in ends:
                raise self._error(
                    decision.line,
                    f"{new.start} to {new.end} cuts a token",
                    "whole tokens of the corpus",
                    "--lang of the config that it was reviewed with, or correct the line",
                )
            places[new] = (first + starts.index(new.start), first + ends.index(new.end) + 1)
        if group is not None:
            changed = {span: (start - first, end - first) for span, (start, end) in places.items()}
            places = group.change(removed, changed, first)
            gone = list(_entities(chunk, number, starts, ends).values())
        else:
            gone = [there[span] for span in there if span in removed]
        _clear(chunk, gone)
        _write(chunk, places)

    def _check_text(self, decision: Decision, text: str) -> None:
        start, end = decision.place
        found = text[start:end]
        if end > len(text.rstrip()) or (decision.text is not None and decision.text != found):
            raise self._error(
                decision.line,
                f"{found!r} at {start} to {end} of document {decision.document!r}",
                f"{decision.text!r}, which was reviewed",
                "the corpus that was reviewed, or review again",
            )

    def _gone(self, decision: Decision, there: Mapping[LabelledSpan, Any]) -> InputError:
        given = decision.given
        assert given is not None
        here = [f"{s.label} {s.start}-{s.end}" for s in there if s.start < given.end and given.start < s.end]
        return self._error(
            decision.line,
            f"document {decision.document!r} has {' and '.join(here) or 'no annotation'} there",
            f"{given.label} {given.start}-{given.end}, which was reviewed",
            "the corpus that was reviewed, not one that was corrected already",
        )


class _Texts:
    """The text of a chunk's documents with the first and the end (exclusive) character of each token, made when asked for."""

    def __init__(self, chunk: Chunk) -> None:
        self._chunk, self._bounds = chunk, chunk.bounds.tolist()

    def of(self, number: int) -> tuple[str, list[int], list[int]]:
        chunk = self._chunk
        first, last = self._bounds[number], self._bounds[number + 1]
        words = [chunk.string(key) for key in chunk.orth[first:last].tolist()]
        starts, ends, at = [], [], 0
        pieces = []
        for word, space in zip(words, chunk.spaces[first:last].tolist(), strict=True):
            starts.append(at)
            ends.append(at + len(word))
            at += len(word) + bool(space)
            pieces.append(word + " " * bool(space))
        return "".join(pieces), starts, ends


def _own_id(packed: bytes | None) -> object:
    data = {} if packed is None else msgpack_loads(packed)
    meta = data.get("meta") if isinstance(data, dict) else None
    return meta.get("id") if isinstance(meta, dict) else None


def _entities(
    chunk: Chunk, number: int, starts: list[int], ends: list[int]
) -> dict[LabelledSpan, tuple[int, int]]:
    """The document's entities by characters, each with its tokens in the chunk."""
    low, high = chunk.bounds[number : number + 2].tolist()
    found = {}
    for first, last, key in zip(*(each.tolist() for each in chunk.entities()), strict=True):
        if low <= first < high:
            span = LabelledSpan(starts[first - low], ends[last - 1 - low], chunk.string(key))
            found[span] = (first, last)
    return found


def _clear(chunk: Chunk, places: list[tuple[int, int]]) -> None:
    chunk.iob, chunk.ent_type = (
        chunk.iob.copy(),
        chunk.ent_type.copy(),
    )  # those of another process are read-only
    for first, last in places:
        chunk.iob[first:last], chunk.ent_type[first:last] = OUTSIDE, 0


def _write(chunk: Chunk, places: Mapping[LabelledSpan, tuple[int, int]]) -> None:
    for span, (first, last) in places.items():
        chunk.strings.add(span.label)
        chunk.iob[first], chunk.iob[first + 1 : last] = BEGIN, INSIDE
        chunk.ent_type[first:last] = np.uint64(get_string_id(span.label))
    chunk._store = None  # made of the strings that there were

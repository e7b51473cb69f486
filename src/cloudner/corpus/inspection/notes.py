"""Findings with their places and texts, and in sentences."""

from __future__ import annotations

from collections import Counter
from typing import Any

from cloudner.corpus.docbin.chunk import INSIDE, Chunk, msgpack_loads
from cloudner.corpus.docbin.spool import Spool
from cloudner.corpus.inspection.duplicates import TextKeys
from cloudner.corpus.inspection.nesting import notes_on_groups
from cloudner.corpus.inspection.result import InspectionData, Overlap
from cloudner.corpus.inspection.suspects import Place

_CONTEXT = 8  # tokens shown on either side of a suspicious string
# Fewer training mentions of a label than this are noted; spaCy's `debug data` draws its line at 50 as well.
FEW_MENTIONS = 50


class Examples:
    """Texts and places of findings, read back from the spool; the last chunk stays at hand. splits: of each chunk."""

    def __init__(self, spool: Spool, splits: list[str]) -> None:
        self._spool, self._splits = spool, splits
        self._kept: tuple[int, Chunk] | None = None

    def _chunk(self, number: int) -> Chunk:
        if self._kept is None or self._kept[0] != number:
            self._kept = number, self._spool.chunk(number)
        return self._kept[1]

    def context(self, place: Place) -> dict[str, Any]:
        """A string with what stands around it, and where it is."""
        number, doc, start, end = place
        chunk = self._chunk(number)
        first, last = int(chunk.starts[doc]), int(chunk.ends[doc])
        begin, stop = max(first, start - _CONTEXT), min(last, end + _CONTEXT)
        while begin > first and chunk.iob[begin] == INSIDE:  # no entity is cut
            begin -= 1
        while stop < last and chunk.iob[stop] == INSIDE:
            stop += 1
        spaced = [bool(chunk.spaces[i - 1]) if i > first else False for i in (start, end)]
        return {
            **self._where(number, doc),
            "before": "…\u00a0" * (begin > first) + chunk.text(begin, start) + " " * spaced[0],
            "text": chunk.text(start, end),
            "after": " " * spaced[1] + chunk.text(end, stop) + "\u00a0…" * (stop < last),
        }

    def document(self, doc: int) -> dict[str, Any]:
        """The beginning of a document and where it is."""
        number, row = self._spool.find(doc)
        chunk = self._chunk(number)
        first, last = int(chunk.starts[row]), int(chunk.ends[row])
        text = chunk.text(first, min(last, first + 40))
        more = " …" if last > first + 40 or len(text) > 240 else ""
        return {**self._where(number, row), "text": text[:240] + more}

    def pair(self, doc: int, other: int) -> dict[str, Any]:
        """Two documents that belong together."""
        return {**self.document(doc), "other": self.document(other)}

    def _where(self, number: int, doc: int) -> dict[str, Any]:
        chunk = self._chunk(number)
        file, line = chunk.places[doc]
        packed = chunk.user_data[doc]
        meta = msgpack_loads(packed).get("meta", {}) if packed is not None else {}
        name = str(meta["id"]) if "id" in meta else ""
        return {"split": self._splits[number], "file": file, "line": line, "record": name}


def find_overlaps(texts: TextKeys, names: list[str], reader: Examples, limit: int) -> list[Overlap]:
    overlaps = []
    for split, name in enumerate(names):
        for other in range(split + 1):
            copies = texts.copies(split, other)
            counts = Counter(copy.kind for copy in copies)
            examples = [
                {
                    "kind": copy.kind,
                    "similarity": round(copy.similarity, 2),
                    **reader.pair(copy.doc, copy.other),
                }
                for copy in copies[:limit]
            ]
            overlaps.append(
                Overlap(
                    name, names[other], counts["identical"], counts["normalised"], counts["near"], examples
                )
            )
    return overlaps


def notes_on(data: InspectionData) -> list[str]:
    """A sentence for each thing in the result that deserves a look."""
    notes = []
    train = next((split for split in data.splits if split.name == data.train), None)
    if train is None:
        notes.append("no split is called train: nothing is said about unseen strings (--train PATH names it)")
    for split in data.splits:
        if not split.entities:
            notes.append(f"{split.name} has no entity at all")
        if split.unannotated:
            notes.append(
                f"{split.name}: {split.unannotated:,} of {split.tokens:,} tokens have no annotation (missing, not O)"
            )
        notes += notes_on_groups(split.name, split.spans)
        if split.over_window:
            notes.append(
                f"{split.name}: {split.over_window:,} of {split.docs:,} documents are longer than the window of "
                f"{data.window} word pieces and are read in several windows"
            )
        if train is not None and split is not train:
            strange = sorted(set(split.labels) - set(train.labels))
            if strange:
                notes.append(f"{split.name} has labels that the training data has not: {', '.join(strange)}")
    if train is not None:
        few = [f"{label} ({n})" for label, n in train.labels.most_common() if n < FEW_MENTIONS]
        if few:
            notes.append(f"fewer than {FEW_MENTIONS} training mentions: {', '.join(few)}")
    cases: dict[str, list[str]] = {}
    for label in data.labels:
        cases.setdefault(label.casefold(), []).append(label)
    for variants in cases.values():
        if len(variants) > 1:
            notes.append(f"labels that differ only in case: {', '.join(variants)}")
    if data.document_conflict_total:
        notes.append(
            f"{data.document_conflict_total:,} documents have the words of another and other entities"
        )
    if data.leaked:
        notes.append(
            f"{data.leaked:,} documents have their like in another split; scores on them flatter the model"
        )
    return notes

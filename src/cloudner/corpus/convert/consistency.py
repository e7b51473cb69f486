"""What only a whole corpus shows: counts, labels that differ in case, texts annotated in two ways."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from cloudner.corpus.convert.report import ConversionReport
from cloudner.corpus.docbin.chunk import MISSING, Chunk
from cloudner.corpus.inspection.nesting import add_groups
from cloudner.corpus.issues import ConversionIssue, IssueLog


class Watch:
    """Counts, and what only a whole corpus shows: labels that differ in case, texts annotated in two ways."""

    def __init__(self) -> None:
        self._first: dict[str, tuple[str, int]] = {}
        # 64-bit key of a text -> line << 32 | key of its annotation; one int each, for a million documents
        self._texts: dict[int, int] = {}

    def look(self, chunk: Chunk, report: ConversionReport, log: IssueLog) -> None:
        report.docs += len(chunk)
        report.tokens += len(chunk.orth)
        add_groups(report.spans, chunk)
        unknown = chunk.iob == MISSING
        if unknown.any():
            report.unannotated_tokens += int(unknown.sum())
            starts = chunk.bounds[:-1][chunk.lengths > 0]
            report.unannotated_docs += int(np.logical_and.reduceat(unknown, starts).sum())
        docs, kinds = chunk.entity_types()
        report.entities += len(kinds)
        if len(kinds):
            values, first, counts = np.unique(kinds, return_index=True, return_counts=True)
            names = _names(chunk.strings, values.tolist())
            for value, index, count in zip(values.tolist(), first.tolist(), counts.tolist(), strict=True):
                name = names[value]
                report.labels[name] += count
                self._first.setdefault(name, chunk.places[docs[index]])
        for text, marks, (file, line) in zip(
            chunk.text_keys(), chunk.annotation_keys(), chunk.places, strict=True
        ):
            known = self._texts.setdefault(text, line << 32 | marks)
            if known & 0xFFFFFFFF != marks:
                done = f"kept both; the other one is on line {known >> 32}"
                log.add(ConversionIssue("conflicting-documents", "noted", file, line, done=done))

    def finish(self, report: ConversionReport, log: IssueLog) -> None:
        by_case: dict[str, list[str]] = {}
        for label in report.labels:
            by_case.setdefault(label.casefold(), []).append(label)
        for variants in by_case.values():
            if len(variants) > 1:
                common = max(variants, key=lambda label: report.labels[label])
                for label in variants:
                    if label != common:
                        file, line = self._first[label]
                        done = f"{report.labels[label]} times, kept; {common} {report.labels[common]} times; --label {label}={common} joins them"
                        log.add(ConversionIssue("label-case", "noted", file, line, label=label, done=done))


def _names(strings: Iterable[str], ids: list[int]) -> dict[int, str]:
    from spacy.strings import get_string_id

    wanted = set(ids)
    names: dict[int, str] = {}
    for string in strings:
        key = get_string_id(string)
        if key in wanted:
            names[key] = string
            if len(names) == len(wanted):
                break
    return names

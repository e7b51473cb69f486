"""An inspection as tables: the same rows for the terminal, for Markdown and for the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cloudner.corpus.inspection.result import InspectionData, SplitStats, length_names
from cloudner.pages.numbers import share, times
from cloudner.pages.rendering import markdown as render


@dataclass(frozen=True)
class Section:
    """A table with its title, what it means, and the text that stands where it has no row."""

    key: str
    title: str
    lead: str
    header: list[str]
    rows: list[list[str]]
    empty: str = ""


def sections(data: InspectionData) -> list[Section]:
    """Every table of the inspection, in reading order."""
    found = [_size(data), _lengths(data)]
    if data.window is not None:
        found.append(_pieces(data))
    found += [_labels(data), _entity_lengths(data)]
    if data.train is not None and len(data.splits) > 1:
        found.append(_unseen(data))
    found += [_suspects(data), _conflicts(data), _overlap(data, between=True), _overlap(data, between=False)]
    if data.document_conflicts:
        found.append(_document_conflicts(data))
    return found


def markdown(data: InspectionData) -> str:
    """The tables as Markdown."""
    return render("inspection.md", notes=data.notes, sections=sections(data))


def _size(data: InspectionData) -> Section:
    rows = [
        [
            split.name, f"{split.docs:,}", f"{split.sentences:,}", f"{split.tokens:,}", f"{split.entities:,}",
            share(split.docs_without_entities, split.docs), f"{split.entities / split.tokens * 100:.1f}",
        ]
        for split in data.splits
    ]  # fmt: skip
    unmarked = any(split.docs_with_sentences < split.docs for split in data.splits)
    return Section(
        "size", "Size",
        "A document without marked sentences counts as one sentence." if unmarked else "",
        ["split", "documents", "sentences", "tokens", "entities", "documents without entities", "entities per 100 tokens"],
        rows,
    )  # fmt: skip


def _percentile_header(unit: str) -> list[str]:
    return ["split", unit, "mean", "median", "90 %", "95 %", "99 %", "longest"]


def _percentile_row(name: str, unit: str, values: dict[str, float]) -> list[str]:
    return [
        name,
        unit,
        f"{values['mean']:,.1f}",
        *(f"{values[p]:,}" for p in ("50", "90", "95", "99", "100")),
    ]


def _lengths(data: InspectionData) -> Section:
    rows = []
    for split in data.splits:
        rows.append(_percentile_row(split.name, "document", split.tokens_per_doc))
        if split.sentences != split.docs:
            rows.append(_percentile_row(split.name, "sentence", split.tokens_per_sentence))
    return Section("lengths", "Lengths in tokens", "", _percentile_header("of a"), rows)


def _pieces(data: InspectionData) -> Section:
    rows = []
    for split in data.splits:
        row = _percentile_row(split.name, f"{split.pieces:,}", split.pieces_per_doc)
        rows.append(
            [
                *row, f"{split.pieces / split.tokens:.2f}", share(split.over_window, split.docs),
                share(split.unknown_pieces, split.pieces),
            ]
        )  # fmt: skip
    limit = f"; the encoder takes {data.longest:,}" if data.longest else ""
    return Section(
        "pieces", "Word pieces",
        f"Of {data.encoder}, a document with its two special pieces. Window: {data.window:,} word pieces{limit}. "
        "Longer documents are read in several windows; nothing is cut off.",
        [*_percentile_header("all pieces"), "pieces per token", "over the window", "unknown pieces"],
        rows,
    )  # fmt: skip


def _labels(data: InspectionData) -> Section:
    rows = [
        [label]
        + [
            f"{split.labels.get(label, 0):,} ({share(split.labels.get(label, 0), split.entities)})"
            for split in data.splits
        ]
        for label in data.labels
    ]
    return Section(
        "labels", "Entities by label", "Mentions, and their share of the split's entities.",
        ["label", *(split.name for split in data.splits)], rows, "No entity.",
    )  # fmt: skip


def entity_lengths(data: InspectionData, label: str) -> dict[str, int]:
    """Mentions of a label by length in tokens, over all splits."""
    total: dict[str, int] = {}
    for split in data.splits:
        for size, count in split.label_lengths.get(label, {}).items():
            total[size] = total.get(size, 0) + count
    return total


def _entity_lengths(data: InspectionData) -> Section:
    rows = []
    for label in data.labels:
        sizes = entity_lengths(data, label)
        rows.append([label, *(f"{sizes.get(name, 0):,}" for name in length_names())])
    return Section(
        "entity-lengths", "Entities by length", "Mentions in all splits, by their number of tokens.",
        ["label", *length_names()], rows, "No entity.",
    )  # fmt: skip


def _unseen(data: InspectionData) -> Section:
    def row(split: SplitStats, label: str, new: int, every: int) -> list[str]:
        return [split.name, label, f"{new:,} of {every:,}", share(new, every)]

    rows = []
    for split in data.splits:
        if split.unseen is None:
            continue
        rows.append(row(split, "all entities", split.unseen, split.entities))
        rows += [
            row(split, label, split.unseen_labels.get(label, 0), split.labels[label])
            for label in data.labels
            if split.labels.get(label)
        ]
        rows.append(row(split, "tokens", split.unseen_words or 0, split.tokens))
    return Section(
        "unseen", "Not seen in training",
        f"Mentions whose string is annotated nowhere in {data.train}, and tokens whose word does not occur there.",
        ["split", "of", "new", "share"], rows,
    )  # fmt: skip


def _strings(count: int) -> str:
    return "1 string" if count == 1 else f"{count:,} strings"


def _where(found: dict[str, Any]) -> str:
    name = f" ({found['record']})" if found.get("record") else ""
    return f"{found['file']}:{found['line']}{name}"


def _suspects(data: InspectionData) -> Section:
    rows = []
    for suspect in data.suspects:
        what = suspect["label"] if suspect["kind"] == "rare-label" else "not annotated"
        examples = "  ".join(
            f"{_where(e)}: {e['before']}[{e['text']}]{e['after']}" for e in suspect["examples"][:2]
        )
        usual = f"{suspect['usual']}, {times(suspect['usual_count'])}"
        rows.append([suspect["text"], f"{what}, {times(suspect['count'])}", usual, examples])
    return Section(
        "suspects", "Likely annotation errors",
        f"{_strings(data.suspect_total)}: at least 5 times annotated, and in a fifth of their occurrences or fewer "
        "under another label or not at all. The surest first.",
        ["string", "here", "usually", "where"], rows, "None found.",
    )  # fmt: skip


def _conflicts(data: InspectionData) -> Section:
    rows = [[text, ", ".join(f"{label} {n:,}" for label, n in labels)] for text, labels in data.conflicts]
    return Section(
        "conflicts", "Strings with several labels",
        f"{_strings(data.conflict_total)}. Some are truly ambiguous; the others are conflicts between annotators.",
        ["string", "labels"], rows, "None: every string has one label.",
    )  # fmt: skip


def _overlap(data: InspectionData, between: bool) -> Section:
    rows = []
    sizes = {split.name: split.docs for split in data.splits}
    for overlap in data.overlaps:
        if (overlap.split != overlap.other) == between:
            rows.append(
                [
                    overlap.split, *([overlap.other] if between else []), f"{overlap.identical:,}",
                    f"{overlap.normalised:,}", f"{overlap.near:,}", share(overlap.total, sizes[overlap.split]),
                ]
            )  # fmt: skip
    counts = ["identical", "but for case, digits, punctuation", "nearly the same", "share of the split"]
    if between:
        return Section(
            "leaks", "Leaks between splits",
            "Documents of a split that have their like in another one.", ["documents of", "also in", *counts], rows,
            "There is one split only.",
        )  # fmt: skip
    return Section(
        "duplicates",
        "Duplicates",
        "Documents that have their like earlier in the same split.",
        ["split", *counts],
        rows,
    )


def _document_conflicts(data: InspectionData) -> Section:
    rows = [[_where(c), _where(c["other"]), c["text"]] for c in data.document_conflicts]
    return Section(
        "document-conflicts", "Same text, other entities",
        f"{data.document_conflict_total:,} documents have the words of an earlier one and other entities.",
        ["document", "earlier one", "text"], rows,
    )  # fmt: skip

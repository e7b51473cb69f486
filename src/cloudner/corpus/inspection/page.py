"""The page of an inspection: one HTML file with its style, charts and script inside; it asks for nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import PurePath
from typing import Any

from markupsafe import Markup

from cloudner.corpus.inspection.result import InspectionData, SplitStats, length_names
from cloudner.corpus.inspection.tables import Section, entity_lengths, sections
from cloudner.pages.charts import Series, line_chart, ticks
from cloudner.pages.numbers import share
from cloudner.pages.rendering import asset, html, policy, script_json

MAX_BARS = 30
# What the links at the top say; a section's title where it is not here.
SHORT = {
    "lengths": "Lengths", "pieces": "Word pieces", "labels": "Labels", "entity-lengths": "Entity lengths",
    "unseen": "Not in training", "suspects": "Likely errors", "conflicts": "Several labels", "leaks": "Leaks",
    "document-conflicts": "Same text",
}  # fmt: skip


def page(data: InspectionData) -> str:
    """The whole page; everything from data is escaped, and its content policy lets nothing load."""
    script = asset("base.js")
    lines = {"lengths": _distribution(data, "tokens", lambda split: split.docs_by_tokens)}
    if data.window is not None:
        lines["pieces"] = _distribution(data, "word pieces", lambda split: split.docs_by_pieces)
    charts = {
        **lines, "labels": _label_bars(data), "entity-lengths": _length_bars(data), "unseen": _unseen_bars(data),
    }  # fmt: skip
    size, *others = sections(data)
    shown = [_transposed(each) if each.key in lines else each for each in others]
    return html(
        "inspection.html",
        policy=policy(script),
        style=Markup("\n").join([asset("base.css"), asset("inspection.css")]),
        script=script,
        title=", ".join(split.name for split in data.splits),
        paths=", ".join(split.path for split in data.splits),
        links=[("overview", "Overview"), *((each.key, SHORT.get(each.key, each.title)) for each in shown)],
        figures=_figures(data),
        notes=data.notes,
        size=_transposed(size),
        sections=shown,
        charts={key: chart for key, chart in charts.items() if chart},
        chart_data=script_json({key: chart["data"] for key, chart in lines.items() if chart}),
        suspects=data.suspects,
        pairs={"leaks": _pairs(data, between=True), "duplicates": _pairs(data, between=False)},
        place=_place,
    )


def _transposed(section: Section) -> Section:
    """The splits side by side: such a table fits a narrow screen."""
    header = [
        row[0] if row[1] not in ("document", "sentence") else f"{row[0]}, {row[1]}s" for row in section.rows
    ]
    if all(name.endswith(", documents") for name in header):
        header = [row[0] for row in section.rows]
    columns = list(zip(section.header, *section.rows, strict=True))[1:]
    rows = [list(column) for column in columns if column[0] != "of a"]
    return replace(section, header=["", *header], rows=rows)


def _place(found: dict[str, Any]) -> str:
    """A file by the end of its path, the line or the document's number in it, and the document's id."""
    name = "/".join(PurePath(found["file"]).parts[-2:])
    record = f" ({found['record']})" if found.get("record") else ""
    return f"{name}:{found['line']}{record}"


def _figures(data: InspectionData) -> list[tuple[str, str]]:
    docs = sum(split.docs for split in data.splits)
    figures = [
        ("documents", f"{docs:,}"),
        ("entities", f"{sum(split.entities for split in data.splits):,}"),
        ("labels", f"{len(data.labels):,}"),
        ("likely errors", f"{data.suspect_total:,}"),
        ("documents in two splits", f"{data.leaked:,}"),
    ]
    if data.window is not None:
        over = sum(split.over_window for split in data.splits)
        figures.append((f"over {data.window:,} word pieces", share(over, docs)))
    return figures


def _pairs(data: InspectionData, between: bool) -> list[dict[str, Any]]:
    """Examples of documents that are alike, between splits or within one."""
    return [
        pair
        for overlap in data.overlaps
        if (overlap.split != overlap.other) == between
        for pair in overlap.examples
    ]


def _distribution(
    data: InspectionData, unit: str, histogram: Callable[[SplitStats], tuple[Any, Any]]
) -> dict[str, Any]:
    """Shares of documents by length, a line per split; the last point has all longer ones."""
    series = []
    for split in data.splits:
        lows, counts = histogram(split)
        if len(lows):
            whole = max(1, sum(counts))
            series.append(Series(split.name, [(low, n / whole) for low, n in zip(lows, counts, strict=True)]))
    svg, shown = line_chart(
        f"Documents by length in {unit}", series, x_label=f"{unit} per document", y_label="share of the documents",
        y_format=lambda value: f"{100 * value:.3g} %", mark=data.window if unit == "word pieces" else None,
        mark_label=f"window of {data.window}",
    )  # fmt: skip
    if not svg:
        return {}
    legend = [one.name for one in series] if len(series) > 1 else []
    return {
        "kind": "line",
        "title": f"Documents by length in {unit}",
        "svg": svg,
        "legend": legend,
        "data": shown,
    }


def _bars(
    title: str, axis: str, legend: Sequence[tuple[int, str]], groups: Iterable[dict[str, Any]]
) -> dict[str, Any]:
    """Bars of shares (0 to 1), `groups` of a name and of bars: the series' number, its value and the text beside it.
    legend: the series' numbers and names."""
    found = [group for group in groups if group["bars"]]
    if not found:
        return {}
    bars = [bar for group in found for bar in group["bars"]]
    marks = ticks(0.0, max(bar["value"] for bar in bars) or 1.0, 6)
    return {
        "kind": "bars", "title": title, "axis": axis, "legend": legend, "groups": found, "ticks": marks, "top": marks[-1],
        # the room for the text behind a long bar; behind a short one there is room enough
        "longest": max((len(bar["text"]) for bar in bars if bar["value"] >= marks[-1] / 2), default=0),
    }  # fmt: skip


def _label_bars(data: InspectionData) -> dict[str, Any]:
    """Each label's share of the entities, a bar per split."""
    groups = (
        {
            "name": label,
            "bars": [
                _bar(i, split.labels.get(label, 0), split.entities)
                for i, split in enumerate(data.splits)
                if split.entities
            ],
        }
        for label in data.labels[:MAX_BARS]
    )
    names = [(i, split.name) for i, split in enumerate(data.splits)]
    return _bars("Share of the entities by label", "share of the split's entities", names, groups)


def _bar(series: int, part: int, whole: int, of: str = "") -> dict[str, Any]:
    text = f"{part:,}{of} ({share(part, whole)})"
    return {"series": series, "value": part / whole, "text": text}


def _unseen_bars(data: InspectionData) -> dict[str, Any]:
    """What the training data does not have, a bar per split for all entities, each label and the tokens."""
    splits = [(i, split) for i, split in enumerate(data.splits) if split.unseen is not None]

    def group(name: str, counts: Callable[[SplitStats], tuple[int, int]]) -> dict[str, Any]:
        found = [(i, *counts(split)) for i, split in splits]
        return {
            "name": name,
            "bars": [_bar(i, new, every, f" of {every:,}") for i, new, every in found if every],
        }

    groups = [
        group("all entities", lambda split: (split.unseen or 0, split.entities)),
        *(group(label, partial(_unseen_of, label)) for label in data.labels[:MAX_BARS]),
        group("tokens", lambda split: (split.unseen_words or 0, split.tokens)),
    ]
    return _bars(
        "Not seen in training", "share that is new", [(i, split.name) for i, split in splits], groups
    )


def _unseen_of(label: str, split: SplitStats) -> tuple[int, int]:
    return split.unseen_labels.get(label, 0), split.labels.get(label, 0)


def _length_bars(data: InspectionData) -> dict[str, Any]:
    """One bar per label, divided into mentions of one token, of two, ..."""
    names = length_names()
    groups = []
    for label in data.labels[:MAX_BARS]:
        sizes = entity_lengths(data, label)
        total = sum(sizes.values()) or 1
        parts = [
            {
                "series": i,
                "value": sizes.get(name, 0) / total,
                "hint": f"{label}: {sizes.get(name, 0):,} of {name} tokens",
            }
            for i, name in enumerate(names)
        ]
        groups.append({"name": label, "parts": parts})
    if not groups:
        return {}
    return {
        "kind": "divided", "title": "Entities by length in tokens", "axis": "share of the label's entities", "legend": names,
        "unit": "tokens:", "groups": groups, "ticks": [0, 0.25, 0.5, 0.75, 1.0], "top": 1.0,
    }  # fmt: skip

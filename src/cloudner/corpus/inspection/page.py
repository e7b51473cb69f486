"""The page of an inspection: one HTML file with its style and charts inside, no script and no request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cloudner.corpus.inspection.result import InspectionData, length_names
from cloudner.corpus.inspection.tables import entity_lengths, sections
from cloudner.pages.charts import Series, grouped_bars, line_chart, stacked_bars
from cloudner.pages.numbers import share
from cloudner.pages.rendering import asset, html, policy

MAX_BARS = 30


def page(data: InspectionData) -> str:
    """The whole page; everything from data is escaped, and its content policy lets nothing load."""
    charts = {
        "lengths": _distribution("Tokens per document", [(s.name, s.docs_by_tokens) for s in data.splits]),
        "labels": _label_bars(data),
        "entity-lengths": _length_bars(data),
    }
    if data.window is not None:
        charts["pieces"] = _distribution(
            "Word pieces per document", [(s.name, s.docs_by_pieces) for s in data.splits], mark=data.window
        )
    return html(
        "inspection.html",
        policy=policy(),
        style=asset("inspection.css"),
        title=", ".join(split.name for split in data.splits),
        paths=", ".join(split.path for split in data.splits),
        figures=_figures(data),
        notes=data.notes,
        sections=sections(data),
        charts=charts,
        suspects=data.suspects,
        pairs={"leaks": _pairs(data, between=True), "duplicates": _pairs(data, between=False)},
    )


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


def _chart(
    svg: str, legend: Sequence[str], key: str = "k", colours: int = 5, unit: str = ""
) -> dict[str, Any]:
    return {"svg": svg, "legend": legend, "key": key, "colours": colours, "unit": unit}


def _distribution(
    title: str, splits: Sequence[tuple[str, tuple[Any, Any]]], mark: int | None = None
) -> dict[str, Any]:
    """Shares of documents by length, a line per split; the last point has all longer ones. mark: a vertical line."""
    series = [
        Series(name, [(low, n / max(1, sum(counts))) for low, n in zip(lows, counts, strict=True)])
        for name, (lows, counts) in splits
        if len(lows)
    ]
    svg, _ = line_chart(
        title, series, x_label=title.lower(), y_format=lambda value: f"{100 * value:.0f} %", mark=mark
    )
    return _chart(svg, [one.name for one in series])


def _label_bars(data: InspectionData) -> dict[str, Any]:
    """Each label's share of the entities, a bar per split."""
    bars = {
        label: [
            (
                split.labels.get(label, 0) / max(1, split.entities),
                f"{split.name}: {split.labels.get(label, 0):,} {label}, "
                f"{100 * split.labels.get(label, 0) / max(1, split.entities):.1f} %",
            )
            for split in data.splits
        ]
        for label in data.labels[:MAX_BARS]
    }
    return _chart(grouped_bars("Share of entities by label", bars), [split.name for split in data.splits])


def _length_bars(data: InspectionData) -> dict[str, Any]:
    """One bar per label, divided into mentions of one token, of two, ..."""
    names = length_names()
    bars = {}
    for label in data.labels[:MAX_BARS]:
        sizes = entity_lengths(data, label)
        bars[label] = [
            (float(sizes.get(name, 0)), f"{label}: {sizes.get(name, 0):,} of {name} tokens") for name in names
        ]
    svg = stacked_bars("Entities by length in tokens", bars)
    return _chart(svg, names, key="h", colours=len(names), unit="tokens: ")

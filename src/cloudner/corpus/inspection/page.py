"""The page of an inspection: one HTML file with its style and charts inside, no script and no request."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from typing import Any

from cloudner.corpus.inspection.result import InspectionData, length_names
from cloudner.corpus.inspection.tables import Section, entity_lengths, percent, sections

WIDTH, HEIGHT = 560, 220
LEFT, RIGHT, TOP, BOTTOM = 44, 12, 12, 34
MAX_BARS = 30
_NUMBER = re.compile(r"^[\d,.]+( %)?$|^-$|^[\d,]+ \([\d.]+ %\)$")


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
    body, links = [], []
    for section in sections(data):
        links.append(f'<a href="#{section.key}">{escape(section.title)}</a>')
        extra = _examples(data, section.key)
        body.append(
            f'<section id="{section.key}"><h2>{escape(section.title)}</h2><p class="lead">{escape(section.lead)}</p>'
            f"{charts.get(section.key, '')}{_suspect_table(data) if section.key == 'suspects' else _table(section)}{extra}</section>"
        )
    values = {
        "title": escape(", ".join(split.name for split in data.splits)),
        "paths": escape(", ".join(split.path for split in data.splits)),
        "cards": _cards(data),
        "notes": "".join(f"<li>{escape(note)}</li>" for note in data.notes),
        "nav": "".join(links),
        "body": "".join(body),
    }
    template = (files("cloudner.corpus.inspection") / "page.html").read_text(encoding="utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda match: values[match.group(1)], template)


def _cards(data: InspectionData) -> str:
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
        figures.append((f"over {data.window:,} word pieces", percent(over, docs)))
    return "".join(
        f'<div class="stat"><b>{value}</b><span>{escape(name)}</span></div>' for name, value in figures
    )


def _table(section: Section) -> str:
    if not section.rows:
        return f'<p class="empty">{escape(section.empty)}</p>'
    head = "".join(f"<th>{escape(name)}</th>" for name in section.header)
    rows = []
    for row in section.rows:
        cells = "".join(
            f'<td class="n">{escape(cell)}</td>' if i and _NUMBER.match(cell) else f"<td>{escape(cell)}</td>"
            for i, cell in enumerate(row)
        )
        rows.append(f"<tr>{cells}</tr>")
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def _suspect_table(data: InspectionData) -> str:
    if not data.suspects:
        return '<p class="empty">None found.</p>'
    rows = []
    for suspect in data.suspects:
        what = f"annotated as <b>{escape(suspect['label'])}</b>" if suspect["label"] else "not annotated"
        shown = "".join(
            f"<p>{escape(e['before'])} <mark>{escape(e['text'])}</mark> {escape(e['after'])}"
            f"<small>{escape(e['file'])}:{e['line']}</small></p>"
            for e in suspect["examples"]
        )
        rows.append(
            f"<tr><td><b>{escape(suspect['text'])}</b></td><td>{what}, {suspect['count']:,} times</td>"
            f"<td>{escape(suspect['usual'])}, {suspect['usual_count']:,} times</td><td>{shown}</td></tr>"
        )
    head = "<tr><th>string</th><th>here</th><th>usually</th><th>where</th></tr>"
    return f'<div class="scroll"><table><thead>{head}</thead><tbody>{"".join(rows)}</tbody></table></div>'


def _examples(data: InspectionData, key: str) -> str:
    if key not in ("leaks", "duplicates"):
        return ""
    shown = []
    for overlap in data.overlaps:
        if (overlap.split != overlap.other) != (key == "leaks"):
            continue
        for pair in overlap.examples:
            other = pair["other"]
            likeness = f", {100 * pair['similarity']:.0f} % alike" if pair["kind"] == "near" else ""
            shown.append(
                f"<li><small>{escape(pair['file'])}:{pair['line']} and {escape(other['file'])}:{other['line']} "
                f"({pair['kind']}{likeness})</small><p>{escape(pair['text'])}</p>"
                + (f"<p>{escape(other['text'])}</p>" if pair["kind"] != "identical" else "")
                + "</li>"
            )
    return (
        f'<details><summary>{len(shown)} examples</summary><ul class="pairs">{"".join(shown)}</ul></details>'
        if shown
        else ""
    )


# Charts


def _svg(title: str, height: float, body: str) -> str:
    return f'<figure><svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(title)}">{body}</svg></figure>'


def _distribution(title: str, splits: Sequence[tuple[str, tuple[Any, Any]]], mark: int | None = None) -> str:
    """Shares of documents by length, a line for each split; the last point has all longer ones. mark: a vertical line
    where it is within the chart."""
    shares = [
        (name, list(lows), [n / max(1, sum(counts)) for n in counts])
        for name, (lows, counts) in splits
        if len(lows)
    ]
    if not shares:
        return ""
    top = max(max(values) for _, _, values in shares)
    right = max(lows[-1] for _, lows, _ in shares) or 1
    parts = []
    for i in range(5):
        y = HEIGHT - BOTTOM - i / 4 * (HEIGHT - TOP - BOTTOM)
        parts.append(
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{100 * top * i / 4:.0f} %</text>'
        )
        x = LEFT + i / 4 * (WIDTH - LEFT - RIGHT)
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - 18}" text-anchor="middle">{right * i / 4:,.0f}</text>')
    for number, (_, lows, values) in enumerate(shares):
        points = " ".join(
            f"{LEFT + low / right * (WIDTH - LEFT - RIGHT):.1f},"
            f"{HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM):.1f}"
            for low, value in zip(lows, values, strict=True)
        )
        parts.append(f'<polyline class="s{number % 5}" points="{points}"/>')
    if mark is not None and mark <= right:
        x = LEFT + mark / right * (WIDTH - LEFT - RIGHT)
        parts.append(f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
    parts.append(
        f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 3}" text-anchor="end">{escape(title.lower())}</text>'
    )
    keys = "".join(
        f'<span class="key k{i % 5}">{escape(name)}</span>' for i, (name, _, _) in enumerate(shares)
    )
    return _svg(title, HEIGHT, "".join(parts)) + f'<p class="keys">{keys}</p>'


def _label_bars(data: InspectionData) -> str:
    """Each label's share of the entities, a bar for each split."""
    labels = data.labels[:MAX_BARS]
    if not labels:
        return ""
    top = max(s.labels.get(label, 0) / s.entities for s in data.splits if s.entities for label in labels)
    thick = 9
    parts, y = [], 6.0
    for label in labels:
        parts.append(
            f'<text x="110" y="{y + len(data.splits) * thick / 2 + 4:.1f}" text-anchor="end">{escape(label[:16])}</text>'
        )
        for number, split in enumerate(data.splits):
            share = split.labels.get(label, 0) / split.entities if split.entities else 0
            parts.append(
                f'<rect class="s{number % 5}" x="118" y="{y:.1f}" width="{share / top * 380:.1f}" height="{thick - 2}">'
                f"<title>{escape(split.name)}: {split.labels.get(label, 0):,} {escape(label)}, {100 * share:.1f} %</title></rect>"
            )
            y += thick
        y += 7
    keys = "".join(f'<span class="key k{i % 5}">{escape(s.name)}</span>' for i, s in enumerate(data.splits))
    return _svg("Share of entities by label", y, "".join(parts)) + f'<p class="keys">{keys}</p>'


def _length_bars(data: InspectionData) -> str:
    """One bar per label, divided into mentions of one token, of two, ..."""
    labels = data.labels[:MAX_BARS]
    parts, y = [], 6.0
    for label in labels:
        sizes = entity_lengths(data, label)
        total = sum(sizes.values())
        parts.append(f'<text x="110" y="{y + 12:.1f}" text-anchor="end">{escape(label[:16])}</text>')
        x = 118.0
        for number, name in enumerate(length_names()):
            width = 420 * sizes.get(name, 0) / max(1, total)
            parts.append(
                f'<rect class="shade{number}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="15">'
                f"<title>{escape(label)}: {sizes.get(name, 0):,} of {name} tokens</title></rect>"
            )
            x += width
        y += 22
    keys = "".join(f'<span class="key h{i}">{name}</span>' for i, name in enumerate(length_names()))
    return (
        _svg("Entities by length in tokens", y, "".join(parts)) + f'<p class="keys">tokens: {keys}</p>'
        if labels
        else ""
    )

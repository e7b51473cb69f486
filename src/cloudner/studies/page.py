"""The page of a study: figures, what is worth a look, tables with or without a chart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from cloudner.pages.rendering import asset, html, policy


@dataclass(frozen=True)
class Section:
    """A table, and above it a chart where there is one, with the names of its lines."""

    title: str
    lead: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    chart: Markup | None = None
    legend: Sequence[str] = ()


def study_page(
    title: str,
    lead: str,
    figures: Sequence[tuple[str, str]],
    notes: Sequence[str],
    sections: Sequence[Section],
) -> str:
    """One self-contained page; it loads nothing from anywhere."""
    script = asset("base.js")
    return html(
        "study.html", policy=policy(script), style=asset("base.css"), script=script, title=title, lead=lead, figures=figures, notes=notes,
        sections=sections,
    )  # fmt: skip


def study_summary(title: str, sections: Sequence[Section]) -> str:
    """The tables alone, for a notebook's cell."""
    parts = [Markup("<p><b>{}</b></p>").format(title)]
    for section in sections:
        head = Markup("").join(Markup("<th>{}</th>").format(each) for each in section.header)
        rows = Markup("").join(
            Markup("<tr>{}</tr>").format(Markup("").join(Markup("<td>{}</td>").format(c) for c in row))
            for row in section.rows
        )
        parts.append(Markup("<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>").format(head, rows))
    return str(Markup("").join(parts))

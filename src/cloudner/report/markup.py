"""Building blocks of the report's page: cards, tables, bars, lists of facts.

Cells of a table and the texts of a card of one figure come as HTML; whatever a block takes from a mapping it escapes.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import PurePath
from typing import Any

from cloudner.report.charts import number
from cloudner.report.scores import Score
from cloudner.report.significance import Interval

# Keys of the hardware summary whose values are bytes.
_BYTES = ("_total", "_free", "_bytes", "memory")


def percent(value: float) -> str:
    """A share of 0 to 1 with two decimals, without the sign."""
    return f"{100 * value:.2f}"


def short_name(model: str) -> str:
    """`training/model-best` of a long path, the name of an installed pipeline as it is."""
    return "/".join(PurePath(model).parts[-2:]) if "/" in model or "\\" in model else model


def stat_card(title: str, value: str, detail: str, meaning: str, kind: str = "") -> str:
    return (
        f"<div class='stat {kind}'><h3>{title}</h3><p class='value'>{value}</p>"
        f"<p class='detail'>{detail}</p><p class='meaning'>{meaning}</p></div>"
    )


def interval_range(interval: Interval) -> str:
    return (
        f"{percent(interval.low)} – {percent(interval.high)}<abbr title='95 % bootstrap interval over documents'> "
        "95 %</abbr>"
    )


def bar(value: float, interval: Interval | None) -> str:
    """A bar of 0 to 1 with the interval, if there is one, as a whisker on it."""
    whisker = ""
    if interval is not None:
        whisker = f"<i style='left:{100 * interval.low:.1f}%;width:{100 * (interval.high - interval.low):.1f}%'></i>"
    told = "" if interval is None else f" title='{percent(interval.low)} to {percent(interval.high)}'"
    return f"<span class='bar'{told}><b style='width:{100 * value:.1f}%'></b>{whisker}</span>"


def score_card(title: str, first: str, scores: Mapping[str, Score]) -> str:
    rows = "".join(
        f"<tr><th scope='row'>{escape(name)}</th><td>{percent(s.precision)}</td><td>{percent(s.recall)}</td>"
        f"<td>{percent(s.f1)}</td><td class='wide'>{bar(s.f1, None)}</td><td>{s.gold:,}</td></tr>"
        for name, s in scores.items()
    )
    header = (escape(first), "Precision", "Recall", "F1", "", "Gold")
    return f"<article class='card'><h3>{escape(title)}</h3>{table(header, rows)}</article>"


def table(header: tuple[str, ...], body: str, kind: str = "") -> str:
    """`body`: the rows as HTML; `kind`: the table's class, `sortable` for one whose heads sort it."""
    head = "".join(f"<th scope='col'{_wide(name)}>{name}</th>" for name in header)
    return f"<div class='scroll'><table class='{kind}'><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _wide(name: str) -> str:
    # Columns of bars: their name stands left, where the bars begin.
    return " class='wide'" if not name or name.endswith("interval") else ""


def fact_list(facts: Mapping[str, str]) -> str:
    rows = "".join(f"<div><dt>{escape(k)}</dt><dd>{escape(v)}</dd></div>" for k, v in facts.items())
    return f"<dl class='facts'>{rows}</dl>"


def tree_card(title: str, values: Mapping[str, Any], closed: bool = False) -> str:
    flat = fact_list(dict(flatten(values)))
    if closed:
        return f"<details class='card'><summary>{escape(title)}</summary>{flat}</details>"
    return f"<article class='card'><h3>{escape(title)}</h3>{flat}</article>"


def flatten(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested settings as rows of dotted name and text."""
    flat: list[tuple[str, str]] = []
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            flat += flatten(value, f"{name}.")
        elif isinstance(value, bool) or value is None:
            flat.append((name, {True: "yes", False: "no", None: "–"}[value]))
        elif isinstance(value, float):
            flat.append((name, number(value)))
        elif isinstance(value, (list, tuple)) and any(isinstance(item, Mapping) for item in value):
            for i, item in enumerate(value):
                flat += flatten(item if isinstance(item, Mapping) else {"": item}, f"{name}[{i}].")
        elif isinstance(value, (list, tuple)):
            flat.append((name, ", ".join(map(str, value)) or "–"))
        elif isinstance(value, int) and value >= 2**20 and name.endswith(_BYTES):
            flat.append((name, f"{value / 2**30:.1f} GiB"))
        else:
            flat.append((name, str(value) or "–"))
    return flat

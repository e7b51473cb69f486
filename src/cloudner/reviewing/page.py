"""The page on which suspects are accepted and rejected: one HTML file that loads nothing."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from cloudner.pages.rendering import asset, html, policy, script_json

MEANINGS = {
    "type": "another label is believed",
    "boundary": "other words are believed to be the entity",
    "missed": "an entity is believed where none is annotated",
    "invented": "no entity is believed where one is annotated",
}


def page(rows: Sequence[dict[str, Any]], lines: str, *, title: str, summary: str) -> str:
    """The whole page. lines: the rows as JSON lines, by which the browser knows decisions made earlier. All that comes from
    data is escaped, and written by the script as text only."""
    script = Markup("\n").join([asset("base.js"), asset("review.js")])
    kinds = Counter(row["kind"] for row in rows)
    labels = {row["label"] for row in rows} | {row["suggested"]["label"] for row in rows if row["suggested"]}
    digest = hashlib.sha256(lines.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return html(
        "review.html",
        policy=policy(script),
        style=Markup("\n").join([asset("base.css"), asset("review.css")]),
        script=script,
        data=script_json({"rows": list(rows), "digest": digest}),
        title=title,
        summary=summary,
        kinds=MEANINGS,
        labels=sorted(labels - {None}),
        figures=[(MEANINGS[kind], f"{kinds[kind]:,}") for kind in MEANINGS],
    )

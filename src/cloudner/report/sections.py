"""The parts of the report's page on what was predicted; every text from outside is escaped."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING

from cloudner.report.charts import reliability_chart
from cloudner.report.errors import NOTHING
from cloudner.report.markup import (
    bar,
    fact_list,
    interval_range,
    percent,
    score_card,
    short_name,
    stat_card,
    table,
)

if TYPE_CHECKING:
    from cloudner.report.evaluate import Evaluation


def subtitle(evaluation: Evaluation) -> str:
    data = ", ".join(escape(short_name(path)) for path in evaluation.data)
    return (
        f"{len(evaluation.documents):,} documents, {evaluation.n_words:,} words, "
        f"{evaluation.strict.micro.gold:,} entities · <span class='path'>{data}</span>"
    )


def notes(evaluation: Evaluation) -> str:
    return "".join(f'<p class="note" role="note">{escape(note)}</p>' for note in evaluation.notes)


def cards(evaluation: Evaluation) -> str:
    micro, found = evaluation.strict.micro, evaluation.intervals
    parts = [
        stat_card("F1", percent(micro.f1), interval_range(found["f1"]), "strict, micro", "main"),
        stat_card(
            "Precision",
            percent(micro.precision),
            interval_range(found["precision"]),
            "of what it found, right",
        ),
        stat_card(
            "Recall", percent(micro.recall), interval_range(found["recall"]), "of what is there, found"
        ),
    ]
    if evaluation.calibration is not None:
        ece = evaluation.calibration.ece
        parts.append(stat_card("Calibration error", f"{ece:.3f}", "", "ECE in 10 bins, 0 is best"))
    parts.append(stat_card("Speed", f"{evaluation.speed:,.0f}", "words/s", "of this run"))
    return "".join(parts)


def averages(evaluation: Evaluation) -> str:
    strict = evaluation.strict
    rows = [
        ("micro, all entities", strict.micro.precision, strict.micro.recall, strict.micro.f1),
        ("macro, mean of labels", strict.macro.precision, strict.macro.recall, strict.macro.f1),
        ("weighted by gold entities", strict.weighted.precision, strict.weighted.recall, strict.weighted.f1),
    ]
    body = "".join(
        f"<tr><th scope='row'>{name}</th><td>{percent(p)}</td><td>{percent(r)}</td><td>{percent(f)}</td></tr>"
        for name, p, r, f in rows
    )
    return table(("Average", "Precision", "Recall", "F1"), body)


def labels(evaluation: Evaluation, colours: Mapping[str, int]) -> str:
    rows = []
    for label, score in evaluation.strict.per_label.items():
        interval = evaluation.label_intervals[label]["f1"]
        rows.append(
            f"<tr><th scope='row'><span class='swatch l{colours[label]}'></span>{escape(label)}</th>"
            f"<td>{percent(score.precision)}</td><td>{percent(score.recall)}</td><td>{percent(score.f1)}</td>"
            f"<td class='wide'>{bar(score.f1, interval)}</td>"
            f"<td>{score.gold:,}</td><td>{score.predicted:,}</td><td>{score.correct:,}</td></tr>"
        )
    header = ("Label", "Precision", "Recall", "F1", "F1 with 95 % interval", "Gold", "Predicted", "Right")
    return table(header, "".join(rows), "sortable")


def confusion_matrix(evaluation: Evaluation) -> str:
    names, counts = evaluation.confusion
    head = "".join(f"<th scope='col'>{escape(name)}</th>" for name in names)
    body = []
    for name, row in zip(names, counts, strict=True):
        total = sum(row) or 1
        cells = []
        for other, count in zip(names, row, strict=True):
            kind = "hit" if name == other else "miss"
            blank = name == other == NOTHING
            style = f' style="--a:{count / total:.3f}"' if count else ""
            told = f"gold {name}, predicted {other}: {count} ({100 * count / total:.1f} % of the row)"
            cells.append(
                "<td class='blank'></td>"
                if blank
                else f'<td class="{kind}"{style} title="{escape(told)}">{count or "·"}</td>'
            )
        body.append(f"<tr><th scope='row'>{escape(name)}</th>{''.join(cells)}</tr>")
    return (
        "<div class='scroll'><table class='matrix'><caption>Rows: gold. Columns: predicted. Shades: share of the row. "
        "Bounds may differ.</caption>"
        f"<thead><tr><td></td>{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
    )


def breakdown(evaluation: Evaluation) -> str:
    parts = [score_card("Length of the entity in words", "Words", evaluation.by_length)]
    if evaluation.by_seen is None:
        parts.append(
            "<article class='card'><h3>Seen in training</h3><p class='empty'>Give the training data to tell entities "
            "the model has met from new ones: <code>--train corpus/train.spacy</code></p></article>"
        )
    else:
        parts.append(score_card("Seen in training", "Text of the entity", evaluation.by_seen))
    if evaluation.by_group:
        key = str(evaluation.group_key)
        parts.append(score_card(f"By {key}", key, evaluation.by_group))
    return "".join(parts)


def schemes(evaluation: Evaluation) -> str:
    if not evaluation.schemes or not evaluation.schemes["overall"]:
        return ""
    meanings = {
        "strict": "bounds and label",
        "exact": "bounds, any label",
        "partial": "overlap counts half, any label",
        "ent_type": "label, overlap is enough",
    }
    rows = "".join(
        f"<tr><th scope='row'>{scheme}<small>{meanings[scheme]}</small></th>"
        f"<td>{percent(s['precision'])}</td><td>{percent(s['recall'])}</td><td>{percent(s['f1'])}</td>"
        f"<td class='wide'>{bar(s['f1'], None)}</td></tr>"
        for scheme, s in evaluation.schemes["overall"].items()
    )
    return (
        "<article class='card'><h3>Other ways to count</h3>"
        + table(("Scheme (nervaluate)", "Precision", "Recall", "F1", ""), rows)
        + "</article>"
    )


def calibration(evaluation: Evaluation) -> str:
    found = evaluation.calibration
    if found is None:
        return (
            "<p class='empty'>This model gives no confidence. Turn it on in the config: "
            "<code>[components.cloudner] confidence = true</code></p>"
        )
    facts = {
        "Expected calibration error": f"{found.ece:.4f}",
        "Of right confidences, by chance": f"{found.ece_by_chance:.4f}",
        "Largest gap of a bin": f"{found.max_error:.4f}",
        "Brier score": f"{found.brier:.4f}",
        "Predictions": f"{found.count:,}",
    }
    trained = evaluation.run.get("calibration") or (evaluation.meta.get("cloudner") or {}).get("calibration")
    trained = trained if isinstance(trained, Mapping) else {}
    for key, name in (
        ("temperature", "Temperature fitted on the dev data"),
        ("ece_before", "Calibration error on the dev data before"),
        ("ece_after", "Calibration error on the dev data after"),
    ):
        value = trained.get(key)
        if isinstance(value, (int, float)):
            facts[name] = f"{value:.4f}"
    return (
        "<div class='columns'><figure>"
        + reliability_chart(found.bins)
        + "<figcaption>Bars: share of predictions that are right. Ticks: mean confidence of the bin. "
        "On the dashed line a confidence means what it says.</figcaption></figure>"
        + fact_list(facts)
        + "</div>"
    )


def comparison(evaluation: Evaluation) -> str:
    found, other = evaluation.comparison, evaluation.other_strict
    if found is None or other is None:
        return ""
    if found.p_value < 0.05:
        verdict = "The first model is better" if found.difference > 0 else "The second model is better"
        verdict += ", and chance is an unlikely reason."
    else:
        verdict = "The difference may well be chance."
    rows = "".join(
        f"<tr><th scope='row'>{escape(short_name(name))}</th><td>{percent(s.precision)}</td>"
        f"<td>{percent(s.recall)}</td><td>{percent(s.f1)}</td></tr>"
        for name, s in ((evaluation.model, evaluation.strict.micro), (str(evaluation.other), other.micro))
    )
    facts = {
        "Difference in F1": f"{100 * found.difference:+.2f} points",
        "95 % interval": f"{100 * found.interval.low:+.2f} to {100 * found.interval.high:+.2f} points",
        "p value, approximate randomisation": f"{found.p_value:.4f}",
        "First better in bootstrap samples": f"{100 * found.wins:.1f} %",
        "Documents that differ": f"{found.differing:,} of {found.documents:,}",
    }
    return (
        f"<section id='comparison'><h2>Comparison</h2><article class='card'><p class='verdict'>{verdict}</p>"
        "<div class='columns'>"
        + table(("Model", "Precision", "Recall", "F1"), rows)
        + fact_list(facts)
        + "</div></article></section>"
    )

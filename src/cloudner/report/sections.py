"""The parts of the report's page; every text from outside is escaped here."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from datetime import datetime, timezone
from html import escape
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import spacy

import cloudner
from cloudner.report.charts import Series, line_chart, number, reliability_chart
from cloudner.report.errors import NOTHING
from cloudner.report.scores import Score
from cloudner.report.significance import Interval

if TYPE_CHECKING:
    from cloudner.report.evaluate import Evaluation


# Keys of the hardware summary whose values are bytes.
_BYTES = ("_total", "_free", "_bytes", "memory")


def short_name(model: str) -> str:
    """`training/model-best` of a long path, the name of an installed pipeline as it is."""
    return "/".join(PurePath(model).parts[-2:]) if "/" in model or "\\" in model else model


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
        _card("F1", percent(micro.f1), _range(found["f1"]), "strict, micro", "main"),
        _card("Precision", percent(micro.precision), _range(found["precision"]), "of what it found, right"),
        _card("Recall", percent(micro.recall), _range(found["recall"]), "of what is there, found"),
    ]
    if evaluation.calibration is not None:
        ece = evaluation.calibration.ece
        parts.append(_card("Calibration error", f"{ece:.3f}", "", "ECE in 10 bins, 0 is best"))
    parts.append(_card("Speed", f"{evaluation.speed:,.0f}", "words/s", "of this run"))
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
    return _table(("Average", "Precision", "Recall", "F1"), body)


def labels(evaluation: Evaluation, colours: Mapping[str, int]) -> str:
    rows = []
    for label, score in evaluation.strict.per_label.items():
        interval = evaluation.label_intervals[label]["f1"]
        rows.append(
            f"<tr><th scope='row'><span class='swatch l{colours[label]}'></span>{escape(label)}</th>"
            f"<td>{percent(score.precision)}</td><td>{percent(score.recall)}</td><td>{percent(score.f1)}</td>"
            f"<td class='wide'>{_bar(score.f1, interval)}</td>"
            f"<td>{score.gold:,}</td><td>{score.predicted:,}</td><td>{score.correct:,}</td></tr>"
        )
    header = ("Label", "Precision", "Recall", "F1", "F1 with 95 % interval", "Gold", "Predicted", "Right")
    return _table(header, "".join(rows), "sortable")


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
    parts = [_score_card("Length of the entity in words", "Words", evaluation.by_length)]
    if evaluation.by_seen is None:
        parts.append(
            "<article class='card'><h3>Seen in training</h3><p class='empty'>Give the training data to tell entities "
            "the model has met from new ones: <code>--train corpus/train.spacy</code></p></article>"
        )
    else:
        parts.append(_score_card("Seen in training", "Text of the entity", evaluation.by_seen))
    if evaluation.by_group:
        key = str(evaluation.group_key)
        parts.append(_score_card(f"By {key}", key, evaluation.by_group))
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
        f"<td class='wide'>{_bar(s['f1'], None)}</td></tr>"
        for scheme, s in evaluation.schemes["overall"].items()
    )
    return (
        "<article class='card'><h3>Other ways to count</h3>"
        + _table(("Scheme (nervaluate)", "Precision", "Recall", "F1", ""), rows)
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
        "On the dashed line a confidence means what it says.</figcaption></figure>" + _facts(facts) + "</div>"
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
        + _table(("Model", "Precision", "Recall", "F1"), rows)
        + _facts(facts)
        + "</div></article></section>"
    )


def training(log: list[dict[str, Any]]) -> tuple[str, dict[str, object]]:
    """Curves from the run's JSONL log and the numbers under them."""
    if not log:
        return (
            "<p class='empty'>No training log beside the model. The logger <code>cloudner.Console.v1</code> writes "
            "<code>log.jsonl</code> there.</p>",
            {},
        )
    percents = {"y_format": lambda v: f"{100 * v:.0f} %", "unit": "", "from_zero": True}
    plots: list[tuple[str, str, list[Series], dict[str, Any]]] = [
        ("loss", "Loss a step", [Series("loss", _column(log, "loss"))], {}),
        (
            "f1",
            "Dev scores",
            [
                Series(name, _scores(log, key), dots=True)
                for name, key in (("F1", "ents_f"), ("precision", "ents_p"), ("recall", "ents_r"))
            ],
            percents,
        ),
        ("lr", "Learning rate", [Series("learning rate", _column(log, "lr"))], {}),
        ("speed", "Words a second", [Series("words/s", _column(log, "words_per_second"))], {}),
        ("memory", f"{_memory_name(log)} in MiB", [Series("memory", _column(log, "memory_mb"))], {}),
    ]
    steps = [step for step, _ in _column(log, "step")]
    shared = (min(steps), max(steps)) if steps else None
    parts: list[str] = []
    data: dict[str, object] = {}
    for key, title, series, options in plots:
        svg, chart = line_chart(title, series, x_range=shared, **options)
        if not chart:
            continue
        data[key] = chart
        legend = ""
        if len(series) > 1:
            legend = "".join(f"<span class='key s{i}'>{escape(s.name)}</span>" for i, s in enumerate(series))
        if key == "f1" and series[0].points:
            step, best = max(series[0].points, key=lambda point: (point[1], -point[0]))
            legend += f"<span class='best'>best F1 {percent(best)} at step {number(step)}</span>"
        parts.append(
            f"<figure class='card plot' data-chart='{key}'><figcaption>{title}{legend}"
            f"<output class='readout'></output></figcaption>{svg}</figure>"
        )
    return "<div class='plots'>" + "".join(parts) + "</div>", data


def run(evaluation: Evaluation) -> str:
    """Hardware, resolved settings and versions, as far as the pipeline or its run recorded them."""
    recorded = dict(evaluation.meta.get("cloudner") or {})
    recorded.update(evaluation.run)
    recorded.pop("calibration", None)  # has its place among the confidences
    meta = evaluation.meta
    machine: dict[str, Any] = {
        "Evaluated with": f"cloudner {cloudner.__version__}, spaCy {spacy.__version__}, "
        f"Python {platform.python_version()}",
        "On": f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC",
        "Platform": platform.platform(),
        "Pipeline": ", ".join(meta.get("pipeline") or []) or "(empty)",
        "Trained for spaCy": meta.get("spacy_version", ""),
    }
    parts = [_tree_card("This evaluation", machine)]
    loose = {}
    for key, value in recorded.items():
        if isinstance(value, Mapping) and value:
            parts.append(_tree_card(str(key).replace("_", " ").capitalize(), value))
        else:
            loose[key] = value
    if loose:
        parts.append(_tree_card("Training run", loose))
    settings = evaluation.config.get("training")
    if isinstance(settings, Mapping):
        parts.append(_tree_card("Training config", settings, closed=True))
    components = evaluation.config.get("components")
    if isinstance(components, Mapping):
        parts.append(_tree_card("Components config", components, closed=True))
    return "".join(parts)


def percent(value: float) -> str:
    return f"{100 * value:.2f}"


def _card(title: str, value: str, detail: str, meaning: str, kind: str = "") -> str:
    return (
        f"<div class='stat {kind}'><h3>{title}</h3><p class='value'>{value}</p>"
        f"<p class='detail'>{detail}</p><p class='meaning'>{meaning}</p></div>"
    )


def _range(interval: Interval) -> str:
    return (
        f"{percent(interval.low)} – {percent(interval.high)}<abbr title='95 % bootstrap interval over documents'> "
        "95 %</abbr>"
    )


def _bar(value: float, interval: Interval | None) -> str:
    whisker = ""
    if interval is not None:
        whisker = f"<i style='left:{100 * interval.low:.1f}%;width:{100 * (interval.high - interval.low):.1f}%'></i>"
    told = "" if interval is None else f" title='{percent(interval.low)} to {percent(interval.high)}'"
    return f"<span class='bar'{told}><b style='width:{100 * value:.1f}%'></b>{whisker}</span>"


def _score_card(title: str, first: str, scores: Mapping[str, Score]) -> str:
    rows = "".join(
        f"<tr><th scope='row'>{escape(name)}</th><td>{percent(s.precision)}</td><td>{percent(s.recall)}</td>"
        f"<td>{percent(s.f1)}</td><td class='wide'>{_bar(s.f1, None)}</td><td>{s.gold:,}</td></tr>"
        for name, s in scores.items()
    )
    header = (escape(first), "Precision", "Recall", "F1", "", "Gold")
    return f"<article class='card'><h3>{escape(title)}</h3>{_table(header, rows)}</article>"


def _table(header: tuple[str, ...], body: str, kind: str = "") -> str:
    head = "".join(f"<th scope='col'>{name}</th>" for name in header)
    return f"<div class='scroll'><table class='{kind}'><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _wide(name: str) -> str:
    # Columns of bars: their name stands left, where the bars begin.
    return " class='wide'" if not name or name.endswith("interval") else ""


def _facts(facts: Mapping[str, str]) -> str:
    rows = "".join(f"<div><dt>{escape(k)}</dt><dd>{escape(v)}</dd></div>" for k, v in facts.items())
    return f"<dl class='facts'>{rows}</dl>"


def _tree_card(title: str, values: Mapping[str, Any], closed: bool = False) -> str:
    flat = _facts(dict(_flatten(values)))
    if closed:
        return f"<details class='card'><summary>{escape(title)}</summary>{flat}</details>"
    return f"<article class='card'><h3>{escape(title)}</h3>{flat}</article>"


def _flatten(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    flat: list[tuple[str, str]] = []
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            flat += _flatten(value, f"{name}.")
        elif isinstance(value, bool) or value is None:
            flat.append((name, {True: "yes", False: "no", None: "–"}[value]))
        elif isinstance(value, float):
            flat.append((name, number(value)))
        elif isinstance(value, (list, tuple)) and any(isinstance(item, Mapping) for item in value):
            for i, item in enumerate(value):
                flat += _flatten(item if isinstance(item, Mapping) else {"": item}, f"{name}[{i}].")
        elif isinstance(value, (list, tuple)):
            flat.append((name, ", ".join(map(str, value)) or "–"))
        elif isinstance(value, int) and value >= 2**20 and name.endswith(_BYTES):
            flat.append((name, f"{value / 2**30:.1f} GiB"))
        else:
            flat.append((name, str(value) or "–"))
    return flat


def _memory_name(log: list[dict[str, Any]]) -> str:
    kinds = {record.get("memory_kind") for record in log}
    return "GPU memory" if kinds & {"cuda", "mps"} else "Memory of the process"


def _column(log: list[dict[str, Any]], key: str) -> list[tuple[float, float]]:
    return [
        (float(record["step"]), float(record[key]))
        for record in log
        if isinstance(record.get("step"), (int, float)) and isinstance(record.get(key), (int, float))
    ]


def _scores(log: list[dict[str, Any]], key: str) -> list[tuple[float, float]]:
    flat = [
        {"step": record.get("step"), key: scores.get(key)}
        for record in log
        if isinstance(scores := record.get("scores"), dict)
    ]
    return _column(flat, key)

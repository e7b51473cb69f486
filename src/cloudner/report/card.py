"""The model card of a trained pipeline, from its `meta.json`.

spaCy writes its own README.md from `meta.json` unless the pipeline's folder has one; `spacy package` then puts
that one into the wheel.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cloudner.atomic import write_text
from cloudner.errors import InputError
from cloudner.json_files import object_of
from cloudner.pages.markdown import Markdown, harmless, table
from cloudner.pages.numbers import percent
from cloudner.pages.rendering import markdown
from cloudner.report.evaluation.evaluation import EvaluationData
from cloudner.report.loggers.progress import score_prefix
from cloudner.report.render.markdown import mistake_rows, score_table


def model_card(meta: Mapping[str, Any], *, evaluation: EvaluationData | None = None) -> str:
    """The card in Markdown. With `evaluation` its scores and intervals, else those of `meta["performance"]`."""
    own = meta.get("cloudner") or {}
    labels = sorted({label for of_pipe in (meta.get("labels") or {}).values() for label in of_pipe})
    name = f"{meta.get('lang', '')}_{meta.get('name', '')}"
    scores_text, scores = _scores(meta, evaluation)
    body = markdown(
        "card.md",
        name=name,
        name_in_code=Markdown(re.sub(r"[^\w.-]", "_", name)),
        description=meta.get("description") or "A spaCy pipeline for named entities.",
        facts=[
            ("Version", meta.get("version", "")),
            ("spaCy", meta.get("spacy_version", "")),
            ("Pipeline", ", ".join(meta.get("pipeline") or [])),
            ("Labels", ", ".join(labels) or "none"),
            ("License", meta.get("license") or "not stated"),
            ("Author", meta.get("author") or "not stated"),
        ],
        scores_text=scores_text,
        scores=scores,
        parts=_parts(own, evaluation),
        notes=harmless(str(meta["notes"])) if meta.get("notes") else "",
    )
    return f"---\n{_front_matter(meta)}\n---\n\n{body}"


def _front_matter(meta: Mapping[str, Any]) -> str:
    """What the Hugging Face hub reads of a card, as YAML."""
    from huggingface_hub import ModelCardData

    language = str(meta.get("lang", ""))
    return ModelCardData(
        language=["multilingual" if language == "xx" else language],
        license=meta.get("license") or None,
        library_name="spacy",
        tags=["spacy", "token-classification", "named-entity-recognition"],
    ).to_yaml()


def write_card(
    folder: str | Path, *, evaluation: EvaluationData | None = None, output: str | Path | None = None
) -> Path:
    """Writes the card of the pipeline in `folder` as its README.md, or to `output`, and returns the path.

    Raises `InputError` where the folder holds no pipeline. A new file inside a folder that a project tracks as an
    output changes its checksum; give `output` there.
    """
    file = Path(folder) / "meta.json"
    if not file.is_file():
        raise InputError(
            "no pipeline here: meta.json is missing", file=str(folder), fix="training/model-best"
        )
    path = Path(output) if output is not None else Path(folder) / "README.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, model_card(object_of(file), evaluation=evaluation))
    return path


def _parts(own: Mapping[str, Any], evaluation: EvaluationData | None) -> list[tuple[str, Markdown]]:
    """Title and content of each part for which something is recorded."""
    parts = []
    if isinstance(calibration := own.get("calibration"), Mapping):
        parts.append(("Confidence", _facts(calibration)))
    if own.get("data"):
        parts.append(("Data", _data(own["data"])))
    for key, title in (("hardware", "Hardware"), ("settings", "Settings")):
        if isinstance(values := own.get(key), Mapping) and values:
            parts.append((title, _facts(values)))
    if evaluation is not None and evaluation.errors:
        parts.append(
            ("Mistakes on the test data", table(("Class", "Meaning", "Count"), mistake_rows(evaluation)))
        )
    return parts


def _scores(meta: Mapping[str, Any], evaluation: EvaluationData | None) -> tuple[str, Markdown]:
    """What the scores were computed on, and the table."""
    if evaluation is not None:
        f1 = evaluation.intervals["f1"]
        micro = evaluation.strict.micro
        return (
            f"Strict scores on {len(evaluation.documents):,} documents with {micro.gold:,} entities, in percent. "
            f"F1 {percent(micro.f1)}, 95 % bootstrap interval {percent(f1.low)} to {percent(f1.high)}.",
            score_table("Label", {"all (micro)": micro, **evaluation.strict.per_label}),
        )
    performance = meta.get("performance") or {}
    prefix = score_prefix(performance)
    if performance.get(f"{prefix}_f") is None:
        return "Not measured.", Markdown("")
    rows = [("all (micro)", *(percent(performance.get(f"{prefix}_{key}") or 0.0) for key in "prf"))]
    for label, scores in sorted((performance.get(f"{prefix}_per_type") or {}).items()):
        rows.append((label, *(percent(scores.get(key) or 0.0) for key in "prf")))
    return "On the development data, in percent.", table(("Label", "Precision", "Recall", "F1"), rows)


def _data(data: Mapping[str, Any]) -> Markdown:
    if all(isinstance(part, Mapping) for part in data.values()):
        columns = list(dict.fromkeys(key for part in data.values() for key in part))
        rows = [(name, *(_text(part.get(key, "")) for key in columns)) for name, part in data.items()]
        return table(("Part", *columns), rows)
    return _facts(data)


def _facts(values: Mapping[str, Any]) -> Markdown:
    return table(("", "Value"), [(key, _text(value)) for key, value in values.items()])


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_text(part)}" for key, part in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_text, value))
    return "–" if value is None else str(value)

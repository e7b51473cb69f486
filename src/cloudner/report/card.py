"""What a trained pipeline says about itself: `meta.json` and the model card beside it.

spaCy writes its own README.md from `meta.json` unless the pipeline's folder has one; `spacy package` then puts
that one into the wheel.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import srsly
from spacy.language import Language

from cloudner.errors import InputError
from cloudner.report.markdown import cell, percent, score_table, table

if TYPE_CHECKING:
    from cloudner.report.evaluate import Evaluation


def fill_meta(
    nlp: Language,
    *,
    evaluation: Evaluation | None = None,
    data: Mapping[str, Any] | None = None,
    hardware: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Fills `nlp.meta` in place and returns it.

    evaluation: its strict scores and speed become `meta["performance"]`, under spaCy's own keys.
    data: counts of the training data, such as {"train": {"documents": 120, "words": 9000, "entities": 800}}.
    hardware, settings: plain JSON; all three go to `meta["cloudner"]`, beside what is there. A description is
    written only where the user gave none.
    """
    meta = nlp.meta
    own = meta.setdefault("cloudner", {})
    for key, value in (("data", data), ("hardware", hardware), ("settings", settings)):
        if value:
            own[key] = {**(own.get(key) or {}), **value}
    if evaluation is not None:
        micro = evaluation.strict.micro
        performance = meta.setdefault("performance", {})
        performance.update(ents_f=micro.f1, ents_p=micro.precision, ents_r=micro.recall)
        performance["ents_per_type"] = {
            label: {"p": score.precision, "r": score.recall, "f": score.f1}
            for label, score in evaluation.strict.per_label.items()
        }
        performance["speed"] = evaluation.speed
    if not meta.get("description"):
        meta["description"] = _description(nlp)
    return meta


def model_card(meta: Mapping[str, Any], *, evaluation: Evaluation | None = None) -> str:
    """The card in Markdown. With `evaluation` its scores and intervals, else those of `meta["performance"]`."""
    own = meta.get("cloudner") or {}
    labels = sorted({label for found in (meta.get("labels") or {}).values() for label in found})
    license_name = meta.get("license")
    header = {
        "tags": ["spacy", "token-classification", "named-entity-recognition"],
        "language": [meta.get("lang", "")],
        "library_name": "spacy",
        **({"license": license_name} if license_name else {}),
    }
    name = f"{meta.get('lang', '')}_{meta.get('name', '')}"
    blocks = [
        "---\n" + srsly.yaml_dumps(header).strip() + "\n---",
        f"# {cell(name)}",
        cell(meta.get("description") or "A spaCy pipeline for named entities."),
        table(
            ("", "Value"),
            [
                ("Version", meta.get("version", "")),
                ("spaCy", meta.get("spacy_version", "")),
                ("Pipeline", ", ".join(meta.get("pipeline") or [])),
                ("Labels", ", ".join(labels) or "none"),
                ("License", license_name or "not stated"),
                ("Author", meta.get("author") or "not stated"),
            ],
        ),
        "## Use",
        f'```python\nimport spacy\n\nnlp = spacy.load("{name}")\ndoc = nlp("...")\n'
        "print([(ent.text, ent.label_) for ent in doc.ents])\n```",
        "## Scores",
        _scores(meta, evaluation),
    ]
    calibration = own.get("calibration")
    if isinstance(calibration, Mapping):
        blocks += ["## Confidence", _facts(calibration)]
    if own.get("data"):
        blocks += ["## Data", _data(own["data"])]
    for key, title in (("hardware", "Hardware"), ("settings", "Settings")):
        if isinstance(own.get(key), Mapping) and own[key]:
            blocks += [f"## {title}", _facts(own[key])]
    if evaluation is not None and evaluation.errors:
        from cloudner.report.errors import DESCRIPTIONS, count_kinds

        rows = [(k, DESCRIPTIONS[k], n) for k, n in count_kinds(evaluation.errors).items()]
        blocks += ["## Mistakes on the test data", table(("Class", "Meaning", "Count"), rows)]
    if meta.get("notes"):
        blocks.append(str(meta["notes"]))
    return "\n\n".join(blocks) + "\n"


def write_card(
    folder: str | Path, *, evaluation: Evaluation | None = None, output: str | Path | None = None
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
    path.write_text(model_card(srsly.read_json(file), evaluation=evaluation), encoding="utf-8")
    return path


def _description(nlp: Language) -> str:
    labels = sorted(
        {label for _, pipe in nlp.pipeline for label in getattr(pipe, "labels", ()) if isinstance(label, str)}
    )
    found = ", ".join(labels[:12]) + (f" and {len(labels) - 12} more" if len(labels) > 12 else "")
    return f"Named entity recognition for the language {nlp.lang}" + (f": {found}." if found else ".")


def _scores(meta: Mapping[str, Any], evaluation: Evaluation | None) -> str:
    if evaluation is not None:
        f1 = evaluation.intervals["f1"]
        micro = evaluation.strict.micro
        return (
            f"Strict scores on {len(evaluation.documents):,} documents with {micro.gold:,} entities, in percent. "
            f"F1 {percent(micro.f1)}, 95 % bootstrap interval {percent(f1.low)} to {percent(f1.high)}.\n\n"
            + score_table("Label", {"all (micro)": micro, **evaluation.strict.per_label})
        )
    performance = meta.get("performance") or {}
    if performance.get("ents_f") is None:
        return "Not measured."
    rows = [("all (micro)", *(percent(performance.get(f"ents_{key}") or 0.0) for key in "prf"))]
    for label, scores in sorted((performance.get("ents_per_type") or {}).items()):
        rows.append((label, *(percent(scores.get(key) or 0.0) for key in "prf")))
    return "On the development data, in percent.\n\n" + table(("Label", "Precision", "Recall", "F1"), rows)


def _data(data: Mapping[str, Any]) -> str:
    if all(isinstance(part, Mapping) for part in data.values()):
        columns = list(dict.fromkeys(key for part in data.values() for key in part))
        rows = [(name, *(_text(part.get(key, "")) for key in columns)) for name, part in data.items()]
        return table(("Part", *columns), rows)
    return _facts(data)


def _facts(values: Mapping[str, Any]) -> str:
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

"""The names of numbered tags, from a description of features (ClassLabel) in a file or beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from cloudner.corpus.contract import Source
from cloudner.corpus.files.names import base_name
from cloudner.corpus.formats.huggingface.readme import described
from cloudner.corpus.formats.keys import label_key

# Where TNER and others keep what the numbers of their tags mean
_TABLES = ("label.json", "labels.json", "label2id.json", "id2label.json")
Names = Mapping[str, Sequence[str] | None]  # of the numbers in each column; None where nothing says them


def class_names(value: Any) -> Names | None:
    """ClassLabel names by column, anywhere in a description of features; None where there are none."""
    if not isinstance(value, dict):
        return None
    features = (
        value.get("info", value).get("features", value)
        if isinstance(value.get("info", value), dict)
        else value
    )
    if not isinstance(features, dict):
        return None
    names = {str(column): _names_of(feature) for column, feature in features.items()}
    return names if any(names.values()) else None


def _names_of(feature: Any) -> Sequence[str] | None:
    if isinstance(feature, list) and feature:
        feature = feature[0]
    if not isinstance(feature, dict):
        return None
    names = feature.get("names")
    if isinstance(names, list):
        return [str(name) for name in names]
    if isinstance(names, dict):  # YAML exports: {"0": "O", "1": "B-PER"}
        return [str(names[key]) for key in sorted(names, key=lambda k: int(k))]
    label = label_key(feature)  # of spans, {"start": ..., "end": ..., "label": ...}
    of_label = _names_of(feature[label]) if label is not None and isinstance(feature[label], dict) else None
    return of_label or _names_of(feature.get("feature")) or _names_of(feature.get("class_label"))


def names_beside(source: Source) -> Names | None:
    """Names from a `dataset_info.json` or `dataset_infos.json` beside the file, from the README of its data set, or from a table
    of them in its own folder."""
    for name in ("dataset_info.json", "dataset_infos.json"):
        found = source.neighbour(name)
        if found is not None:
            value = json.loads(found.text())
            names = class_names(value)
            if names is None and isinstance(value, dict):
                names = next((n for n in map(class_names, value.values()) if n), None)
            if names:
                return names
    told = [names for names in map(class_names, described(source)) if names]
    if told and all(
        names == told[0] for names in told
    ):  # else it depends on a configuration that nobody named
        return told[0]
    table = next(filter(None, (_table(source, name) for name in _TABLES)), None)
    return {"": table} if table else None


def _table(source: Source, name: str) -> list[str] | None:
    """The names in a file `{"O": 0, "B-PER": 1}`, `{"0": "O", "1": "B-PER"}` or `["O", "B-PER"]` in the source's folder."""
    found = source.neighbour(name)
    if found is None or found.name[: -len(name)] != source.name[: -len(base_name(source.name))]:
        return None  # one in a folder above may be that of other data
    try:
        value = json.loads(found.text())
    except ValueError:
        return None
    if isinstance(value, dict) and all(map(str.isdecimal, value)):
        value = {str(label): int(number) for number, label in value.items()}
    if isinstance(value, dict) and sorted(map(str, value.values())) == sorted(map(str, range(len(value)))):
        value = sorted(value, key=lambda label: int(value[label]))
    whole = isinstance(value, list) and "O" in value and all(isinstance(each, str) for each in value)
    return value if whole else None

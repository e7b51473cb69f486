"""What the README of a data set on the Hugging Face hub says of its columns, in the YAML that it begins with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cloudner.corpus.contract import Source

_HEAD = re.compile(r"\ufeff?---\s*\n(?P<yaml>.*?)\n---\s*(?:\n|\Z)", re.DOTALL)


def described(source: Source) -> list[Mapping[str, Any]]:
    """The features of each configuration that `dataset_info` describes, those of the one whose name is in the source's path
    alone where there is one: what a column is by its name, as `dataset_info.json` says it. Nothing without such a README."""
    readme = source.neighbour("README.md")
    head = _HEAD.match(readme.text()) if readme is not None else None
    if head is None or "class_label" not in head["yaml"]:
        return []
    given = _loaded(head["yaml"])
    infos = given.get("dataset_info") if isinstance(given, dict) else None
    infos = [info for info in (infos if isinstance(infos, list) else [infos]) if isinstance(info, dict)]
    parts = set(re.split(r"[/!\\]", source.name))
    mine = [info for info in infos if info.get("config_name") in parts]
    return [_by_column(info.get("features")) for info in mine or infos]


def _by_column(features: Any) -> Mapping[str, Any]:
    columns = features if isinstance(features, list) else []
    return {
        str(column.get("name")): next(
            (column[key] for key in ("sequence", "list", "dtype") if isinstance(column.get(key), dict)), None
        )
        for column in columns
        if isinstance(column, dict)
    }


def _loaded(text: str) -> Any:
    from srsly.ruamel_yaml import YAML
    from srsly.ruamel_yaml.error import MarkedYAMLFutureWarning, YAMLError

    try:
        return YAML(typ="safe", pure=True).load(text)
    except (YAMLError, MarkedYAMLFutureWarning, RecursionError, ValueError):
        return None  # a page for people; what it would say is asked of the user

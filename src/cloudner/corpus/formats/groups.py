"""The value by which documents are kept together, looked up in what a file says of a document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Where annotation tools put what users say of a document.
_INNER = ("meta", "metadata", "data")


def group_in(tree: Mapping[str, Any], name: str) -> Any:
    """The value under a name, or under a path such as `meta.patient`, in a tree or in its meta data; None without any."""
    for part in (tree, *(tree[key] for key in _INNER if isinstance(tree.get(key), Mapping))):
        value = part[name] if name in part else _along(part, name.split("."))
        if value is not None and value != "":
            return value
    return None


def _along(value: Any, path: list[str]) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value

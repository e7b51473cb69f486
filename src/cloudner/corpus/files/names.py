"""Names of sources, which may have folders and an archive in them."""

from __future__ import annotations

import re

_PARTS = re.compile(r"[/\\!]")


def base_name(name: str) -> str:
    """The file's own name: `b.ann` of `data/a.zip!x/b.ann`, on every system's separators."""
    return _PARTS.split(name)[-1]

"""Tests of spaCy's that fail with cloudner in place of `ner`, and why: the differences of docs/compatibility.md."""

from __future__ import annotations

import re

# (file, pattern of the test's name, reason)
DIFFERENCES: tuple[tuple[str, str, str], ...] = ()


def reason(file: str, test: str) -> str | None:
    for name, pattern, why in DIFFERENCES:
        if name == file and re.fullmatch(pattern, test):
            return why
    return None

"""What services answer and nobody can convert: spans with offsets, without the text that they count in."""

from __future__ import annotations

import re

from cloudner.corpus.contract import Sample
from cloudner.corpus.formats.json.objects import some_objects
from cloudner.corpus.formats.keys import label_key, offsets_of
from cloudner.errors import InputError

_OFFSETS_ONLY = re.compile(r"\w[\w.:-]*\t\d+\t\d+\t\S[^\t]*")


def refuse_textless(sample: Sample, file: str) -> None:
    """Raises InputError for objects with spans, and for rows of an id and offsets, without a text."""
    rows = [line for line in sample.lines[:200] if line.strip()]
    if rows and all(map(_OFFSETS_ONLY.fullmatch, rows)):
        raise InputError(
            "rows of an id, start, end and label, and no text that they count in",
            file=file,
            line=1,
            expected="the text in a column beside them",
            fix="join the texts to the rows by their ids, under a header such as id,text,start,end,label",
        )
    for item in some_objects(sample)[:3]:
        lists = [[item], *(value for value in item.values() if isinstance(value, list))]
        for spans in lists:
            dicts = [span for span in spans if isinstance(span, dict)]
            if dicts and len(dicts) == len(spans) and all(offsets_of(s) and label_key(s) for s in dicts):
                raise InputError(
                    f"entities with offsets, and no text that they count in, among {', '.join(map(repr, list(item)[:8]))}",
                    file=file,
                    line=1,
                    expected='one object a text: {"text": ..., "entities": [...]}',
                    fix="put each text beside its entities under the key 'text'",
                )

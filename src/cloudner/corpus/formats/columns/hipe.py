"""HIPE-2020 and HIPE-2022: a token a row under `TOKEN NE-COARSE-LIT ... MISC`, documents begun by comments."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cloudner.corpus.align.tag_shapes import MISSING
from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source
from cloudner.errors import InputError

_COMMENT = re.compile(r"#\s*(?:\w+:)?(?P<key>[\w-]+)\s*=\s*(?P<value>.*)")
_DEFAULT = "NE-COARSE-LIT"
_META = ("date", "language", "document_type")


def _header(lines: list[str]) -> list[str] | None:
    """The names of the columns, where the first line that is no comment holds them."""
    first = next((line for line in lines if line.strip() and not line.startswith("#")), "")
    names = [name.strip().upper() for name in first.split("\t")]
    return names if names[0] == "TOKEN" and _DEFAULT in names else None


def sniff(sample: Sample) -> Match | None:
    names = _header(sample.lines[:50])
    return None if names is None else Match(0.99, f"the columns TOKEN, {_DEFAULT}, ... of HIPE")


def _tag_column(names: list[str], wanted: str | int | None, file: str) -> int:
    if wanted is None:
        return names.index(_DEFAULT)
    if isinstance(wanted, str) and wanted.upper() in names:
        return names.index(wanted.upper())
    if str(wanted).lstrip("-").isdigit() and -len(names) <= int(wanted) < len(names):
        return int(wanted) % len(names)
    raise InputError(
        f"no column {wanted!r}",
        file=file,
        expected="one of " + ", ".join(name for name in names if name.startswith("NE-")),
        fix=f"--tag-column {_DEFAULT}",
    )


def read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """One record a document (`# hipe2022:document_id = ...`), its sentences ended by EndOfSentence in MISC.

    Columns of the same kind that are not read (fine types, nested ones) are told. Raises InputError (file, line) for
    a row of another width.
    """
    names = _header(source.sample().lines[:50])
    if names is None:
        raise InputError(
            f"no header with TOKEN and {_DEFAULT}", file=source.name, line=1, expected="the columns of HIPE"
        )
    at = _tag_column(names, options.tag_column, source.name)
    misc = names.index("MISC") if "MISC" in names else None
    layers = [i for i, name in enumerate(names) if name.startswith("NE-") and i != at]
    left: dict[int, int] = {}  # entities of the other layers, by column
    record: Record | None = None
    meta: dict[str, str] = {}
    ended = True
    seen_header = False
    for number, line in source.lines():
        row = line.split("\t")
        if line.startswith("#") and len(row) != len(names):
            match = _COMMENT.match(line)
            if match and match["key"] == "document_id":
                if record is not None:
                    yield record
                record, meta, ended = None, {"id": match["value"].strip()}, True
            elif match and match["key"] in _META:
                meta.setdefault(match["key"], match["value"].strip())
            continue
        if not line.strip():
            ended = True
            continue
        if not seen_header:
            seen_header = True
            continue
        if len(row) != len(names) or not row[0].strip():
            raise InputError(
                f"{len(row)} columns beginning {row[0][:30]!r}",
                file=source.name,
                line=number,
                expected=f"a token and {len(names) - 1} more columns parted by tabs",
                fix="mend the line",
            )
        if record is None:
            record = Record(source.name, number, tokens=[], tags=[], spaces=[], sent_starts=[], meta=meta)
        flags = row[misc].split("|") if misc is not None else []
        _add(record, row[0].strip(), row[at].strip(), "NoSpaceAfter" not in flags, ended)
        ended = "EndOfSentence" in flags
        for layer in layers if options.tag_column is None else ():
            if row[layer].startswith("B-"):
                left[layer] = left.get(layer, 0) + 1
    if record is None:
        raise InputError("no token in the file", file=source.name, expected="a token a row")
    record.notes += [
        (
            "unsupported",
            "noted",
            f"{names[layer]} has {count} entities that are left out; --tag-column {names[layer]} reads them instead",
        )
        for layer, count in sorted(left.items())
    ]
    yield record


def _add(record: Record, token: str, tag: str, space: bool, starts: bool) -> None:
    assert record.tokens is not None
    assert record.tags is not None
    assert record.spaces is not None
    assert record.sent_starts is not None
    # A mark at the end of a line that OCR took for a full stop may stand inside an entity.
    if (starts and not tag.startswith("I-")) or not record.tokens:
        record.sent_starts.append(len(record.tokens))
    record.tokens.append(token)
    record.tags.append(None if tag in MISSING else tag)
    record.spaces.append(space)


_EXAMPLE = """TOKEN\tNE-COARSE-LIT\tNE-COARSE-METO\tNE-FINE-LIT\tNEL-LIT\tMISC
# hipe2022:document_id = curie
# hipe2022:language = en
Marie\tB-PER\tO\t_\t_\t_
Curie\tI-PER\tO\t_\t_\t_
was\tO\tO\t_\t_\t_
born\tO\tO\t_\t_\t_
in\tO\tO\t_\t_\t_
Warsaw\tB-LOC\tO\t_\t_\tNoSpaceAfter
.\tO\tO\t_\t_\t_
"""
HIPE = Format(
    "hipe",
    "HIPE-2020 and HIPE-2022: TOKEN, NE-COARSE-LIT, ..., MISC with NoSpaceAfter",
    (".tsv",),
    sniff,
    read,
    example=_EXAMPLE,
)

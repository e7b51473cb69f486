"""Which format a file is in, told from its content, with the reason."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple

from cloudner.corpus.contract import Format, Match, ReadOptions, Sample
from cloudner.corpus.files.file import FileSource
from cloudner.corpus.formats.by_options import by_options
from cloudner.corpus.formats.json.objects import some_objects
from cloudner.corpus.formats.json.stream import peek
from cloudner.corpus.formats.json.textless import refuse_textless
from cloudner.corpus.formats.keys import SPANS, TAGS, TEXT
from cloudner.corpus.formats.registry import builtin, builtins, formats, plugins
from cloudner.corpus.formats.tables.cells import holds_rows
from cloudner.corpus.formats.tables.csv_rows import first_line
from cloudner.corpus.formats.text.slash_tags import has_tags_behind_tab
from cloudner.errors import InputError

ENOUGH = 0.5  # a lower score is not taken without being asked for
# Signs of the built-in formats that are more than a text: see `registry`.
_SIGNS: dict[str, Callable[[Sample], bool]] = {
    "binary": lambda sample: sample.raw.startswith((b"\x78", b"PAR1", b"ARROW1", b"\xff\xff\xff\xff")),
    "json": lambda sample: peek(sample) is not None,
    "table": lambda sample: any(d in first_line(sample) for d in ",\t;|"),
}


# What programs write that hold no text of their own: how it begins, what else is in it, what it is, what to do
_OFFICE = re.compile(rb"PK.{0,60}(?:\[Content_Types\]\.xml|mimetypeapplication/vnd\.oasis)", re.DOTALL)
_AS_CSV = "save the sheet as CSV (UTF-8) in the program, or all of them as .xlsx, and convert that"
_AS_TEXT = "save it as plain text with its annotations"


def refuse_documents(sample: Sample, file: str) -> None:
    """Raises InputError for spreadsheets, word processor files and PDFs, whatever format is asked for."""
    raw = sample.raw
    if _OFFICE.match(raw) or (raw[:2] == b"PK" and b"[Content_Types].xml" in raw):
        if (
            b"xl/" in raw
            or b"opendocument.spreadsheet" in raw[:200]
            or sample.name.endswith((".xlsx", ".ods"))
        ):
            what, fix = "a spreadsheet (Excel or LibreOffice)", _AS_CSV
        else:
            what, fix = "a file of an office program", _AS_TEXT
    elif raw[:4] == b"\xd0\xcf\x11\xe0":
        what, fix = "a file of an older Excel or Word, or one with a password", _AS_CSV
    elif raw[:5] == b"%PDF-":
        what, fix = "a PDF", _AS_TEXT
    else:
        return
    raise InputError(
        f"{what}, which is not read", file=file, expected="text: CSV, JSON lines, columns, ...", fix=fix
    )


# The first element of XML, behind its declaration, comments and document type
_ROOT = re.compile(
    r"\ufeff?\s*<\?xml[^>]*>(?:\s*<!--.*?-->|\s*<[!?][^>]*>)*\s*<([A-Za-z_][\w:.-]*)", re.DOTALL
)


class Detection(NamedTuple):
    """A format, how sure (0 to 1), and what in the content said so."""

    format: Format
    score: float
    reason: str


def _sniffed(fmt: Format, sample: Sample) -> Match | None:
    """What a format sees in a sample; nothing where its look at another's file fails."""
    try:
        return fmt.sniff(sample)
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        if fmt.name not in builtins():
            warnings.warn(f"the format {fmt.name} of another package: {error!r} in its sniff", stacklevel=3)
        return None


# Formats of named columns that are more than a table: comments, sentences, layers.
_OWN_COLUMNS = frozenset(("hipe", "conllu", "corefud", "conll2012", "germeval2014"))
# Formats whose marks stand in running text. What they take for text in JSON or in a table is the file's own source.
PROSE = frozenset(
    ("braces", "cnec", "inline-xml", "markup", "opennlp", "peoples-daily", "rasa", "slash-tags")
)


def not_asked(sample: Sample) -> frozenset[str]:
    """The formats of running text, where a sample is a table or JSON."""
    if not holds_rows(sample):
        return frozenset()
    return PROSE - {"slash-tags"} if has_tags_behind_tab(sample) else PROSE


def rank(sample: Sample) -> list[Detection]:
    """Every format that sees something in the sample, best first. Equal scores: the file's extension decides."""
    found = []
    others = not_asked(sample)
    for fmt in _candidates(sample):
        if fmt.name in others:
            continue
        match = _sniffed(fmt, sample)
        if match is not None and match.score > 0:
            found.append(Detection(fmt, match.score, match.reason))
    return sorted(
        found,
        key=lambda d: (
            -d.score,
            not any(sample.name.endswith(e) for e in d.format.extensions),
            d.format.name,
        ),
    )


def _candidates(sample: Sample) -> Iterator[Format]:
    """The formats that the sample may be in; those whose sign it lacks are not even imported."""
    signs = {name: sign(sample) for name, sign in _SIGNS.items()}
    for name, content in builtins().items():
        if signs.get(content, content in sample.text):
            yield builtin(name)
    yield from plugins().values()


def detect(sample: Sample, file: str, options: ReadOptions | None = None) -> Detection:
    """The format that fits best, or the one of the columns that the options name.

    Raises InputError when none fits well enough, naming the nearest and, for JSON, the keys that it has.
    """
    refuse_documents(sample, file)
    found = rank(sample)
    named = by_options(sample, options or ReadOptions())
    if named is not None and not (found and found[0].format.name in _OWN_COLUMNS):
        return Detection(formats()[named[0]], 1.0, named[1])
    if found and found[0].score >= ENOUGH:
        return found[0]
    if not sample.text.strip():
        raise InputError("the file holds nothing but white space", file=file, expected="annotated text")
    refuse_textless(sample, file)
    first = next((line.strip() for line in sample.lines if line.strip()), "")
    first = first if len(first) <= 80 else first[:77] + "..."
    if found:
        near = found[0]
        raise InputError(
            f"no format fits well; the nearest is {near.format.name} ({near.reason})",
            file=file,
            line=1,
            expected="a format that `--format` knows",
            fix=f"--format {near.format.name}",
        )
    keys = list(dict.fromkeys(str(key) for item in some_objects(sample)[:50] for key in item))
    if keys:
        shown = ", ".join(map(repr, keys[:12])) + (", ..." if len(keys) > 12 else "")
        texts = [key for key in TEXT if any(isinstance(item.get(key), str) for item in some_objects(sample))]
        if texts and not set(keys) & {*SPANS, *TAGS}:
            raise InputError(
                f"texts under {texts[0]!r} and no annotation of them under the keys {shown}",
                file=file,
                line=1,
                expected="the entities of each text",
                fix="--entities-column KEY where one of these holds them; else annotate the texts first",
            )
        raise InputError(
            f"no format recognises these JSON objects, whose keys are {shown}",
            file=file,
            line=1,
            expected="a text and its entities, or tokens and their tags",
            fix="--text-column KEY --entities-column KEY, or --token-column KEY --tag-column KEY",
        )
    if (below := _table_below(sample)) is not None:
        raise InputError(
            f"{first!r} is above the header of a table, which is in line {below}",
            file=file,
            line=1,
            expected="the header first",
            fix=f"delete what is above it: tail -n +{below} FILE > TABLE",
        )
    if (root := _ROOT.match(sample.text)) is not None:
        raise InputError(
            f"no format recognises this XML, whose root is <{root[1]}>",
            file=file,
            line=1,
            expected="one of the formats that `cloudner convert --formats` lists",
            fix="export it as CoNLL columns or as JSON lines with a text and its entities",
        )
    raise InputError(
        f"no format recognises this file, which begins {first!r}",
        file=file,
        line=1,
        expected="annotated text (CSV with text and entities, CoNLL columns, JSON lines, ...)",
        fix="--format NAME, see `cloudner convert --formats`; for a table, also --text-column and --entities-column",
    )


def _table_below(sample: Sample) -> int | None:
    """The line of a table's header that a title or the like stands above, within the first ten; None where there is none."""
    for above in range(1, min(10, len(sample.lines) - 1)):
        lines = sample.lines[above:]
        if lines[0].strip():
            text = "\n".join(lines)
            found = rank(replace(sample, raw=text.encode("utf8", "replace"), text=text, lines=lines))
            if found and found[0].score >= ENOUGH and builtins().get(found[0].format.name) == "table":
                return above + 1
    return None


def detect_source(source: FileSource, options: ReadOptions | None = None) -> Detection:
    """The format of a file by its content and, for a text with an `.ann` file beside it, by that one's content.

    Raises InputError as `detect` does.
    """
    beside = source.sibling(".ann") if source.base_name.endswith(".txt") else None
    if beside is not None:
        found = rank(beside.sample())
        best = rank(source.sample())
        if found and found[0].score >= ENOUGH and not (best and best[0].score >= found[0].score):
            return found[0]._replace(reason=f"{found[0].reason} in {beside.base_name} beside it")
    return detect(source.sample(), source.name, options)

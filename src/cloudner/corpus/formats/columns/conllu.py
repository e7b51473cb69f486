"""CoNLL-U and CoNLL-U Plus with entities in MISC (`NE=B-PER`, `name=B-PER`, a bare `B-PER`) or in a column."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import IO, NamedTuple

from cloudner.corpus.align.tag_schemes import encode
from cloudner.corpus.align.tag_shapes import MISSING, POSITION_TAG, UNKNOWN
from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source
from cloudner.corpus.formats.columns.conll import comment_meta
from cloudner.corpus.formats.words import refuse, unused, without_white_space, words_of
from cloudner.errors import InputError

_ID = re.compile(r"(?P<word>\d+)|(?P<first>\d+)-(?P<last>\d+)|\d+\.\d+")
_SEPARATOR = re.compile(r"[| ]")  # NorNE once parted the MISC entries by spaces
_NEW_DOCUMENT = re.compile(r"#\s*newdoc\b")
_GLOBAL_COLUMNS = re.compile(r"#\s*global\.columns\s*=\s*(?P<names>.+)")
_KEYS = ("NE", "NER", "name", "Entity", "ner", "ne", "Tag", "entity", "BIO", "NamedEntity")
_BARE = ""  # the key of a tag that stands in MISC without one


class Place(NamedTuple):
    """Where the tag of a row stands: a column, or a key of the column MISC. outside: what no tag means there."""

    column: int
    key: str | None
    outside: str | None
    reason: str
    label: int | None = None  # the column of the labels, where that of the tags has B, I and O alone


def _rows(lines: Iterable[str]) -> list[list[str]]:
    """The word rows among lines."""
    rows = (line.split("\t") for line in lines if line and line[0].isdigit())
    return [row for row in rows if len(row) >= 10 and _ID.fullmatch(row[0])]


@lru_cache(maxsize=4096)  # a corpus repeats few MISC cells over and over
def _values(misc: str) -> dict[str, str]:
    return dict(_entries(misc))


def _entries(misc: str) -> Iterator[tuple[str, str]]:
    if misc == "_":
        return
    for entry in _SEPARATOR.split(misc):
        key, equals, value = entry.partition("=")
        if equals:
            yield key, value
        elif entry in ("O", "-") or POSITION_TAG.fullmatch(entry):
            yield _BARE, entry


def find_place(lines: list[str]) -> Place | None:
    """Where a file keeps its tags, told from its beginning; None where it has none."""
    rows = _rows(lines)
    if not rows:
        return None
    misc = 9
    for line in lines:
        if match := _GLOBAL_COLUMNS.match(line):
            names = [name.split(":")[-1].upper() for name in match["names"].split()]
            for name in ("NE", "NER", "ENTITY", "IOB", "NAMED_ENTITY"):
                if name in names:
                    return Place(names.index(name), None, None, f"the column {name} of global.columns")
            if "MISC" in names:
                misc = names.index("MISC")
    tagged: dict[str, Counter[str]] = {}
    for row in rows:
        for key, value in _entries(row[misc]) if misc < len(row) else ():
            tagged.setdefault(key, Counter())[value] += 1
    order = {key: rank for rank, key in enumerate((*_KEYS, _BARE))}
    for key, values in sorted(tagged.items(), key=lambda item: order.get(item[0], len(order))):
        entity = [value for value in values if value not in ("O", "o") and value not in MISSING]
        positioned = [value for value in entity if POSITION_TAG.fullmatch(value)]
        known = key in _KEYS and all(re.fullmatch(r"[\w.-]+", value) for value in entity)
        if (positioned and len(positioned) == len(entity)) or (known and (entity or values["O"])):
            # where O is written out, a word without a tag is one that nobody looked at
            outside = None if values["O"] else "O"
            shown = ", ".join(sorted(entity)[:3]) or "O"
            name = f"MISC entries {key}=" if key else "MISC"
            return Place(misc, key, outside, f"{name} ({shown})")
    best = None
    for column in [*range(10, max(map(len, rows))), 4, 3, 8]:  # extra columns, then XPOS, UPOS, DEPS
        values = Counter(row[column] for row in rows if column < len(row))
        entity = [value for value in values if value not in ("O", "o") and value not in MISSING]
        positioned = [value for value in entity if POSITION_TAG.fullmatch(value)]
        if values["O"] and len(positioned) == len(entity) and (column >= 10 or positioned):
            return Place(column, None, None, f"tags in column {column}")
        if column >= 10 and values["O"] and entity:
            beside = column + 1 if set(entity) <= {"B", "I"} and column + 1 < len(rows[0]) else None
            best = best or Place(column, None, None, f"labels in column {beside or column}", beside)
    return best


def sniff(sample: Sample) -> Match | None:
    rows = _rows(sample.lines)
    lines = [line for line in sample.lines if line.strip() and not line.startswith("#")]
    if not rows or len(rows) < 0.9 * len(lines):
        return None
    place = find_place(sample.lines)
    if place is None:
        return Match(0.4, f"CoNLL-U rows without any entity tag{_brackets(sample.lines)}")
    return Match(0.97, f"CoNLL-U rows of {len(rows[0])} columns, {place.reason}")


def _brackets(lines: list[str]) -> str:
    """What to say where MISC has the brackets of CorefUD and not tags."""
    if any("Entity=(" in row[9] for row in _rows(lines)):
        return "; Entity=(...) are the brackets of coreference (CorefUD), read only where they have types"
    return ""


def read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """One record a document (`# newdoc`), or a sentence where the file marks none.

    The tokens are those of the text: a multiword token (`3-4`) stands for its words and has the tag of the first
    tagged one; empty nodes (`8.1`) are left out. `SpaceAfter=No` is kept.
    """
    place = _place(source, options)
    record: Record | None = None
    documents = False
    meta: dict[str, str] = {}
    at_start, cover_until = True, 0
    width = 0
    for number, line in source.lines():
        if not line.strip():
            at_start, cover_until = True, 0
            if record is not None and not documents:
                yield record
                record, meta = None, {}
            continue
        if line[0] == "#":
            if _NEW_DOCUMENT.match(line):
                if record is not None:
                    yield record
                record, meta, documents = None, {}, True
            comment_meta(line, meta)
            continue
        row = line.split("\t")
        identity = _ID.fullmatch(row[0])
        width = width or len(row)
        if identity is None or len(row) < min(width, 10) or place.column >= len(row):
            raise InputError(
                f"{len(row)} columns beginning {row[0][:30]!r}",
                file=source.name,
                line=number,
                expected=f"{max(width, 10)} columns parted by tabs, the first a word's number",
                fix="mend the line; files parted by spaces are --format conll",
            )
        if not row[1].strip():
            raise InputError(
                f"the word {row[0]} has no form",
                file=source.name,
                line=number,
                expected="the word in the second column",
                fix="mend the line",
            )
        if identity["word"] is None and identity["first"] is None:
            continue  # an empty node, which is not in the text
        tag = _tag(row, place)
        if identity["word"] is not None and int(identity["word"]) <= cover_until:
            assert record is not None
            assert record.tags is not None
            if (record.tags[-1] in (None, "O") and tag not in (None, "O")) or record.tags[-1] is None:
                if tag not in (None, "O") and record.tags[-1] == "O":
                    whole = (record.tokens or [""])[-1]
                    done = f"{tag} of the word {row[1]!r} given to the whole of {whole!r}"
                    record.notes.append(("misaligned", "changed", done))
                record.tags[-1] = tag
            continue
        if identity["first"] is not None:
            cover_until, tag = int(identity["last"]), _tag(row, place) if _has_tag(row, place) else None
        if record is None:
            record = Record(
                source.name, number, tokens=[], tags=[], spaces=[], sent_starts=[], meta=dict(meta)
            )
        _add(record, row, tag, at_start)
        at_start = False
    if record is not None:
        yield record
    elif not width:
        raise InputError("no word in the file", file=source.name, expected="CoNLL-U rows")


def _add(record: Record, row: list[str], tag: str | None, at_start: bool) -> None:
    assert record.tokens is not None
    assert record.tags is not None
    assert record.spaces is not None
    assert record.sent_starts is not None
    if at_start:
        record.sent_starts.append(len(record.tokens))
    record.tokens.append(row[1])
    record.tags.append(tag)
    misc = _values(row[9]) if len(row) > 9 else {}
    record.spaces.append(misc.get("SpaceAfter") != "No")


def _place(source: Source, options: ReadOptions) -> Place:
    sample = source.sample()
    wanted = options.tag_column
    if isinstance(wanted, int) or (isinstance(wanted, str) and wanted.lstrip("-").isdigit()):
        rows = _rows(sample.lines)
        width = len(rows[0]) if rows else 10
        if not -width <= int(wanted) < width:
            raise InputError(
                f"no column {wanted}", file=source.name, expected=f"a number from 0 to {width - 1}"
            )
        return Place(int(wanted) % width, None, None, "as told")
    if isinstance(wanted, str):
        return Place(9, wanted, "O", "as told")
    place = find_place(sample.lines) or _unannotated(sample.lines)
    if place is None:
        raise InputError(
            f"no entity tag in MISC or in any column{_brackets(sample.lines)}",
            file=source.name,
            line=1,
            expected="CoNLL-U with NE=B-PER (or a like key) in MISC, or a column of tags",
            fix="--tag-column N (from 0) or --tag-column KEY",
        )
    return place


def _unannotated(lines: list[str]) -> Place | None:
    """The place of tags that all say that nothing is known (`NE=?`), as `write` makes it of documents nobody annotated."""
    keys = {key for row in _rows(lines) for key, value in _entries(row[9]) if value == UNKNOWN}
    key = next((key for key in _KEYS if key in keys), None)
    return None if key is None else Place(9, key, None, f"MISC entries {key}={UNKNOWN}")


def _has_tag(row: list[str], place: Place) -> bool:
    return place.key is None or place.key in _values(row[place.column])


def _tag(row: list[str], place: Place) -> str | None:
    if place.key is None:
        value = row[place.column]
        if place.label is not None and value in ("B", "I") and place.label < len(row):
            value = f"{value}-{row[place.label]}"
    else:
        value = _values(row[place.column]).get(place.key, place.outside or "_")
    return None if value in MISSING else value


def write(records: Iterable[Record], stream: IO[str]) -> None:
    """CoNLL-U with forms and `NE=` in MISC, `SpaceAfter=No` where no space follows, `# newdoc` a record."""
    used: set[str] = set()
    for count, record in enumerate(records, 1):
        words = without_white_space(words_of(record, "conllu"))
        tags = encode(len(words.tokens), words.spans, "BIO", words.missing)
        odd = next((span.label for span in words.spans if re.search(r"[\s|]", span.label)), None)
        if odd is not None:
            refuse(record, "conllu", f"the label {odd!r}")
        starts = set(words.sent_starts)
        identity = unused(str(record.meta.get("id", count)).replace("\n", " "), count, used)
        stream.write(f"# newdoc id = {identity}\n")
        number = 0
        for index, (token, tag, space) in enumerate(zip(words.tokens, tags, words.spaces, strict=True)):
            if index in starts and number:
                stream.write("\n")
                number = 0
            number += 1
            form = re.sub(r"[\t\r\n]", " ", token)
            last = index + 1 == len(words.tokens)
            misc = ("" if space or last else "SpaceAfter=No|") + "NE=" + (tag if tag != "-" else UNKNOWN)
            stream.write(f"{number}\t{form}" + "\t_" * 7 + f"\t{misc}\n")
        stream.write("\n")


CONLLU = Format(
    name="conllu",
    description="CoNLL-U with entities in MISC (NE=B-PER) or in a column",
    extensions=(".conllu", ".conllup"),
    sniff=sniff,
    read=read,
    write=write,
)

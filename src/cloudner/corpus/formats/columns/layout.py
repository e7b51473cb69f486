"""Which character parts the columns of a token-a-line file, and which column holds the token and the tag."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from cloudner.corpus.align.tag_shapes import NOTHING, POSITION_TAG, is_tag, lone_letter
from cloudner.corpus.contract import ReadOptions, Sample
from cloudner.corpus.formats.columns.values import is_constant, is_id, stays
from cloudner.errors import InputError

DOCSTART = re.compile(r"[ \t]*-{1,2}\s?DOCSTART\s?-{0,2}(?![\w-])")
# <s> and </s> alone on a line, or in its cells, part sentences, as a blank line does
SENTENCE_MARK = re.compile(r"\s*</?[sS]>(?:\s+</?[sS]>)*\s*")
_POSITIONED_TAG = re.compile(r"[BIESLU][-_]\S")
_SMALL_TAG = re.compile(
    r"[bi][-_]\S+"
)  # `b-per`; words look like it too (e-mail), so only where all entities do
POSITION = re.compile(r"^[BILUOESMWbi][-_:/|.]|[-_:/|.][BILUOESMW]$")
_BARE_LABEL = re.compile(r"[A-Z][A-Z_]+")
_POSITIONED = 0.85  # the least score of a column of tags with positions
# Labels of CoNLL-2000 chunks, of clauses (LST20) and of word segmentation: tags with positions that name no entities.
OTHER_LABELS = frozenset(
    "NP VP PP ADVP ADJP SBAR PRT CONJP INTJ LST UCP NX QP PRN WHNP WHPP WHADVP FRAG SEG WORD CHUNK NC VC PC CLS".split()  # noqa: SIM905
)
_HEADER_WORDS = frozenset(
    "token tokens word words form text tag tags ner ner_tag ner_tags label labels entity pos chunk iob bio lemma misc ne-coarse-lit".split()  # noqa: SIM905
)
_SEPARATORS = ("\t", " ", ";", ",", "|", " ||| ", "###", "##", "\x01")
_SPACES = re.compile(r"[ \t]+")


@dataclass(frozen=True)
class Layout:
    """The columns of a file.

    separator: a space stands for any run of spaces and tabs. columns: how many a row has. token, tag: indices.
    score: how sure this is, 0 to 1. reason: for the user. header: is the first row names of columns.
    """

    separator: str
    columns: int
    token: int
    tag: int
    score: float
    reason: str
    header: bool = False
    tags_seen: frozenset[str] = field(default_factory=frozenset)
    others: tuple[str, ...] = ()  # other columns that seem to hold entities, for the user

    def splitter(self) -> Callable[[str], list[str]]:
        return splitter(self.separator)


def splitter(separator: str) -> Callable[[str], list[str]]:
    """A function from a line to its cells; quotes count only where commas or semicolons part the cells."""
    if separator == " ":
        # str.split() would also cut at no-break and other Unicode spaces, which are parts of tokens
        return lambda line: _SPACES.split(line.strip(" \t"))
    if separator in ",;":
        return lambda line: [cell.strip() for cell in next(csv.reader([line], delimiter=separator))]

    def split(line: str) -> list[str]:
        cells = line.split(separator)
        return [cell.strip(" ") or cell for cell in cells] if " " in line else cells

    return split


def is_comment(line: str) -> bool:
    """May this line be a comment (`# id x`, `# text = ...`)? A token `#` with cells after it may look the same."""
    return line.startswith("#")


def is_sentence_line(line: str, cells: list[str]) -> bool:
    """Is a line one cell with the sentence again, which Korean corpora write above its rows behind a ; and a $?"""
    return len(cells) == 1 and line[0] in ";$" and " " in line.strip()


def data_lines(sample: Sample, most: int = 2000) -> list[str]:
    """Lines of a sample that hold a token, as far as can be said before the columns are known."""
    kept = []
    for line in sample.lines:
        if not line.strip() or DOCSTART.match(line) or SENTENCE_MARK.fullmatch(line):
            continue
        kept.append(line)
        if len(kept) == most:
            break
    return kept


def detect(sample: Sample, options: ReadOptions | None = None) -> Layout | None:
    """The most likely layout of a sample, or None where no column of any separator looks like tags."""
    options = options or ReadOptions()
    lines = data_lines(sample)
    if not lines:
        return None
    best: Layout | None = None
    for separator in (options.delimiter,) if options.delimiter else _SEPARATORS:
        layout = _layout(lines, separator, options)
        # a later separator must be clearly better: most files also split somehow at spaces or commas
        if layout and (best is None or layout.score > best.score + 0.15):
            best = layout
    return best


def _layout(lines: list[str], separator: str, options: ReadOptions) -> Layout | None:
    if separator != " " and not any(separator in line for line in lines):
        return None
    split = splitter(separator)
    try:
        rows = [split(line) for line in lines]
    except csv.Error:
        return None
    plain = [
        row
        for row, line in zip(rows, lines, strict=True)
        if not is_comment(line) and not (separator != " " and is_sentence_line(line, row))
    ]
    columns, fitting, ragged = _common_length(plain or rows, separator)
    if columns < 2 or fitting < 0.7 * len(plain or rows):
        return None
    # a comment may have as many cells as a row
    rows = [row[:columns] for row in plain or rows if len(row) == columns or (ragged and len(row) > columns)]
    if separator == " " and len(rows) == 1 and columns > 4:
        return None  # a sentence, and no rows to compare it with
    header = len(rows) > 1 and (_is_header(rows[0]) or _names_columns(rows))
    names = [cell.lower() for cell in rows[0]] if header else []
    body = rows[1:] if header else rows
    tag, score, why, seen, others = _tag_column(body, options.tag_column, names)
    if tag is None:
        return None
    token = _token_column(body, tag, options.token_column, names)
    if token is None:
        return None
    score *= fitting / len(plain or rows)
    if separator not in "\t ":
        score -= 0.1
    shown = {"\t": "tabs", " ": "spaces"}.get(separator, repr(separator))
    reason = f"{columns} columns parted by {shown}, tags in column {tag} ({why})"
    if others:
        reason += f"; other tags in {', '.join(others)}"
    return Layout(separator, columns, token, tag, score, reason, header, seen, others)


def _common_length(rows: list[list[str]], separator: str) -> tuple[int, int, bool]:
    """How many cells rows have, how many rows have them, and whether some have more.

    Where tabs part the cells and no length is that of most, some rows say more behind the tag (who annotated it).
    """
    (columns, fitting), *others = Counter(map(len, rows)).most_common(2)
    if separator == "\t" and others and fitting < 0.7 * len(rows):
        shorter = min(columns, others[0][0])
        if shorter > 1:
            return shorter, fitting + others[0][1], True
    return columns, fitting, False


def _is_header(row: list[str]) -> bool:
    words = [cell.strip("# ").lower() for cell in row]
    return sum(word in _HEADER_WORDS for word in words) >= 2 and not any(is_tag(cell) for cell in row)


def _names_columns(rows: list[list[str]]) -> bool:
    """Is the first row, though its words are unknown, a header: no tag where all other rows have one?"""
    if len(rows) < 4 or not all(cell and not cell.isdecimal() for cell in rows[0]):
        return False
    for first, *cells in zip(*rows, strict=True):
        if (
            first.isalpha()
            and not is_tag(first)
            and all(map(is_tag, cells))
            and any(map(_POSITIONED_TAG.match, cells))
        ):
            return True
    return False


def _named(wanted: str | int | None, names: list[str], columns: int) -> int | None:
    """The index a user means: a number (negative from the end) or a name in the header."""
    if wanted is None:
        return None
    if isinstance(wanted, str) and wanted.lower() in names:
        return names.index(wanted.lower())
    try:
        index = int(wanted)
    except ValueError:
        index = columns
    if not -columns <= index < columns:
        raise InputError(
            f"no column {wanted!r}",
            expected=f"a number from 0 to {columns - 1}"
            + (f" or one of {', '.join(names)}" if names else ""),
        )
    return index % columns


class _Tags(NamedTuple):
    """A column that may hold tags: its index, score, what was seen, tags of entities by count, all values by count."""

    at: int
    score: float
    why: str
    entities: Counter[str]
    values: Counter[str]

    def labels(self) -> set[str]:
        return {POSITION.sub("", tag) for tag in self.entities}

    def holds_entities(self) -> bool:
        """Are there entities in it, not chunks? Chunks of unknown labels leave few tokens out."""
        tokens = self.values.total()
        return self.score >= _POSITIONED and (tokens < 50 or self.entities.total() < 0.6 * tokens)


def _tag_column(
    rows: list[list[str]], wanted: str | int | None, names: list[str]
) -> tuple[int | None, float, str, frozenset[str], tuple[str, ...]]:
    """Index, score, what was seen, all values of the column of tags; and other columns with entities."""
    columns = len(rows[0]) if rows else 0
    chosen = _named(wanted, names, columns)
    best: _Tags | None = None
    others: list[_Tags] = []
    for index in range(columns):
        values = Counter(row[index] for row in rows)
        score, why, entities = _tag_score(values, len(rows))
        column = _Tags(index, score, why, entities, values)
        if chosen is not None:
            if index == chosen:
                best = column._replace(score=max(score, 0.6), why=why or "as told")
            continue
        if names and names[index] in ("tag", "ner", "label", "ner_tag", "ner_tags", "ne-coarse-lit"):
            column = column._replace(score=score + 0.05)
        if column.score <= 0:
            continue
        if best is None or _beats(column, best):
            best, column = column, best
        if column is not None and column.holds_entities():
            others.append(column)
    if best is None:
        return None, 0.0, "", frozenset(), ()
    seen = frozenset(best.values) if len(best.values) < 500 else frozenset()
    shown = [f"column {c.at} ({', '.join(sorted(c.entities)[:3])})" for c in others if c.entities]
    return best.at, min(best.score, 1.0), best.why, seen, tuple(shown if best.holds_entities() else ())


def _beats(column: _Tags, best: _Tags) -> bool:
    """Is a column rather the tags than the best one before it?"""
    if column.holds_entities() and best.holds_entities():
        if column.labels() & best.labels():
            # an inner layer of nested entities, or a system's output behind the gold tags
            return column.entities.total() > 1.5 * best.entities.total()
        if column.entities.total() != best.entities.total():
            return column.entities.total() > best.entities.total()
    # of equally good columns the last: it is where most corpora put the entity
    return column.score >= best.score


def _tag_score(values: Counter[str], rows: int) -> tuple[float, str, Counter[str]]:
    entities = Counter({v: n for v, n in values.items() if v not in ("O", "o") and v not in NOTHING})
    if not entities:
        return (0.6, "all of them O", entities) if values["O"] else (0.0, "", entities)
    outside = values["O"]
    if "0" in entities and not outside and not any(v.isdigit() for v in entities if v != "0"):
        outside = entities.pop("0")  # typed for the letter O, if the rest are tags
    elif not outside and not values["o"] and (letter := lone_letter(entities)):
        outside = entities.pop(letter)
    small = bool(values["O"] or values["o"]) and all(_SMALL_TAG.fullmatch(v) for v in entities)
    begun = {v[2:] for v in entities if v.startswith("B-")} | {"B", "I"}  # GROBID: B-ORG, then ORG alone
    positioned = [v for v in entities if small or POSITION_TAG.fullmatch(v) or v in begun]
    share = 1 - entities.total() / rows
    if not entities or sum(entities[v] for v in positioned) < 0.7 * entities.total():
        positioned = []
    if positioned and len(positioned) >= 0.5 * len(entities):
        labels = {POSITION.sub("", v) for v in positioned}
        shown = ", ".join(sorted(positioned)[:3])
        if labels <= OTHER_LABELS:
            return 0.4 + 0.05 * share, f"{shown}: chunks or word segments", entities
        if not values["O"] and len(labels) > 100:  # words that happen to have a hyphen
            return 0.0, "", entities
        return _POSITIONED + 0.1 * share, shown, entities
    few = len(values) <= 60 and len(values) <= max(3, 0.5 * rows)
    zeros = outside and not values["O"]  # a zero says less than an O: the labels must look like labels too
    dense = values["O"] and 2 * len(values) <= rows  # nearly all tokens in entities: addresses
    if (
        few
        and outside
        and (share >= 0.25 or dense)
        and not (zeros and not all(map(_BARE_LABEL.fullmatch, entities)))
    ):
        why = f"{', '.join(sorted(entities)[:3])}; a run of one label is an entity"
        return 0.55 + 0.2 * share, why, entities
    return 0.0, "", entities


def _token_column(rows: list[list[str]], tag: int, wanted: str | int | None, names: list[str]) -> int | None:
    chosen = _named(wanted, names, len(rows[0]))
    if chosen is not None:
        return chosen
    for index, name in enumerate(names):
        if name in ("token", "tokens", "word", "words", "form", "text"):
            return index
    spare: list[int] = []
    for index in range(len(rows[0])):
        if index == tag:
            continue
        values = [row[index] for row in rows]
        if len(rows) > 1 and (all(re.fullmatch(r"\d+(-\d+)?", v) for v in values)):
            continue  # positions of tokens, ids of sentences
        if len(rows) > 3 and len(rows[0]) > 2 and (is_constant(values) or stays(values) or is_id(values)):
            spare.append(index)  # the name of a file, ids with letters
            continue
        return index
    return spare[0] if spare else 0 if tag != 0 else None

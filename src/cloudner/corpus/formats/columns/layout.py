"""Which character parts the columns of a token-a-line file, and which column holds the token and the tag."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from cloudner.corpus.align.tag_shapes import is_tag
from cloudner.corpus.contract import ReadOptions, Sample
from cloudner.corpus.formats.columns.tag_column import named, tag_column
from cloudner.corpus.formats.columns.values import is_constant, is_id, stays
from cloudner.corpus.formats.keys import TAG, TOKEN

DOCSTART = re.compile(r"[ \t]*-{1,2}\s?DOCSTART\s?-{0,2}(?![\w-])")
# A line of hyphens (EstNER), <s> and </s> alone on a line, or in its cells, part sentences, as a blank line does; so do the elements that VLSP's files have
# around some of them
SENTENCE_MARK = re.compile(r"\s*</?(?:[sS]|title|editor|text)>(?:\s+</?[sS]>)*\s*|-{2,}\s*")
_POSITIONED_TAG = re.compile(r"[BIESLU][-_]\S")
_ENTITY_COLUMNS = frozenset((*TAG, "ne-coarse-lit"))
_HEADER_WORDS = frozenset((*TOKEN, *_ENTITY_COLUMNS, "text", "pos", "chunk", "lemma", "misc"))
# Label Studio writes two columns of nothing, and labels of several words behind them
_SEPARATORS = (" -X- _ ", "\t", " ", ";", ",", "|", " ||| ", "###", "##", "\x01")
_POSITIONS, _NOTHING = frozenset("BILUESM"), frozenset(("O", "o", "_", "-", ""))
_POS = re.compile(r"[A-Z]{1,5}\$?|[^\w\s]{1,3}|-[LR][RCS]B-")
_SPACES = re.compile(r"[ \t]+")


@dataclass(frozen=True)
class Layout:
    """The columns of a file.

    separator: a space stands for any run of spaces and tabs. columns: how many a row has. token, tag: indices.
    label: the column of the labels where that of the tags has positions alone (B, I, O). score: how sure this is, 0 to 1. reason: for the user. header: is the first row names of columns.
    """

    separator: str
    columns: int
    token: int
    tag: int
    score: float
    reason: str
    header: bool = False
    tags_seen: frozenset[str] = field(default_factory=frozenset)
    label: int | None = None
    # other columns that seem to hold entities, with what the user is told of them; and those of inner levels of nesting
    others: Mapping[int, str] = field(default_factory=dict)
    inner: tuple[int, ...] = ()

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


def is_position(tag: str) -> bool:
    """Is a tag a position without a label, such as B?"""
    return tag in _POSITIONS


def is_sentence_line(line: str, cells: list[str], follows: bool = False) -> bool:
    """Is a line one cell with the sentence again, which Korean corpora write above its rows behind a ; and a $?

    follows: is the line before it one? The sentence of the second may be one word.
    """
    return len(cells) == 1 and line[0] in ";$" and (" " in line.strip() or (follows and line[0] == "$"))


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
    tag, score, why, seen, others = tag_column(body, options.tag_column, names)
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
        reason += f"; other tags in {', '.join(others.values())}"
    label = _label_column(body, tag, token)
    if label is not None:
        reason += f", labels in column {label}"
    inner = tuple(at for at in range(columns) if at != tag and _is_inner(body, at, tag, at in others))
    return Layout(separator, columns, token, tag, score, reason, header, seen, label, others, inner)


def _is_inner(rows: list[list[str]], at: int, tag: int, tags: bool) -> bool:
    """Is a column, which may hold tags of entities, a level of nesting: nothing but O so far, or no copy of the outer tags (a system's)?"""
    inside = [row for row in rows if row[at] != "O"]
    return not inside if not tags else 2 * sum(row[at] == row[tag] for row in inside) < len(inside)


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


def _label_column(rows: list[list[str]], tag: int, token: int) -> int | None:
    """The column that says what the entities are whose tags are positions alone, in all rows of entities and in no other."""
    inside = {row[tag] for row in rows} - _NOTHING
    if not inside or not inside <= _POSITIONS:
        return None
    for index in range(len(rows[0])):
        if index not in (tag, token) and all(
            (row[index] in _NOTHING) != (row[tag] in inside) for row in rows
        ):
            return index
    return None


def _token_column(rows: list[list[str]], tag: int, wanted: str | int | None, names: list[str]) -> int | None:
    chosen = named(wanted, names, len(rows[0]))
    if chosen is not None:
        return chosen
    for index, name in enumerate(names):
        if name in TOKEN or name == "text":
            return index
    spare: list[int] = []
    values_of = [[row[at] for row in rows] for at in range(len(rows[0]))]
    for index in range(len(rows[0])):
        if index == tag:
            continue
        values = values_of[index]
        if len(rows) > 3 and all(map(_POS.fullmatch, values)):
            later = [v for at, v in enumerate(values_of) if at > index and at != tag]
            if any(any(map(str.islower, "".join(v))) and len(set(v)) > len(set(values)) for v in later):
                continue  # parts of speech, before the words
        if len(rows) > 1 and (all(re.fullmatch(r"\d+(-\d+)?", v) for v in values)):
            continue  # positions of tokens, ids of sentences
        if len(rows) > 3 and len(rows[0]) > 2 and (is_constant(values) or stays(values) or is_id(values)):
            spare.append(index)  # the name of a file, ids with letters
            continue
        return index
    return spare[0] if spare else 0 if tag != 0 else None

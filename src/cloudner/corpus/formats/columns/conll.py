"""Token-a-line files: CoNLL-2002, CoNLL-2003, two columns, N columns, WikiANN, one character a line, ..."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import IO

from cloudner.corpus.align.tag_schemes import encode
from cloudner.corpus.align.tag_shapes import UNKNOWN, is_tag
from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source
from cloudner.corpus.formats.columns.layout import (
    DOCSTART,
    SENTENCE_MARK,
    Layout,
    data_lines,
    detect,
    is_position,
    is_sentence_line,
)
from cloudner.corpus.formats.columns.levels import PARTED
from cloudner.corpus.formats.columns.rows import Block, style_of
from cloudner.corpus.formats.json.stream import peek
from cloudner.corpus.formats.words import refuse, words_of
from cloudner.errors import InputError

_KEY_VALUE = re.compile(r"#\s*(?P<key>[\w.:-]+(?: id)?)\s*=\s*(?P<value>.*)")
_ID = re.compile(r"#\s*(?:id|ID|sent_id)\s*[:\s]\s*(?P<id>\S+)")
_NEW_DOCUMENT = re.compile(r"#\s*(?:newdoc|new_doc|doc_id|begin document)\b")
_SENTENCE_END = frozenset((".", "!", "?", "。", "！", "？", "।", "؟"))
_ODD_SPACE = re.compile(r"[\t\r\n\x00]")


def comment_meta(line: str, meta: dict[str, str]) -> None:
    """Puts what a comment says (`# key = value`, `# id 5`) into meta."""
    if match := _KEY_VALUE.match(line):
        key = "id" if match["key"] in ("sent_id", "id", "ID") else match["key"]
        meta.setdefault(key, match["value"].strip())
        if key == "newdoc id":
            meta.setdefault("id", match["value"].strip())
    elif match := _ID.match(line):
        meta.setdefault("id", match["id"])


def blocks(
    source: Source, layout: Layout, cut_sentences: bool, inner: tuple[int, ...] = ()
) -> Iterator[Block]:
    """The documents of a file: between DOCSTART lines or `# newdoc` comments if it has them, else its sentences.

    cut_sentences: the file has no blank lines; sentences end after their final punctuation. inner: columns of tags that are
    read beside the first; they go into one tag, with PARTED between them.
    Raises InputError (file, line) for a row without the token's or the tag's column.
    """
    split, columns = layout.splitter(), layout.columns
    token_at, tag_at, label_at = layout.token, layout.tag, layout.label
    seen = layout.tags_seen
    block: Block | None = None
    meta: dict[str, str] = {}
    documents = False  # has the file shown a document boundary?
    at_start = True  # does a sentence start at the next row?
    header = layout.header
    told = 0  # the last line that has the sentence of the rows below it
    simple = not cut_sentences and label_at is None and not inner
    plain = layout.separator if layout.separator in "\t " and simple else ""
    other = " " if plain == "\t" else "\t"
    for number, line in source.lines():
        if plain and block is not None and line and line[0] not in "#- \t" and other not in line:
            row = line.split(plain)  # the plain case, which is nearly every line of a large corpus
            if len(row) == columns and "" not in row:
                if at_start:
                    block.sent_starts.append(len(block.tokens))
                    at_start = False
                block.tokens.append(row[token_at])
                block.tags.append(row[tag_at])
                continue
        if not line or line.isspace():
            at_start = True
            if block is not None and not documents:
                yield block
                block, meta = None, {}
            continue
        first = line[0]
        if first in "<-" and SENTENCE_MARK.fullmatch(line):
            at_start = True
            continue
        if (first == "-" or first in " \t") and DOCSTART.match(line):
            if block is not None:
                yield block
            block, meta, documents, at_start = None, {}, True, True
            continue
        try:
            row = split(line)
        except csv.Error as error:
            raise _ragged(source.name, number, line, layout, str(error)) from None
        a_token = row[0] == "#" and len(row) == columns and layout.separator == "\t"
        if first == "#" and not a_token and (len(row) != columns or not is_tag(row[tag_at], seen)):
            if _NEW_DOCUMENT.match(line):
                if block is not None:
                    yield block
                block, meta, documents, at_start = None, {}, True, True
            comment_meta(line, meta)
            continue
        if len(row) != columns:
            if at_start and layout.separator != " " and is_sentence_line(line, row, number == told + 1):
                told = number
                continue
            row = _mended(row, line, layout) or row
            fits = len(row) > max(token_at, tag_at)
            if not fits or (len(row) != columns and not is_tag(row[tag_at], seen)):
                raise _ragged(source.name, number, line, layout)
        if header:
            header = False
            continue
        token, tag = row[token_at], row[tag_at]
        if label_at is not None and label_at < len(row) and is_position(tag):
            tag = f"{tag}-{row[label_at]}"
        if inner:
            tag = PARTED.join((tag, *(row[at] for at in inner if at < len(row))))
        if block is None:
            block = Block(number, meta)
        elif cut_sentences and not documents and _ends_sentence(block, token, tag):
            yield block
            block = Block(number, {})
        if at_start:
            block.sent_starts.append(len(block.tokens))
            at_start = False
        block.tokens.append(token)
        block.tags.append(tag)
    if block is not None:
        yield block


def _mended(row: list[str], line: str, layout: Layout) -> list[str] | None:
    """A row with too many or too few cells that can only mean one thing."""
    if layout.separator != " ":
        # empty cells at the end are often cut off or added by editors
        if len(row) > layout.columns and not any(row[layout.columns :]):
            return row[: layout.columns]
        return None
    extra = len(row) - layout.columns
    if extra == -1 and line[0] in " \t" and layout.token == 0:
        return [line[0], *row]  # the token is the white space itself
    if extra > 0 and layout.token == 0 and is_tag(row[layout.tag + extra], layout.tags_seen):
        return [" ".join(row[: extra + 1]), *row[extra + 1 :]]  # a token with spaces in it
    return None


def _ragged(file: str, number: int, line: str, layout: Layout, why: str = "") -> InputError:
    cells = len(layout.splitter()(line)) if not why else 0
    found = why or f"{cells} column{'s' if cells != 1 else ''} in {line[:60]!r}"
    return InputError(
        found,
        file=file,
        line=number,
        expected=f"{layout.columns} columns, the tag in column {layout.tag} (from 0)",
        fix="mend the line, or say --delimiter, --token-column and --tag-column",
    )


def _ends_sentence(block: Block, token: str, tag: str) -> bool:
    last = block.tokens[-1]
    if len(block.tokens) >= 1000 and tag in ("O", "o"):
        return True  # no punctuation at all: cut where no entity is cut
    return (
        last in _SENTENCE_END
        and block.tags[-1] in ("O", "o")
        and (token[0].isupper() or not token[0].isalpha() or not token[0].isascii())
        and token not in ("'", '"', "''", ")", "”", "’", "」", "』", "）")
    )


def _has_blank_lines(sample: Sample) -> bool:
    return any(not line.strip() or SENTENCE_MARK.fullmatch(line) for line in sample.lines[1:])


def _cuts_sentences(sample: Sample) -> bool:
    """Does nothing in the file say where a sentence ends?"""
    return not _has_blank_lines(sample) and not any(DOCSTART.match(line) for line in sample.lines)


def _unannotated(sample: Sample, options: ReadOptions) -> Layout | None:
    """The layout of what `write` makes of documents that nobody annotated: no tag in the sample but that for unknown."""
    rows = [line.split("\t") for line in data_lines(sample)]
    if any(len(row) != 2 or row[1] != UNKNOWN for row in rows):
        return None
    return detect(sample, replace(options, delimiter="\t", tag_column=1))


def layout_of(source: Source, options: ReadOptions) -> Layout:
    """The layout of a file. Raises InputError where no column holds tags."""
    sample = source.sample()
    layout = detect(sample, options) or _unannotated(sample, options)
    if layout is not None:
        return layout
    lines = data_lines(sample, 1)
    if not lines:
        raise InputError("no token in the file", file=source.name, expected="a token and its tag a line")
    raise InputError(
        f"no column of {lines[0][:60]!r} and the lines after it holds tags",
        file=source.name,
        line=1,
        expected="a token and its tag a line, such as Paris<tab>B-LOC",
        fix="--tag-column N (from 0) and --delimiter",
    )


def read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """One record a document, or a sentence where the file marks no documents."""
    sample = source.sample()
    layout = layout_of(source, options)
    style = style_of(sample, layout, options)
    found = False
    inner = layout.inner if options.spans is not None else ()
    left_out = tuple(told for at, told in layout.others.items() if at not in inner)
    for block in blocks(source, layout, _cuts_sentences(sample), inner):
        yield style.record(source.name, block, () if found else left_out)
        found = True
    if not found:
        raise InputError("no token in the file", file=source.name, expected="a token and its tag a line")


def sniff(sample: Sample) -> Match | None:
    seen = peek(sample)
    if seen is not None and any(item for item in seen.items if isinstance(item, (dict, list))):
        return None  # JSON lines may have as many words each; a bracket may be a token
    layout = detect(sample)
    if layout is None:
        return None
    rows = len(data_lines(sample))
    if rows < 2 and layout.separator not in "\t ":
        return None
    if layout.header:  # columns with names are a table first
        return Match(min(layout.score, 0.7), layout.reason)
    score = min(layout.score, 0.95)
    if any(DOCSTART.match(line) for line in sample.lines):
        return Match(max(score, 0.9), f"-DOCSTART- lines, {layout.reason}")
    if _cuts_sentences(sample) and rows > 1:
        return Match(score, f"{layout.reason}, no blank lines: a sentence ends after its last punctuation")
    return Match(score, layout.reason)


def writer(scheme: str) -> Callable[[Iterable[Record], IO[str]], None]:
    """A function that writes token, tab, tag; a blank line after each sentence, -DOCSTART- before each document."""

    def write(records: Iterable[Record], stream: IO[str]) -> None:
        for record in records:
            words = words_of(record, "conll")
            tags = encode(len(words.tokens), words.spans, scheme, words.missing, UNKNOWN)
            starts = set(words.sent_starts)
            stream.write("-DOCSTART-\tO\n\n")
            written = 0
            for index, (token, tag) in enumerate(zip(words.tokens, tags, strict=True)):
                if index in starts and written:
                    stream.write("\n")
                if not token.strip() and tag in ("O", UNKNOWN):
                    continue  # white space between words is not a token of this format
                if _ODD_SPACE.search(token) or token != token.strip(" ") or DOCSTART.match(token):
                    refuse(record, "conll", f"the token {token!r}")
                if _ODD_SPACE.search(tag):
                    refuse(record, "conll", f"the label {tag[2:]!r}")
                stream.write(f"{token}\t{tag}\n")
                written += 1
            stream.write("\n")

    return write


CONLL = Format(
    name="conll",
    description="a token and its tag a line: CoNLL-2002/2003, two or more columns, any separator (written as BIO)",
    extensions=(".conll", ".bio", ".iob", ".iob2", ".conll03", ".bmes", ".tsv", ".txt"),
    sniff=sniff,
    read=read,
    write=writer("BIO"),
)
CONLL_BILUO = Format(
    name="conll-biluo",
    description="the same, written as BILUO",
    extensions=(".biluo",),
    sniff=lambda sample: None,
    read=read,
    write=writer("BILUO"),
)

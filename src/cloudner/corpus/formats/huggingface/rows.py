"""A row of a Hugging Face data set, tokens with numbered tags or a text with spans, to a record."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, islice
from typing import Any

from cloudner.corpus.align.tag_shapes import is_tag
from cloudner.corpus.contract import ReadOptions, Record
from cloudner.corpus.formats.columns.rows import of_characters
from cloudner.corpus.formats.huggingface.class_names import Names
from cloudner.corpus.formats.json import argilla, bigbio, massive, token_spans
from cloudner.corpus.formats.json.answers import answer_of
from cloudner.corpus.formats.json.objects import meta_of
from cloudner.corpus.formats.keys import SPANS, TAGS, TEXT, TOKENS, by_columns
from cloudner.corpus.formats.notes import further_spans, left_out, mark_failed, note_missing
from cloudner.corpus.formats.spans import Where, short, spans_of
from cloudner.corpus.formats.surfaces import locate, mentions_of
from cloudner.corpus.formats.words import is_unspaced
from cloudner.errors import InputError

_SPACE_KEYS = ("space_after", "trailing_whitespace", "spaces", "ws", "whitespace")
_LOOKED_AT = 50  # rows that say what all of them hold
_TAGS_TOO = re.compile(
    r"(?:^|[_-])(?:ner|ne|nes|iob|bio|biluo|bioes|entity|entities)(?:$|[_-])|^(?:word|token)s?[_-](?:label|tag)s?$",
    re.IGNORECASE,
)


def key_of(item: Mapping[str, Any], names: Sequence[str]) -> str | None:
    for name in names:
        if isinstance(item.get(name), list):
            return name
    return None


def tag_key_of(item: Mapping[str, Any], tokens: str) -> str | None:
    for name in TAGS:
        value = item.get(name)
        if (
            isinstance(value, list)
            and len(value) == len(item[tokens])
            and all(x is None or isinstance(x, (str, int)) for x in value)
            and (not value or any(x is not None for x in value))
        ):
            return name
    # a name nobody thought of, but tags in it (NE_COARSE_LIT)
    return next(iter(_other_tags(item, tokens, "", texts_only=True)), None)


def names_tags(column: str) -> bool:
    """Does the name of a column say that it holds entity tags, not parts of speech or chunks?"""
    return column in TAGS or _TAGS_TOO.search(column) is not None


def _other_tags(item: Mapping[str, Any], tokens: str, tags: str, texts_only: bool = False) -> list[str]:
    """Further columns with an entity tag for each token, by their names and, where they are texts, their content."""
    return [
        name
        for name, value in item.items()
        if name not in (tokens, tags)
        and names_tags(name)
        and isinstance(value, list)
        and len(value) == len(item[tokens])
        and all((isinstance(x, int) and not texts_only) or (isinstance(x, str) and is_tag(x)) for x in value)
    ]


def records_of_rows(
    rows: Iterable[tuple[int, Mapping[str, Any]]], names: Names | None, file: str, options: ReadOptions
) -> Iterator[Record]:
    """The records of pairs of line and row, with tags from the column that the first row with tokens has them in.

    That one says which other columns hold tags and are not read.
    """
    settled: str | None = None
    told: set[str] = set()
    rows = iter(rows)
    first = list(islice(rows, _LOOKED_AT))
    rows = chain(first, rows)
    if _are_token_spans([item for _, item in first], options):
        yield from token_spans.records_of(rows, [item for _, item in first], file, options)
        return
    for line, item in rows:
        record = record_of_row(item, names, file, line, options, settled)
        if record.tokens is None and options.entities_column is None and _schema(item) is None:
            read = _span_key(item)
            others = [key for key in further_spans(item, read) if key not in told]
            record.notes += [left_out(other, read or "", "entities") for other in others]
            told.update(others)
        if settled is None and record.tokens:
            tokens = _token_key(item, options) or ""
            settled = _tag_key(item, tokens, options) or ""
            if options.tag_column is None:
                record.notes += [left_out(other, settled) for other in _other_tags(item, tokens, settled)]
        yield record


def _are_token_spans(items: Sequence[Mapping[str, Any]], options: ReadOptions) -> bool:
    """Do rows have spans that count their tokens (GLiNER, SpERT), and no tags?"""
    if options.token_column is not None or options.tag_column is not None:
        return False
    tagged = any((key := key_of(item, TOKENS)) is not None and tag_key_of(item, key) for item in items)
    return not tagged and token_spans.keys_in(items) is not None


def _token_key(item: Mapping[str, Any], options: ReadOptions) -> str | None:
    return str(options.token_column) if options.token_column is not None else key_of(item, TOKENS)


def _tag_key(item: Mapping[str, Any], tokens: str, options: ReadOptions) -> str | None:
    if options.tag_column is not None:
        return str(options.tag_column)
    return tag_key_of(item, tokens) or key_of(item, TAGS)


def _schema(item: Mapping[str, Any]) -> Callable[[Mapping[str, Any], str, int, ReadOptions], Record] | None:
    """What reads rows of a schema that other tools have given them; None where the columns speak for themselves."""
    known = ((bigbio.is_bigbio, bigbio), (massive.is_massive, massive), (argilla.is_flat, argilla))
    return next((module.record_of for is_it, module in known if is_it(item)), None)


def record_of_row(
    item: Mapping[str, Any],
    names: Names | None,
    file: str,
    line: int,
    options: ReadOptions,
    tag_key: str | None = None,
) -> Record:
    """The record of one row; tag_key: where its tags are, or None to find out.

    Raises InputError for a row without tokens and tags or a text and spans, and for numbers that nothing names.
    """
    where = Where(file, line, "row")
    token_key = _token_key(item, options)
    if token_key is None and (read := _schema(item)) is not None:
        return read(item, file, line, options)
    if token_key is None or token_key not in item:
        return _text_record(item, names, file, line, options, where)
    tokens = item[token_key]
    if isinstance(tokens, list) and None in tokens:
        tokens = [
            "" if token is None else token for token in tokens
        ]  # left out and counted, as empty ones are
    if tag_key is None:
        tag_key = _tag_key(item, token_key, options)
    if tag_key is None or not isinstance(item.get(tag_key), list):
        raise where.error(
            f"no tags among the keys {', '.join(map(repr, item))}", "ner_tags", "--tag-column KEY"
        )
    tags = item[tag_key]
    if len(tokens) != len(tags):
        raise where.error(f"{len(tokens)} tokens but {len(tags)} tags", "one tag a token")
    if not all(isinstance(token, str) for token in tokens):
        raise where.error(f"tokens that are no text: {short(tokens)}", "a list of strings")
    record = Record(file, line, tokens=list(tokens), meta=meta_of(item, options))
    record.spaces = _spaces(item, len(tokens))
    own = _names_for(names, tag_key)
    record.tags = [tag_name(tag, own, options, where) for tag in tags]
    if record.spaces is None and _are_characters(tokens):
        return of_characters(record)
    return record


def _are_characters(tokens: Sequence[str]) -> bool:
    """Are these the characters of a text whose words spaces part, with the spaces among them?"""
    return (
        " " in tokens
        and len(tokens) > 4
        and all(len(token) == 1 for token in tokens)
        and not is_unspaced("".join(tokens))
    )


def _spaces(item: Mapping[str, Any], count: int) -> list[bool] | None:
    """Which tokens a space follows, where a column says it."""
    for key in _SPACE_KEYS:
        value = item.get(key)
        if (
            isinstance(value, list)
            and len(value) == count
            and all(isinstance(space, bool) for space in value)
        ):
            return list(value)
    return None


def _names_for(names: Names | None, column: str) -> Sequence[str] | None:
    """The names of a column's numbers: its own, or the only ones where the description does not know the column."""
    if names is None:
        return None
    if column in names:
        return names[column]
    known = [each for each in names.values() if each]
    return known[0] if len(known) == 1 else None


def tag_name(tag: Any, names: Sequence[str] | None, options: ReadOptions, where: Where) -> str | None:
    """The text of a tag, by its number in names or in `options.labels`; None for a missing one."""
    if tag is None or tag == -100:  # what the trainers of the transformers library ignore
        return None
    if isinstance(tag, str):
        if tag in options.labels:
            return options.labels[tag]
        if not tag.isdigit():
            return tag
    if not isinstance(tag, bool) and str(tag) in options.labels:
        return options.labels[str(tag)]
    if not isinstance(tag, (int, str)) or isinstance(tag, bool):
        raise where.error(f"the tag {short(tag)}", "a text or a number")
    number = int(tag)
    if names is not None:
        if 0 <= number < len(names):
            return names[number]
        raise where.error(f"the tag {number}, but there are {len(names)} names", f"0 to {len(names) - 1}")
    raise where.error(
        f"the tags are numbers ({number}) and nothing says their names",
        "a file with its ClassLabel names (Parquet, a saved data set)",
        '--label 0=O --label 1=B-PER --label 2=I-PER ..., or in Python labels=["O", "B-PER", ...]',
    )


def _span_key(item: Mapping[str, Any]) -> str | None:
    """Where a row has its spans; where none has any, a column of spans that is empty in this row."""
    found = next(
        (
            key
            for key in SPANS
            if isinstance(value := item.get(key), (list, str))
            or (isinstance(value, Mapping) and by_columns(value) is not None)
        ),
        None,
    )
    # spaCy's {"entities": [...]} and lists by label, else a column without a value
    found = found or next((key for key in SPANS if isinstance(item.get(key), Mapping)), None)
    return found or next((key for key in SPANS if key in item and item[key] is None), None)


def _text_record(
    item: Mapping[str, Any], names: Names | None, file: str, line: int, options: ReadOptions, where: Where
) -> Record:
    text = options.text_column or next((k for k in TEXT if isinstance(item.get(k), str)), None)
    text = text or next((k for k in TEXT if k in item and item[k] is None), None)
    if text is not None and text in item and item[text] is None:
        return Record(file, line, "", meta=meta_of(item, options))
    # NuNER's data, and others made by a language model
    spans = (
        options.entities_column
        or _span_key(item)
        or ("output" if text == "input" and "output" in item else None)
    )
    if text is None or spans is None or not isinstance(item.get(text), str):
        raise where.error(
            f"no tokens, and no text with spans, among the columns {', '.join(map(repr, item))}",
            "tokens and ner_tags, or text and entities",
            "--token-column and --tag-column, or --text-column and --entities-column",
        )
    where.text = item[text]
    own = (names or {}).get(spans)
    if own:
        options = replace(options, labels={**{str(i): name for i, name in enumerate(own)}, **options.labels})
    record = Record(file, line, item[text], meta=meta_of(item, options))
    value = answer_of(item.get(spans))
    mark_failed(record, item, value)
    if item.get("complete") == 0:  # as `convert` writes JSON lines; a frame may have made a number of it
        record.complete = False
    note_missing(record, value)
    try:
        record.spans = spans_of(value, options, where)
    except InputError as error:  # entities as words without offsets, where they are that
        try:
            locate(record, item[text], mentions_of(value, options, where))
        except InputError:
            raise error from None
    return record

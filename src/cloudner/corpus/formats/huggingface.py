"""Rows of tokens and numbered tags as Hugging Face data sets have them: JSON lines, Parquet, Arrow, saved data sets."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from cloudner.corpus.formats._json import peek
from cloudner.corpus.formats._spans import Where, short, spans_of
from cloudner.corpus.formats.base import Format, Match, ReadOptions, Sample
from cloudner.corpus.formats.rows import SPAN_KEYS, TEXT_KEYS, meta_of, objects
from cloudner.corpus.records import Record
from cloudner.errors import InputError

TOKEN_KEYS = ("tokens", "words", "token", "word")
TAG_KEYS = (
    "ner_tags",
    "tags",
    "ner",
    "labels",
    "ner_labels",
    "entities",
    "label",
    "iob",
    "bio_tags",
    "fine_ner_tags",
)
_BATCH_ROWS = 1024


def _key(item: Mapping[str, Any], names: Sequence[str]) -> str | None:
    for name in names:
        if isinstance(item.get(name), list):
            return name
    return None


def _tag_key(item: Mapping[str, Any], tokens: str) -> str | None:
    for name in TAG_KEYS:
        value = item.get(name)
        if (
            isinstance(value, list)
            and len(value) == len(item[tokens])
            and all(isinstance(x, (str, int)) for x in value)
        ):
            return name
    return None


def _sniff_json(sample: Sample) -> Match | None:
    seen = peek(sample)
    for item in seen.items[:5] if seen else ():
        if isinstance(item, dict):
            tokens = _key(item, TOKEN_KEYS)
            if tokens and item[tokens] and all(isinstance(t, str) for t in item[tokens]):
                tags = _tag_key(item, tokens)
                if tags:
                    return Match(0.95, f"rows with {tokens!r} and {tags!r} of equal length")
    return None


def _record(
    item: Mapping[str, Any], names: Sequence[str] | None, source: Any, line: int, options: ReadOptions
) -> Record:
    where = Where(source.name, line, "row")
    token_key = str(options.token_column) if options.token_column is not None else _key(item, TOKEN_KEYS)
    if token_key is None or token_key not in item:
        return _text_record(item, source, line, options, where)
    tokens = item[token_key]
    if options.tag_column is not None:
        tag_key: str | None = str(options.tag_column)
    else:
        tag_key = _tag_key(item, token_key) or _key(item, TAG_KEYS)
    if tag_key is None or not isinstance(item.get(tag_key), list):
        raise where.error(
            f"no tags among the keys {', '.join(map(repr, item))}", "ner_tags", "--tag-column KEY"
        )
    tags = item[tag_key]
    if len(tokens) != len(tags):
        raise where.error(f"{len(tokens)} tokens but {len(tags)} tags", "one tag a token")
    if not all(isinstance(token, str) for token in tokens):
        raise where.error(f"tokens that are no text: {short(tokens)}", "a list of strings")
    record = Record(source.name, line, tokens=list(tokens), meta=meta_of(item, options))
    record.tags = [_tag(tag, names, options, where) for tag in tags]
    return record


def _tag(tag: Any, names: Sequence[str] | None, options: ReadOptions, where: Where) -> str | None:
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
        "--label 0=O --label 1=B-PER --label 2=I-PER ...",
    )


def _text_record(
    item: Mapping[str, Any], source: Any, line: int, options: ReadOptions, where: Where
) -> Record:
    text = options.text_column or next((k for k in TEXT_KEYS if isinstance(item.get(k), str)), None)
    spans = options.entities_column or next(
        (k for k in SPAN_KEYS if isinstance(item.get(k), (list, str))), None
    )
    if text is None or spans is None or not isinstance(item.get(text), str):
        raise where.error(
            f"no tokens, and no text with spans, among the columns {', '.join(map(repr, item))}",
            "tokens and ner_tags, or text and entities",
            "--token-column and --tag-column, or --text-column and --entities-column",
        )
    return Record(
        source.name, line, item[text], spans_of(item.get(spans), options, where), meta=meta_of(item, options)
    )


def _names(value: Any) -> Sequence[str] | None:
    """ClassLabel names anywhere in a description of features, those of a tag column first."""
    if not isinstance(value, dict):
        return None
    features = (
        value.get("info", value).get("features", value)
        if isinstance(value.get("info", value), dict)
        else value
    )
    if not isinstance(features, dict):
        return None
    ordered = sorted(features, key=lambda key: TAG_KEYS.index(key) if key in TAG_KEYS else 99)
    for key in ordered:
        names = _class_names(features[key])
        if names:
            return names
    return None


def _class_names(feature: Any) -> Sequence[str] | None:
    if isinstance(feature, list) and feature:
        feature = feature[0]
    if not isinstance(feature, dict):
        return None
    names = feature.get("names")
    if isinstance(names, list):
        return [str(name) for name in names]
    if isinstance(names, dict):  # YAML exports: {"0": "O", "1": "B-PER"}
        return [str(names[key]) for key in sorted(names, key=lambda k: int(k))]
    return _class_names(feature.get("feature")) or _class_names(feature.get("class_label"))


def _beside(source: Any) -> Sequence[str] | None:
    """Names from a `dataset_info.json` or `dataset_infos.json` beside the file."""
    for name in ("dataset_info.json", "dataset_infos.json"):
        found = source.neighbour(name) if hasattr(source, "neighbour") else None
        if found is not None:
            value = json.loads(found.text())
            names = _names(value)
            if names is None and isinstance(value, dict):
                names = next((n for n in map(_names, value.values()) if n), None)
            if names:
                return names
    return None


def _read_json(source: Any, options: ReadOptions) -> Iterator[Record]:
    names = _beside(source)
    for line, item in objects(source):
        yield _record(item, names, source, line, options)


def _write_json(records: Iterable[Record], stream: IO[str]) -> None:
    for number, record in enumerate(records):
        row = {"id": str(number), "tokens": record.tokens or [], "ner_tags": record.tags or []}
        stream.write(json.dumps(row, ensure_ascii=False) + "\n")


# Arrow and Parquet


def _pyarrow(file: str) -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise InputError(
            "reading Arrow and Parquet needs the package pyarrow",
            file=file,
            fix="python -m pip install 'cloudner[parquet]'",
        ) from error
    return pyarrow


def _sniff_parquet(sample: Sample) -> Match | None:
    return Match(1.0, "a Parquet file") if sample.raw[:4] == b"PAR1" else None


def _sniff_arrow(sample: Sample) -> Match | None:
    if sample.raw[:6] == b"ARROW1":
        return Match(1.0, "an Arrow file")
    if sample.raw[:4] == b"\xff\xff\xff\xff" and b"schema" in sample.raw[:4096].lower() + b"schema":
        return Match(0.9, "an Arrow stream (a saved Hugging Face data set)")
    return None


def _schema_names(schema: Any) -> Sequence[str] | None:
    raw = (schema.metadata or {}).get(b"huggingface")
    if not raw:
        return None
    try:
        return _names(json.loads(raw))
    except ValueError:
        return None


def _rows(batches: Iterable[Any], schema: Any, source: Any, options: ReadOptions) -> Iterator[Record]:
    names = _schema_names(schema) or _beside(source)
    number = 0
    for batch in batches:
        for item in batch.to_pylist():
            number += 1
            yield _record(item, names, source, number, options)
    if number == 0:
        raise InputError("no rows in it", file=source.name, expected="one document a row")


def _handle(source: Any, stream: Any) -> Any:
    """Something pyarrow can seek in: the file itself, or its bytes where it is compressed or remote."""
    import io

    return source.path if source.path is not None else io.BytesIO(stream.read())


def _read_parquet(source: Any, options: ReadOptions) -> Iterator[Record]:
    pyarrow = _pyarrow(source.name)
    with source.open_bytes() as stream:
        try:
            file = pyarrow.parquet.ParquetFile(_handle(source, stream))
            yield from _rows(file.iter_batches(_BATCH_ROWS), file.schema_arrow, source, options)
        except (pyarrow.ArrowException, OSError) as error:
            raise _damaged(source, error) from error


def _read_arrow(source: Any, options: ReadOptions) -> Iterator[Record]:
    pyarrow = _pyarrow(source.name)
    with source.open_bytes() as stream:
        try:
            handle = _handle(source, stream)
            opened = pyarrow.memory_map(handle) if isinstance(handle, str) else handle
            if source.sample().raw[:6] == b"ARROW1":
                file = pyarrow.ipc.open_file(opened)
                batches: Any = (file.get_batch(i) for i in range(file.num_record_batches))
                yield from _rows(_small(batches), file.schema, source, options)
            else:
                reader = pyarrow.ipc.open_stream(opened)
                yield from _rows(_small(reader), reader.schema, source, options)
        except (pyarrow.ArrowException, OSError) as error:
            raise _damaged(source, error) from error


def _small(batches: Iterable[Any]) -> Iterator[Any]:
    for batch in batches:
        for start in range(0, batch.num_rows, _BATCH_ROWS):
            yield batch.slice(start, _BATCH_ROWS)


def _damaged(source: Any, error: BaseException) -> InputError:
    return InputError(
        f"not a complete file: {str(error).splitlines()[0]}",
        file=source.name,
        expected="a whole Parquet or Arrow file",
        fix="copy or export it again",
    )


def _write_parquet(records: Iterable[Record], path: Path) -> None:
    """Columns id, tokens and ner_tags (texts); a list of tags and not of numbers, since names come with the data."""
    from itertools import islice

    pyarrow = _pyarrow(str(path))
    schema = pyarrow.schema(
        [
            ("id", pyarrow.string()),
            ("tokens", pyarrow.list_(pyarrow.string())),
            ("ner_tags", pyarrow.list_(pyarrow.string())),
        ]
    )
    iterator, number = iter(records), 0
    with pyarrow.parquet.ParquetWriter(str(path), schema) as writer:
        while batch := list(islice(iterator, 4096)):
            columns = {
                "id": [str(number + i) for i in range(len(batch))],
                "tokens": [record.tokens or [] for record in batch],
                "ner_tags": [record.tags or [] for record in batch],
            }
            number += len(batch)
            writer.write_table(pyarrow.table(columns, schema=schema))


HF_JSON = Format(
    "hf-jsonl",
    "JSON lines with tokens and ner_tags",
    (".jsonl", ".json"),
    _sniff_json,
    _read_json,
    _write_json,
)
PARQUET = Format(
    "parquet", "Parquet with tokens and ner_tags, or text and entities", (".parquet",), _sniff_parquet, _read_parquet,
    write_path=_write_parquet,
)  # fmt: skip
ARROW = Format(
    "arrow", "Arrow files and data sets saved by the datasets library", (".arrow",), _sniff_arrow, _read_arrow
)

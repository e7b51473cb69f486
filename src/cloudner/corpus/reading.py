"""Input files to records and aligned arrays: the format detected, damaged content reported, labels renamed."""

from __future__ import annotations

import csv
import os
import random
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from cloudner.corpus.align.aligner import Aligner
from cloudner.corpus.annotators import Annotators
from cloudner.corpus.contract import Format, ReadOptions, Record
from cloudner.corpus.docbin.chunk import Chunk
from cloudner.corpus.docbin.load import is_docbin
from cloudner.corpus.files.encoding import Encodings, words_outside_ascii
from cloudner.corpus.files.file import FileSource
from cloudner.corpus.files.sources import open_sources
from cloudner.corpus.formats.detect import detect_source, refuse_documents
from cloudner.corpus.formats.huggingface.row_source import RowSource
from cloudner.corpus.formats.registry import get_format, in_blocks
from cloudner.corpus.grouping import Groups
from cloudner.corpus.habits.settle import settled
from cloudner.corpus.issues import ConversionIssue, IssueLog
from cloudner.corpus.skipping import skipping
from cloudner.corpus.soundness import sound
from cloudner.errors import CloudnerError, InputError

T = TypeVar("T")
CHUNK_DOCS = 512
# What a chunk may hold before it is passed on, so that long documents do not fill the memory.
CHUNK_CHARACTERS = 2_000_000

Sources = str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | RowSource
Paths = str | Path | list[str] | list[Path]
# Called with a source's name, its format and the reason for taking it for that.
Detected = Callable[[str, str, str], object]
Progress = Callable[[FileSource | RowSource, int], None]


def read_records(
    source: FileSource, options: ReadOptions, given: Format | None = None
) -> tuple[Format, str, Iterator[Record]]:
    """The format of one source, why it was taken, and its records. Raises InputError when no format fits."""
    if given is not None:
        refuse_documents(source.sample(), source.name)
        fmt, reason = given, "as asked for"
    else:
        found = detect_source(source, options)
        fmt, reason = found.format, found.reason
    return fmt, reason, settled(_read(source, fmt, options), fmt.name, options)


def _read(source: FileSource, fmt: Format, options: ReadOptions) -> Iterator[Record]:
    def read() -> Iterator[Record]:
        return read_safely(sound(fmt.read(source, options)), source)

    if not options.skip_bad:
        return read()
    return skipping(read, source, options.skip_bad, in_blocks(fmt.name))


def read_sources(
    sources: Sources,
    encoding: str | Iterable[str] | None,
    given: Format | None,
    options: ReadOptions,
    log: IssueLog,
    detected: Detected,
    progress: Progress | None,
    begins: Callable[[str, str], object] | None = None,
    annotators: Annotators | None = None,
) -> Iterator[Record]:
    """The records of all sources, with the formats of whole files reported to `detected`, skipped files and repeated ids to `log`."""
    seen = False
    read = 0
    annotators = annotators or Annotators(options.annotator)
    groups = Groups(options.group_by)
    for source, records in _opened(sources, encoding, given, options, log, detected):
        seen = True
        ids: dict[str, int] = {}
        read_ones = annotators.of(renamed(read_safely(records, source), options.labels), log)
        for record in groups.of(read_ones):
            if "id" in record.meta:
                _check_id(record, ids, log, options.group_by)
            if begins is not None and record.number == 1:
                begins(source.name, first_words(record))
            yield record
            read += 1
            if progress is not None and read % 64 == 0:
                progress(source, read)
        for done in getattr(source, "told", ()):
            log.add(ConversionIssue("several-lists", "noted", source.name, 1, done=done))
        if progress is not None:
            progress(source, read)
    if not seen:
        raise InputError(
            "no file in there is in a known format",
            file=str(sources),
            expected="annotated text",
            fix="--format NAME, or name the files",
        )
    groups.finish(log)
    annotators.finish(log)


def _opened(
    sources: Sources,
    encoding: str | Iterable[str] | None,
    given: Format | None,
    options: ReadOptions,
    log: IssueLog,
    detected: Detected,
) -> Iterator[tuple[FileSource | RowSource, Iterator[Record]]]:
    """Each source with its records; a file of a folder that no format knows is noted and left out."""
    if isinstance(sources, RowSource):
        detected(sources.name, "rows", "objects with the columns of a Hugging Face data set")
        yield sources, settled(sound(sources.records(options)), "rows", options)
        return
    skipped: list[tuple[str, str]] = []
    used: set[str] = set()
    for source in open_sources(sources, Encodings(encoding, options.lang)):
        skipped += source.left_out
        try:
            fmt, reason, records = read_records(source, options, given)
        except InputError as error:
            if not source.tolerant:
                raise
            skipped.append((source.name, f"skipped: {error.found}"))
            continue
        if source.guessed:
            words = ", ".join(words_outside_ascii(source.sample().text))
            reason += f"; its encoding is taken for {source.encoding}: {words}"
        detected(source.name, fmt.name, reason)
        yield source, records
        used |= source.used
    for name, done in skipped:
        if name not in used:  # the text of annotations in another file is no file left out
            log.add(ConversionIssue("not-a-document", "noted", name, 1, done=done))


def first_words(record: Record) -> str:
    """What a document begins with, by which a column that was taken wrongly is seen."""
    words = record.tokens if record.tokens is not None else (record.text or "")[:200].split()
    return " ".join(words[:6])[:60]


def read_safely(records: Iterator[T], source: FileSource | RowSource) -> Iterator[T]:
    """The same; a reader's own exceptions for damaged content become bad input of that file."""
    try:
        yield from records
    except CloudnerError:
        raise
    except RecursionError as error:
        raise InputError("nested too deeply", file=source.name, expected="an annotation export") from error
    except (
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        ArithmeticError,
        AssertionError,
        csv.Error,
    ) as error:
        many = "digits) for integer string conversion" in str(error)
        raise InputError(
            "a number of thousands of digits" if many else f"cannot be read: {type(error).__name__}: {error}",
            file=source.name,
            expected="a file of the format that its beginning looks like",
            fix="name the format with --format",
        ) from error


def _check_id(record: Record, ids: dict[str, int], log: IssueLog, group_by: str | None) -> None:
    """Raises InputError for a document that has the id of one with other words before it in the file: one of the two
    is not what its id says. Noted where the words are equal too, and in `.spacy` files: they merge files, and n_sents
    cuts documents. With `group_by` the id, documents share it on purpose."""
    words = record.text if record.text is not None else " ".join(record.tokens or ())
    content = zlib.crc32(words.encode("utf-8", "surrogatepass"))
    key = str(record.meta["id"])
    part = record.meta.get("split")  # each may count from 0
    place = key if part is None else f"{part}\0{key}"
    if place not in ids:
        ids[place] = record.line << 32 | content  # one number a document: there may be millions
        return
    line, same = ids[place] >> 32, ids[place] & 0xFFFFFFFF == content
    if group_by is not None and group_by.lower() == "id":
        return
    if not same and not record.file.lower().endswith(".spacy"):
        raise InputError(
            f"the id {key!r} of line {line} again, with another text",
            file=record.file,
            line=record.line,
            expected="an id of its own for each document",
            fix="correct the ids, or --group-by id where documents share them on purpose",
        )
    done = f"kept both; {'the same' if same else 'another'} text has the id {key!r} in line {line}"
    log.add(ConversionIssue("duplicate-id", "noted", record.file, record.line, words[:60], done=done))


def renamed(records: Iterable[Record], labels: Mapping[str, str]) -> Iterator[Record]:
    """The records with other labels, in spans as well as in tags."""
    for record in records:
        if labels:
            _rename(record, labels)
        yield record


def _rename(record: Record, labels: Mapping[str, str]) -> None:
    record.spans = [span._replace(label=labels.get(span.label, span.label)) for span in record.spans]
    record.negative = [span._replace(label=labels.get(span.label, span.label)) for span in record.negative]
    if record.tags is not None:
        record.tags = [_rename_tag(tag, labels) for tag in record.tags]


def _rename_tag(tag: str | None, labels: Mapping[str, str]) -> str | None:
    if tag is None:
        return None
    if tag in labels:
        return labels[tag]
    prefix, hyphen, label = tag.partition("-")
    return f"{prefix}-{labels[label]}" if hyphen and label in labels else tag


def batches(records: Iterable[Record]) -> Iterator[list[Record]]:
    """At most `CHUNK_DOCS` records or about `CHUNK_CHARACTERS` characters at a time."""
    batch: list[Record] = []
    size = 0
    for record in records:
        batch.append(record)
        size += len(record.text or "") + 6 * len(record.tokens or ())
        if len(batch) >= CHUNK_DOCS or size >= CHUNK_CHARACTERS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def corpus_sources(
    path: Paths, encoding: str | Iterable[str] | None = None, random_order: bool = False, lang: str = ""
) -> Iterator[FileSource]:
    """The files of a corpus: only the `.spacy` ones where there are any. Raises InputError where there is none.

    lang: the language of the texts, which says something of the encoding of files that are not UTF-8.
    """
    sources = list(open_sources(path, Encodings(encoding, lang)))
    if any(is_docbin(source) for source in sources):
        sources = [source for source in sources if is_docbin(source)]
    if random_order:
        random.shuffle(sources)
    yield from sources


def aligned_chunks(
    source: FileSource,
    aligner: Aligner,
    options: ReadOptions,
    format: str = "auto",
    annotators: Annotators | None = None,
) -> Iterator[Chunk]:
    """The documents of a file of any annotation format as arrays, at most 512 at a time.

    annotators: of all the files that are read together; where people annotated the same texts, a warning says whose are read.
    Raises InputError for content that cannot be read. A file of a folder that no format knows gives nothing.
    """
    given = None if format == "auto" else get_format(format)
    try:
        _, _, records = read_records(source, options, given)
    except InputError:
        if source.tolerant:
            return
        raise
    annotators = annotators or Annotators(options.annotator)
    for batch in batches(annotators.of(renamed(read_safely(records, source), options.labels))):
        if len(batch) > 1 and len({record.line for record in batch}) == 1:
            for record in batch:  # all of them on one line of JSON: their numbers say where they are
                record.line = record.number
        chunk = aligner.chunk(batch)
        if len(chunk):
            yield chunk
    annotators.warn(source.name)

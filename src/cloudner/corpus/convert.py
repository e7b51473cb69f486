"""Any annotation files in, a `.spacy` corpus (or another format) out, in one pass and bounded memory."""

from __future__ import annotations

import os
import re
import shutil
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from cloudner.corpus.align import Aligner, AlignMode
from cloudner.corpus.chunk import Chunk
from cloudner.corpus.detect import detect
from cloudner.corpus.docbin import SHARD_TOKENS
from cloudner.corpus.formats.base import Format, ReadOptions
from cloudner.corpus.issues import ConversionIssue, IssueLog
from cloudner.corpus.outputs import Output, make_output
from cloudner.corpus.parallel import align_chunks
from cloudner.corpus.records import Record
from cloudner.corpus.registry import format_for_output, get_format
from cloudner.corpus.report import ConversionReport
from cloudner.corpus.sentences import regroup
from cloudner.corpus.sources import FileSource, open_sources
from cloudner.corpus.split import Spool, parse_split
from cloudner.errors import ConfigError, InputError

CHUNK_DOCS = 512
# What a chunk may hold before it is passed on, so that long documents do not fill the memory.
CHUNK_CHARACTERS = 2_000_000

Progress = Callable[[FileSource, int], None]


def convert(
    sources: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    *,
    format: str = "auto",
    to: str = "auto",
    lang: str = "en",
    align: AlignMode = "expand",
    split: str | Iterable[float] | None = None,
    seed: int = 0,
    group_by: str | None = None,
    n_sents: int | None = None,
    strict: bool = False,
    n_process: int = 1,
    encoding: str | None = None,
    labels: Mapping[str, str] | None = None,
    text_column: str | None = None,
    entities_column: str | None = None,
    token_column: str | int | None = None,
    tag_column: str | int | None = None,
    sentence_column: str | None = None,
    delimiter: str | None = None,
    extra: Mapping[str, Any] | None = None,
    shard_tokens: int = SHARD_TOKENS,
    progress: Progress | None = None,
) -> ConversionReport:
    """Convert annotation files into one corpus, or into train, dev and test.

    sources: paths, globs, folders, `-`, URLs; see `sources.open_sources`. output: a file whose extension says the
        format (`.spacy`: DocBin), or with `split` also a folder for `train`, `dev` and `test`.
    format, to: format names (`registry.formats()`), or "auto": by content, and by the output's extension.
    lang: the spaCy language whose tokenizer splits texts (given tokens are kept).
    align: spans that cut a token: "expand" to the whole token, "contract" to the tokens inside, "strict" drops them.
    split: shares of documents such as "80/10/10" (train, dev, test) or "80/20" (train, dev), stratified by entity
        label, by `seed`; documents of equal words, and those with the same `group_by` value, stay on one side.
    n_sents: sentences a document, for token-based sources. n_process: processes that tokenise and align.
    strict: raise when any annotation would be dropped or changed. labels: renames labels (also numeric ids).
    encoding, *_column, delimiter, extra: what the content does not say; see `formats.base.ReadOptions`.
    shard_tokens: from so many tokens on a `.spacy` output becomes a folder of shards.
    progress: called with the current source and the number of documents so far.

    Each loss or repair is written to `<output>.issues.jsonl` and counted in the report. The output is written under
    a temporary name and renamed at the end: after an error there is none, and an older one is untouched.
    Raises InputError (file, line, found, expected, what to type) for input that cannot be used and ConfigError for
    settings that cannot work.
    """
    began = time.perf_counter()
    output = Path(output)
    if n_process < 1:
        raise ConfigError(f"n_process={n_process}", expected="1 or more")
    if n_sents is not None and n_sents < 1:
        raise ConfigError(f"n_sents={n_sents}", expected="1 or more", fix="--n-sents 10")
    shares = None if split is None else parse_split(split)
    options = ReadOptions(
        lang=lang,
        text_column=text_column,
        entities_column=entities_column,
        token_column=token_column,
        tag_column=tag_column,
        sentence_column=sentence_column,
        group_by=group_by,
        delimiter=delimiter,
        labels=dict(labels or {}),
        extra=dict(extra or {}),
    )
    given = None if format == "auto" else get_format(format)
    writer = _writer_format(output, to, shares is not None)
    paths = _output_paths(output, writer, shares)
    aligner = Aligner(lang, align)  # an unknown language is told before anything is read
    report = ConversionReport()
    log = IssueLog(issues_path(output))
    with ExitStack() as stack:
        stack.enter_context(_writing(output))
        for folder in _new_folders(paths):
            stack.callback(_remove_empty, folder)
        stack.callback(log.discard)
        temporaries: dict[Path, Output] = {}
        for path in paths:
            made = make_output(writer, path.with_name(f".{path.name}.{os.getpid()}.tmp"), shard_tokens)
            temporaries[path] = made
            stack.callback(made.discard)
        records = _records(sources, encoding, given, options, report, log, progress)
        if n_sents is not None:
            records = regroup(records, n_sents)
        chunks = align_chunks(_batches(records), aligner, n_process)
        watch = _Watch()
        spool = stack.enter_context(Spool()) if shares is not None else None
        for chunk in chunks:
            log.extend(chunk.issues)
            chunk.issues = []
            watch.look(chunk, report, log)
            if spool is None:
                temporaries[paths[0]].add(chunk)
            else:
                spool.add(chunk)
        if report.docs == 0:
            raise InputError(
                "no document in the input has any text",
                file=report.detected[0][0] if report.detected else str(sources),
                expected="at least one annotated document",
                fix="check --format and the columns",
            )
        watch.finish(report, log)
        if spool is not None and shares is not None:
            for index, chunk in spool.divide(shares, seed):
                temporaries[paths[index]].add(chunk)
        if strict and log.lost:
            report.issues_path = log.close()
            cause, count = _worst(log)
            example = log.examples[cause]
            raise InputError(
                f"{log.lost} annotations would be dropped or changed, {count} of them {cause} ({example.done})",
                file=example.file,
                line=example.line,
                expected="no loss, because of strict",
                fix=f"look at {report.issues_path}, or leave out --strict",
            )
        for path, made in temporaries.items():
            made.close()
            report.outputs[path] = made.docs
        for path, made in temporaries.items():
            _replace(made.temporary, path)
        report.issues_path = log.close()
    report.issues, report.examples = log.counts, log.examples
    report.seconds = time.perf_counter() - began
    return report


def issues_path(output: Path) -> Path:
    """Where the issues of a conversion to `output` go."""
    return output.with_name(output.name + ".issues.jsonl")


def _worst(log: IssueLog) -> tuple[str, int]:
    counts: Counter[str] = Counter()
    for (cause, action), count in log.counts.items():
        if action in ("dropped", "changed"):
            counts[cause] += count
    return counts.most_common(1)[0]


def read_records(
    source: FileSource, options: ReadOptions, given: Format | None = None
) -> tuple[Format, str, Iterator[Record]]:
    """The format of one source, why it was taken, and its records. Raises InputError when no format fits."""
    if given is not None:
        return given, "as asked for", given.read(source, options)
    found = detect(source.sample(), source.name)
    return found.format, found.reason, found.format.read(source, options)


def _records(
    sources: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    encoding: str | None,
    given: Format | None,
    options: ReadOptions,
    report: ConversionReport,
    log: IssueLog,
    progress: Progress | None,
) -> Iterator[Record]:
    read = 0
    seen = False
    for source in open_sources(sources, encoding):
        seen = True
        try:
            fmt, reason, records = read_records(source, options, given)
        except InputError as error:
            if not source.tolerant:
                raise
            log.add(
                ConversionIssue("not-a-document", "noted", source.name, 1, done=f"skipped: {error.found}")
            )
            continue
        report.detected.append((source.name, fmt.name, reason))
        ids: dict[str, int] = {}
        for record in _read_safely(records, source):
            if "id" in record.meta:
                _check_id(record, ids, log)
            if options.labels:
                _rename(record, options.labels)
            yield record
            read += 1
            if progress is not None and read % 64 == 0:
                progress(source, read)
        if progress is not None:
            progress(source, read)
    if not report.detected and seen:
        raise InputError(
            "no file in there is in a known format",
            file=str(sources),
            expected="annotated text",
            fix="--format NAME, or name the files",
        )


def _read_safely(records: Iterator[Record], source: FileSource) -> Iterator[Record]:
    """A reader's own exceptions for damaged content, told as bad input of that file."""
    try:
        yield from records
    except InputError:
        raise
    except RecursionError as error:
        raise InputError("nested too deeply", file=source.name, expected="an annotation export") from error
    except (UnicodeError, KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"cannot be read: {type(error).__name__}: {error}",
            file=source.name,
            expected="a file of the format that its beginning looks like",
            fix="name the format with --format",
        ) from error


def _check_id(record: Record, ids: dict[str, int], log: IssueLog) -> None:
    """Notes a document that has the id of another one before it in the file."""
    words = record.text if record.text is not None else " ".join(record.tokens or ())
    key, content = str(record.meta["id"]), zlib.crc32(words.encode("utf-8", "surrogatepass"))
    if ids.setdefault(key, content) != content:
        done = f"kept both; the id is {key!r}"
        log.add(ConversionIssue("duplicate-id", "noted", record.file, record.line, words[:60], done=done))


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


def _batches(records: Iterator[Record]) -> Iterator[list[Record]]:
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


class _Watch:
    """Counts, and what only a whole corpus shows: labels that differ in case, texts annotated in two ways."""

    def __init__(self) -> None:
        self._first: dict[str, tuple[str, int]] = {}
        # 64-bit key of a text -> line << 32 | key of its annotation; one int each, for a million documents
        self._texts: dict[int, int] = {}

    def look(self, chunk: Chunk, report: ConversionReport, log: IssueLog) -> None:
        report.docs += len(chunk)
        report.tokens += len(chunk.orth)
        docs, kinds = chunk.entity_types()
        report.entities += len(kinds)
        if len(kinds):
            values, first, counts = np.unique(kinds, return_index=True, return_counts=True)
            names = _names(chunk.strings, values.tolist())
            for value, index, count in zip(values.tolist(), first.tolist(), counts.tolist(), strict=True):
                name = names[value]
                report.labels[name] += count
                self._first.setdefault(name, chunk.places[docs[index]])
        for text, marks, (file, line) in zip(
            chunk.text_keys(), chunk.annotation_keys(), chunk.places, strict=True
        ):
            known = self._texts.setdefault(text, line << 32 | marks)
            if known & 0xFFFFFFFF != marks:
                done = f"kept both; the other one is on line {known >> 32}"
                log.add(ConversionIssue("conflicting-documents", "noted", file, line, done=done))

    def finish(self, report: ConversionReport, log: IssueLog) -> None:
        by_case: dict[str, list[str]] = {}
        for label in report.labels:
            by_case.setdefault(label.casefold(), []).append(label)
        for variants in by_case.values():
            if len(variants) > 1:
                common = max(variants, key=lambda label: report.labels[label])
                for label in variants:
                    if label != common:
                        file, line = self._first[label]
                        done = f"{report.labels[label]} times, kept; {common} {report.labels[common]} times"
                        log.add(ConversionIssue("label-case", "noted", file, line, label=label, done=done))


def _names(strings: Iterable[str], ids: list[int]) -> dict[int, str]:
    from spacy.strings import get_string_id

    wanted = set(ids)
    names: dict[int, str] = {}
    for string in strings:
        key = get_string_id(string)
        if key in wanted:
            names[key] = string
            if len(names) == len(wanted):
                break
    return names


# Output names


def _writer_format(output: Path, to: str, split: bool) -> Format:
    if to == "auto" and split and not output.suffix:
        return get_format("spacy")
    if to == "auto" and output.is_dir() and output.suffix != ".spacy":
        raise InputError(
            "the output is a folder",
            file=str(output),
            expected="a file name, such as corpus.spacy",
            fix=f"{output / 'train.spacy'}, or --split 80/10/10",
        )
    return format_for_output(str(output), to)


def _output_paths(output: Path, writer: Format, shares: list[tuple[str, float]] | None) -> list[Path]:
    if shares is None:
        return [output]
    if output.suffix and not output.is_dir():
        return [output.with_name(f"{output.stem}-{name}{output.suffix}") for name, _ in shares]
    return [output / f"{name}{writer.extensions[0]}" for name, _ in shares]


def _new_folders(paths: list[Path]) -> list[Path]:
    """Makes the folders the outputs go to; those that were not there before, the innermost first."""
    made = []
    for path in paths:
        missing = [folder for folder in (path.parent, *path.parent.parents) if not folder.exists()]
        path.parent.mkdir(parents=True, exist_ok=True)
        made += [folder for folder in missing if folder not in made]
        if not os.access(path.parent, os.W_OK):
            raise InputError(
                "the folder may not be written to", file=str(path.parent), expected="a folder of yours"
            )
    return sorted(made, key=lambda folder: len(folder.parts))


def _remove_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()


@contextmanager
def _writing(output: Path) -> Iterator[None]:
    """Turns a disk that is full or gone into one clear error; reading has its own."""
    try:
        yield
    except OSError as error:
        raise InputError(
            f"cannot be written: {error.strerror or error}",
            file=str(error.filename or output),
            expected="a place with room that may be written to",
            fix="another output, or df -h",
        ) from error


def _replace(temporary: Path, path: Path) -> None:
    """Puts a finished file or folder of shards in place of whatever of ours is there."""
    if path.is_dir():
        if any(not re.fullmatch(r"\d{5}\.spacy", p.name) for p in path.iterdir()):
            raise InputError(
                "is a folder with other files in it", file=str(path), expected="a name that is free"
            )
        if temporary.is_dir() or path.suffix == ".spacy":
            shutil.rmtree(path)
    elif temporary.is_dir() and path.exists():
        path.unlink()
    os.replace(temporary, path)

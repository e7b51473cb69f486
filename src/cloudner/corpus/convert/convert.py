"""Any annotation files in, a `.spacy` corpus (or another format) out, in one pass and bounded memory."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

from cloudner.atomic import beside, remove_leftovers, take_back
from cloudner.corpus.align.aligner import Aligner, AlignMode
from cloudner.corpus.align.parallel import align_chunks
from cloudner.corpus.annotators import Annotators
from cloudner.corpus.contract import ReadOptions
from cloudner.corpus.convert.consistency import Watch
from cloudner.corpus.convert.decisions import Decisions
from cloudner.corpus.convert.edges import Edges
from cloudner.corpus.convert.hints import Glue, Script, hints
from cloudner.corpus.convert.options import ConvertOptions, most_bad, renames
from cloudner.corpus.convert.paths import (
    issues_path,
    new_folders,
    not_over_a_source,
    output_paths,
    put_output,
    remove_empty,
    writer_format,
    writing,
)
from cloudner.corpus.convert.regroup import regroup
from cloudner.corpus.convert.report import ConversionReport
from cloudner.corpus.convert.split import Splitter
from cloudner.corpus.convert.writers import make_output
from cloudner.corpus.docbin.chunk import Chunk
from cloudner.corpus.docbin.writer import SHARD_TOKENS
from cloudner.corpus.formats.huggingface.row_source import RowSource, find_rows
from cloudner.corpus.formats.registry import DOCBIN, get_format
from cloudner.corpus.issues import IssueLog
from cloudner.corpus.reading import Detected, Progress, batches, read_sources
from cloudner.errors import ConfigError, InputError, path_of

ConvertSources = str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | Iterable[Mapping[str, Any]]


def convert(
    sources: ConvertSources,
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
    encoding: str | Sequence[str] | None = None,
    labels: Mapping[str, str] | Sequence[str] | None = None,
    text_column: str | None = None,
    entities_column: str | None = None,
    token_column: str | int | None = None,
    tag_column: str | int | None = None,
    sentence_column: str | None = None,
    delimiter: str | None = None,
    offsets: str = "auto",
    annotator: str | None = None,
    skip_bad: int | Literal["all"] = 0,
    apply: str | os.PathLike[str] | None = None,
    shard_tokens: int = SHARD_TOKENS,
    spans: str | None = None,
    progress: Progress | None = None,
) -> ConversionReport:
    """Convert annotation files into one corpus, or into train, dev and test.

    sources: paths, globs, folders, `-`, URLs, see `sources.open_sources`; or rows, any iterable of mappings with
        `tokens` and `ner_tags` or `text` and `entities`, such as a (streaming) Hugging Face data set.
    output: a file whose extension says the format (`.spacy`: DocBin), or with `split` also a folder for `train`,
        `dev` and `test`.
    format, to: format names (`registry.formats()`), or "auto": by content, and by the output's extension.
    lang: the spaCy language whose tokenizer splits texts (given tokens are kept).
    align: spans that cut a token: "expand" to the whole token, "contract" to the tokens inside, "strict" drops them.
    split: shares of documents such as "80/10/10" (train, dev, test) or "80/20" (train, dev), stratified by entity
        label, by `seed`; documents of equal words, and those with the same `group_by` value, stay on one side.
    group_by: a column, a key, a path of keys (`meta.patient`), or what else a format keeps in a document's meta data (`doc_id`
        of a CoNLL comment). Documents without it are noted; where none has it, that is an error.
    n_sents: sentences per document, for token-based sources. n_process: processes that tokenise and align.
    strict: raise when any annotation would be dropped or changed. labels: renames labels (also numeric ids), or a
        list: the label names of numeric tags, in their order.
    encoding: a name for all sources, or several "PATTERN=NAME". *_column, delimiter, offsets, annotator: what the content
        does not say; see `contract.ReadOptions`. skip_bad: records of a file that may be left out and listed, or "all".
    apply: a file of decisions (`cloudner review`), of which the accepted ones change the documents.
    shard_tokens: from so many tokens on a `.spacy` output becomes a folder of shards.
    spans: keep annotations that nest and overlap: all of a document's go to `doc.spans[spans]`, for `cloudner_spans`, and
        the longest that do not overlap to `doc.ents`. `.spacy` output only.
    progress: called with the current source and the number of documents so far.

    Each loss or repair is written to `<output>.issues.jsonl` and counted in the report. The output is written under
    a temporary name and renamed at the end: after an error there is none, and an older one is untouched.
    Raises InputError (file, line, found, expected, what to type) for input that cannot be used and ConfigError for
    settings that cannot work.
    """
    options = ConvertOptions(
        format=format,
        to=to,
        align=align,
        split=split,
        seed=seed,
        n_sents=n_sents,
        strict=strict,
        n_process=n_process,
        encoding=encoding,
        apply=apply,
        shard_tokens=shard_tokens,
        spans=spans,
        read=ReadOptions(
            lang=lang,
            text_column=text_column,
            entities_column=entities_column,
            token_column=token_column,
            tag_column=tag_column,
            sentence_column=sentence_column,
            group_by=group_by,
            delimiter=delimiter,
            offsets=offsets,
            annotator=annotator,
            skip_bad=most_bad(skip_bad),
            labels=renames(labels),
        ),
    )
    return convert_with(sources, output, options, progress)


def convert_with(
    sources: ConvertSources,
    output: str | os.PathLike[str],
    options: ConvertOptions,
    progress: Progress | None = None,
) -> ConversionReport:
    """`convert`, with its settings as one object."""
    began = time.perf_counter()
    output, shares = path_of(output), options.shares
    rows_or_paths = find_rows(sources)
    if isinstance(rows_or_paths, RowSource) and options.format != "auto":
        raise ConfigError(f"format={options.format!r} for rows", expected="auto: rows are no file")
    given = None if options.format == "auto" else get_format(options.format)
    writer = writer_format(output, options.to, shares is not None)
    paths = output_paths(output, writer, shares)
    if options.spans is not None and writer.name != DOCBIN:
        raise ConfigError(
            f"spans={options.spans!r} with {writer.name} output",
            expected=".spacy output, which holds groups of spans",
        )
    # raises for an unknown language before anything is read
    aligner = Aligner(options.read.lang, options.align, spans=options.spans)
    decisions = None if options.apply is None else Decisions(os.fspath(options.apply), options.spans)
    report = ConversionReport()
    log = IssueLog(issues_path(output))
    with ExitStack() as stack:
        stack.enter_context(writing(output))
        for folder in new_folders(paths):
            stack.callback(remove_empty, folder)
        stack.callback(log.discard)
        outputs = []
        for path in paths:
            take_back(path)
            remove_leftovers(path)
            outputs.append(make_output(writer, beside(path), options.shard_tokens))
            stack.callback(outputs[-1].discard)
        script, glue, edges = Script(), Glue(), Edges()
        annotators = Annotators(options.read.annotator)
        records = script.watch(
            read_sources(
                rows_or_paths,
                options.encoding,
                given,
                options.reading,
                log,
                _found(report, paths),
                progress,
                report.begins.__setitem__,
                annotators,
            )
        )
        records = edges.watch(records)
        if options.n_sents is not None:
            records = regroup(records, options.n_sents)
        chunks = _watched(
            align_chunks(batches(records), aligner, options.n_process),
            report,
            log,
            glue,
            str(sources),
            decisions,
        )
        for number, chunk in chunks if shares is None else _divided(chunks, shares, options):
            outputs[number].add(chunk)
        report.issues, report.examples = log.counts, log.examples
        report.agreement = sorted(annotators.pairs.values(), key=lambda pair: -pair.documents)
        report.hints = hints(report, script, options.read.lang, glue, edges)
        if options.strict and log.lost:
            raise _losses(report, log)
        for path, each in zip(paths, outputs, strict=True):
            each.close()
            report.outputs[path] = each.docs
        for path, each in zip(paths, outputs, strict=True):
            put_output(each.temporary, path)
        report.issues_path = log.close()
    report.seconds = time.perf_counter() - began
    return report


def _found(report: ConversionReport, outputs: list[Path]) -> Detected:
    """Takes each source and its format into the report. Raises InputError for a source that is an output too."""

    def found(source: str, name: str, reason: str) -> None:
        not_over_a_source(source, outputs)
        report.detected.append((source, name, reason))

    return found


def _watched(
    chunks: Iterable[Chunk],
    report: ConversionReport,
    log: IssueLog,
    glue: Glue,
    sources: str,
    decisions: Decisions | None,
) -> Iterator[tuple[int, Chunk]]:
    """The chunks, all for output 0, counted in the report and their issues in the log. Raises InputError without any."""
    watch = Watch()
    for chunk in chunks:
        log.extend(chunk.issues)
        glue.watch(chunk.issues)
        chunk.issues = []
        if decisions is not None:
            decisions.apply(chunk)
        watch.look(chunk, report, log)
        yield 0, chunk
    if report.docs == 0:
        raise InputError(
            "no document in the input has any text",
            file=report.detected[0][0] if report.detected else sources,
            expected="at least one annotated document",
            fix="check --format and the columns",
        )
    watch.finish(report, log)
    if decisions is not None:
        decisions.finish()
        report.decisions = dict(decisions.counts)


def _divided(
    chunks: Iterable[tuple[int, Chunk]], shares: list[tuple[str, float]], options: ConvertOptions
) -> Iterator[tuple[int, Chunk]]:
    """Pairs of an output's number and a chunk for it, once all chunks are there."""
    with Splitter(options.spans) as splitter:
        for _, chunk in chunks:
            splitter.add(chunk)
        yield from splitter.divide(shares, options.seed)


def _losses(report: ConversionReport, log: IssueLog) -> InputError:
    """The error of a strict conversion, which leaves the list of issues behind."""
    report.issues_path = log.close()
    counts: Counter[str] = Counter()
    for (cause, action), count in log.counts.items():
        if action in ("dropped", "changed"):
            counts[cause] += count
    cause, count = counts.most_common(1)[0]
    example = log.examples[cause]
    return InputError(
        f"{log.lost} annotations would be dropped or changed, {count} of them {cause} ({example.done})",
        file=example.file,
        line=example.line,
        expected="no loss, because of strict",
        fix="; ".join([*report.hints, f"look at {report.issues_path}, or leave out --strict"]),
    )

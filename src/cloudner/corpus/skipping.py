"""`--skip-bad`: a record that cannot be read is left out and listed, and the rest of its file is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from cloudner.corpus.contract import Record
from cloudner.corpus.files.file import FileSource
from cloudner.errors import InputError

ALL = 1 << 30


def skipping(read: Callable[[], Iterator[Record]], source: FileSource, most: int) -> Iterator[Record]:
    """The records that `read` gives, without those that begin on a line it raises an InputError for.

    The file is read again from the beginning without the line, since a reader that has raised cannot go on. Each
    line is told in a note of the record after it. Raises the error of the first line over `most`, and every error that
    names no line, or one that leaving it out does not help.
    """
    yielded = 0
    notes: list[tuple[str, str, str]] = []
    first: dict[int, InputError] = {}
    while True:
        seen = 0
        try:
            for record in read():
                seen += 1
                if seen > yielded:
                    yielded = seen
                    record.notes = [*notes, *record.notes]
                    notes = []
                    yield record
            break
        except InputError as error:
            line = error.line
            if line is None or error.file != source.name:
                raise
            if line in source.hidden:  # of a file all on one line nothing is left without it
                raise first.get(line, error) from None
            if len(source.hidden) >= most:
                if most:
                    error.args = (
                        f"{error} (the {most + 1}th record that cannot be read; --skip-bad {most} allows {most})",
                    )
                raise
            source.hidden.add(line)
            first[line] = error
            notes.append(("bad-record", "dropped", f"line {line} left out: {error.found}"))
    if notes:
        yield Record(source.name, max(source.hidden), "", notes=notes)

"""`--skip-bad`: a record that cannot be read is left out and listed, and the rest of its file is read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from cloudner.corpus.contract import Record
from cloudner.corpus.files.file import FileSource
from cloudner.errors import InputError

ALL = 1 << 30
# Lines above a sentence's first token that begin a document.
_DOCUMENT = re.compile(r"-DOCSTART|#begin document|#\t|#\s*(?:newdoc|(?:hipe2022:)?document_id)\b")


def skipping(
    read: Callable[[], Iterator[Record]], source: FileSource, most: int, in_blocks: bool = False
) -> Iterator[Record]:
    """The records that `read` gives, without those that begin on a line it raises an InputError for.

    in_blocks: a record has a line a token and ends at a blank line; the whole of it is left out then, since the rest
    would be two sentences, with a part of an entity in each.

    The file is read again from the beginning without the lines, since a reader that has raised cannot go on. They are
    told in a note of the record after them. Raises the error of the first line over `most`, and every error that
    names no line, or one that leaving it out does not help.
    """
    yielded = 0
    notes: list[tuple[str, str, str]] = []
    first: dict[int, InputError] = {}
    left = 0
    while True:
        seen = begun = 0
        try:
            for record in read():
                seen += 1
                begun = record.line
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
            if left >= most:
                if most:
                    error.args = (
                        f"{error} (the {most + 1}th record that cannot be read; --skip-bad {most} allows {most})",
                    )
                raise
            left += 1
            lines = _block(source, line) if in_blocks else [line]
            if lines[0] <= begun:  # of records that are cut elsewhere
                lines = [line]
            source.hidden.update(lines)
            first.update(dict.fromkeys(lines, error))
            where = f"line {line}" if len(lines) == 1 else f"lines {lines[0]} to {lines[-1]}"
            notes.append(("bad-record", "dropped", f"{where} left out: {error.found}"))
    if notes:
        yield Record(source.name, max(source.hidden), "", notes=notes)


def _block(source: FileSource, line: int) -> list[int]:
    """The numbers of the lines around one, between blank lines and those that begin a document; of it alone in a file
    that has neither."""
    block: list[int] = []
    parted = False
    for number, text in source.lines():
        if number == line or (text.strip() and not _DOCUMENT.match(text)):
            block.append(number)
            continue
        parted = True
        if number > line:
            break
        block = []
    return block if parted else [line]

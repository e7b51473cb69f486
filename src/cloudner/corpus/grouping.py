"""`--group-by`: the value that documents share, taken from what any format keeps with a document."""

from __future__ import annotations

from collections.abc import Iterator

from cloudner.corpus.contract import Record
from cloudner.corpus.formats.groups import group_in
from cloudner.corpus.issues import ConversionIssue, IssueLog
from cloudner.errors import InputError


class Groups:
    """Sees to it that the records of a conversion's sources have `meta["group"]`.

    name: the column or key, or None where no grouping is asked for.
    """

    def __init__(self, name: str | None) -> None:
        self._name = name
        self._found = False
        self._first: Record | None = None
        self._without: list[tuple[Record, int]] = []  # of each source the first one, and how many there are

    def of(self, records: Iterator[Record]) -> Iterator[Record]:
        """The records of one source, with the group that the reader or their meta data say."""
        if self._name is None:
            yield from records
            return
        lone: Record | None = None
        count = 0
        for record in records:
            value = group_in(record.meta, self._name)
            given = record.meta.pop("group", None)  # by the reader, which knows its columns
            value = given if value is None else value
            if value is None or value == "":
                lone = lone or record
                count += 1
            else:
                record.meta["group"] = value
                self._found = True
            self._first = self._first or record
            yield record
        if lone is not None:
            self._without.append((lone, count))

    def finish(self, log: IssueLog) -> None:
        """Notes what has no value, where other documents have one. Raises InputError where none has."""
        if self._found or self._first is None:
            for first, count in self._without:
                has = "1 document has" if count == 1 else f"{count:,} documents have"
                done = f"{has} no value under {self._name!r}: in no group"
                log.add(ConversionIssue("no-group", "noted", first.file, first.line, done=done))
            return
        names = [str(key) for key in self._first.meta]
        raise InputError(
            f"no document has a value under {self._name!r}",
            file=self._first.file,
            line=self._first.line,
            expected=f"{', '.join(names)}{' or ' if names else ''}a column or key as the file spells it",
            fix="--group-by NAME",
        )

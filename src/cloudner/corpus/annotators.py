"""Texts that several people annotated: whose annotation is read, and how far they agree."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from cloudner.corpus.contract import Record, SpanRecord
from cloudner.corpus.issues import ConversionIssue, IssueLog
from cloudner.errors import InputError

logger = logging.getLogger("cloudner")
_INITIAL = "INITIAL_CAS"  # what WebAnno and INCEpTION call the document as it was imported
Spans = frozenset[tuple[int, int, str]]


@dataclass
class Agreement:
    """How far two people agree on the documents that both have annotated.

    spans: how many each marked. common: how many both did, with equal ends and an equal label.
    """

    names: tuple[str, str]
    documents: int = 0
    spans: list[int] = field(default_factory=lambda: [0, 0])
    common: int = 0

    @property
    def f1(self) -> float | None:
        """F1 of one person's spans against the other's, 0 to 1, whoever is taken for gold; None where neither marked any.

        Chance-corrected measures such as Cohen's kappa need the number of spans that nobody marked, which texts do not
        have; as it grows kappa approaches this F1 (Hripcsak and Rothschild, JAMIA 12(3), 2005).
        """
        marked = sum(self.spans)
        return 2 * self.common / marked if marked else None

    def add(self, one: Spans, other: Spans) -> None:
        self.documents += 1
        self.spans[0] += len(one)
        self.spans[1] += len(other)
        self.common += len(one & other)


@dataclass
class _Text:
    """A text whose annotations stand in records of their own: each person's, the first one's first."""

    file: str
    line: int
    marks: dict[str, Spans] = field(default_factory=dict)


class Annotators:
    """Of each text the annotation of one person: of the one who is wanted, else of the first.

    A record may hold what several people marked (`Record.versions`), of whom its reader has taken one, or what one of them did
    (`Record.annotator`), beside other records of the same text (and id, where they have one), in the same file or another.
    """

    def __init__(self, wanted: str | None = None) -> None:
        self.wanted = wanted
        self.pairs: dict[tuple[str, str], Agreement] = {}
        self.left_out = 0  # records of the same text by others
        self._warned = False
        self._names: dict[str, None] = {}
        self._texts: dict[bytes, _Text] = {}

    def of(self, records: Iterable[Record], log: IssueLog | None = None) -> Iterator[Record]:
        """The records that are read. log: where the others are noted."""
        for record in records:
            self._names.update(dict.fromkeys(name for name, _ in record.versions))
            self._count(record.versions)
            if record.annotator is None:
                yield record
                continue
            self._names[record.annotator] = None
            reason = self._against(record)
            if reason is None:
                yield record
                continue
            self.left_out += 1
            if log is not None:
                log.add(ConversionIssue("several-annotators", "noted", record.file, record.line, done=reason))

    def finish(self, log: IssueLog) -> None:
        """Notes the texts that only others annotated. Raises InputError where nobody has the name that is wanted."""
        if self.wanted is None:
            return
        if self.wanted not in self._names:
            raise InputError(
                f"no annotation by {self.wanted!r}",
                expected=f"one of {', '.join(self._names)}" if self._names else "a file that says who annotated",
                fix="another --annotator, or none",
            )  # fmt: skip
        for text in self._texts.values():
            if self.wanted not in text.marks:
                others = ", ".join(text.marks)
                done = f"not annotated by {self.wanted}, but by {others}: left out"
                log.add(ConversionIssue("rejected", "noted", text.file, text.line, done=done))

    def warn(self, file: str) -> None:
        """Says once in the log that people annotated the same texts, for readers that write no list of issues."""
        if self._warned or not self.pairs:
            return
        self._warned = True
        names = list(dict.fromkeys(name for pair in self.pairs for name in pair))
        logger.warning(
            "%s: the same texts are annotated by %s. Of each text the annotation of the first of them is read; "
            "`cloudner convert --annotator NAME` takes another's, and its report says how far they agree.",
            file,
            ", ".join(names[:8]) + (", ..." if len(names) > 8 else ""),
        )

    def _against(self, record: Record) -> str | None:
        """Why a record of one person is not read, or None."""
        who = str(record.annotator)
        if who == _INITIAL:
            return "the text before anybody annotated it"
        if not record.complete:  # nobody knows what it would have held
            return None if self.wanted in (None, who) else f"{who} did not finish it"
        text = self._texts.setdefault(_key(record), _Text(record.file, record.line))
        marks = _marks(record.spans)
        if who not in text.marks:
            for other, theirs in text.marks.items():
                self._pair(other, who).add(*self._sorted(other, theirs, marks, who))
            text.marks[who] = marks
        reader = self.wanted or next(iter(text.marks))
        if who == reader:
            return None
        if reader not in text.marks:
            return f"annotated by {who}"
        theirs = text.marks[reader]
        alike = f"{who} and {reader} agree on {len(marks & theirs)} of {len(marks | theirs)} spans"
        return f"{alike}: took {reader}" + ("" if self.wanted else f"; --annotator {who} takes the other")

    def _count(self, versions: Sequence[tuple[str, list[SpanRecord]]]) -> None:
        marks: dict[str, Spans] = {}
        for name, spans in versions:
            marks.setdefault(name, _marks(spans))
        names = list(marks)
        for number, one in enumerate(names):
            for other in names[number + 1 :]:
                self._pair(one, other).add(*self._sorted(one, marks[one], marks[other], other))

    def _pair(self, one: str, other: str) -> Agreement:
        names = (one, other) if one <= other else (other, one)
        return self.pairs.setdefault(names, Agreement(names))

    @staticmethod
    def _sorted(one: str, marks: Spans, others: Spans, other: str) -> tuple[Spans, Spans]:
        return (marks, others) if one <= other else (others, marks)


def _marks(spans: Iterable[SpanRecord]) -> Spans:
    return frozenset((span.start, span.end, span.label) for span in spans)


def _key(record: Record) -> bytes:
    words = record.text if record.text is not None else " ".join(record.tokens or ())
    key = repr((record.meta.get("id"), words))
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).digest()

"""CoNLL-2012 (OntoNotes): entities as brackets in a column, `(PERSON*`, `*`, `*)`, `(GPE)`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.corpus.formats.columns.layout import DOCSTART
from cloudner.corpus.formats.words import is_unspaced, join, spaces_between
from cloudner.errors import InputError

_CELL = re.compile(r"(?:\([^()*\s]+)*\*?\)*|-")
_OPEN = re.compile(r"\(([^()*\s]+)")
_BEGIN = re.compile(r"#begin document\s*\(?(?P<name>[^);]*)\)?;?\s*(?:part\s*(?P<part>\d+))?")
# Labels of predicate arguments and of phrases: brackets that are no entities
_ROLE = re.compile(r"(?:R-|C-)?(?:ARG[\dAM]|A\d|AM-)|(?:V|NP|VP|PP|S|TOP|SBAR|ADJP|ADVP|ROOT)$")
_SPLIT = re.compile(r"[ \t]+")


def _data(lines: list[str]) -> list[list[str]]:
    return [
        _SPLIT.split(line.strip())
        for line in lines
        if line.strip() and line[0] != "#" and not DOCSTART.match(line)
    ]


def _columns(rows: list[list[str]]) -> tuple[int, int, str] | None:
    """The columns of token and entity, and some labels seen; None where no column has entity brackets."""
    if not rows:
        return None
    width = Counter(map(len, rows)).most_common(1)[0][0]
    wide = width >= 12  # document, part, number, word, POS, parse, ..., speaker, entities, roles, coreference
    best = None
    for column in range(1, width):
        cells = [row[column] for row in rows if column < len(row)]
        if not all(_CELL.fullmatch(cell) and cell for cell in cells) or not any(
            "*" in cell for cell in cells
        ):
            continue
        labels = Counter(label for cell in cells for label in _OPEN.findall(cell))
        if any(_ROLE.match(label) for label in labels) or any(cell.count("(") > 2 for cell in cells):
            continue  # predicate arguments, parse trees
        if wide and column == 10:
            best = (column, labels)
            break
        if labels and "*" in cells and (best is None or len(labels) >= len(best[1])):
            best = (column, labels)
    if best is None:
        return None
    numbered = all(row[2].isdigit() for row in rows if len(row) > 3)
    token = 3 if wide and numbered else 1 if all(row[0].isdigit() for row in rows) else 0
    return token, best[0], ", ".join(sorted(best[1])[:3])


def sniff(sample: Sample) -> Match | None:
    rows = _data(sample.lines[:3000])
    if len(rows) < 2 or len({len(row) for row in rows}) > 40:
        return None
    found = _columns(rows)
    if found is None:
        return None
    _, column, labels = found
    begins = any(_BEGIN.match(line) for line in sample.lines)
    reason = f"brackets such as (PERSON* in column {column}" + (f" ({labels})" if labels else "")
    if begins:
        return Match(0.98, f"#begin document lines and {reason}")
    return Match(0.92, reason) if labels else None


def read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """One record a document (`#begin document`), or a sentence in files without them; nested brackets are spans."""
    found = _columns(_data(source.sample().lines))
    if found is None:
        raise InputError(
            "no column of entity brackets",
            file=source.name,
            line=1,
            expected="(PERSON*, * and *) in a column",
            fix="--format conll for B- and I- tags",
        )
    token_at, tag_at, _ = found
    document: _Document | None = None
    documents, meta, at_start = False, {}, True
    for number, line in source.lines():
        if not line.strip():
            at_start = True
            if document is not None:
                document.end_sentence()
                if not documents:
                    yield document.record(options)
                    document = None
        elif match := _BEGIN.match(line):
            documents = True
            meta = {"id": match["name"].strip() + (f"#{match['part']}" if match["part"] else "")}
        elif line.startswith("#end document") or DOCSTART.match(line):
            documents = True
            if document is not None:
                document.end_sentence()
                yield document.record(options)
            document, at_start = None, True
        elif line[0] == "#" and len(_SPLIT.split(line.strip())) <= tag_at:
            continue
        else:
            row = _SPLIT.split(line.strip())
            if len(row) <= tag_at or not _CELL.fullmatch(row[tag_at]):
                raise InputError(
                    f"{len(row)} columns in {line.strip()[:60]!r}"
                    if len(row) <= tag_at
                    else f"{row[tag_at]!r}",
                    file=source.name,
                    line=number,
                    expected=f"an entity bracket such as (ORG*, *, *) in column {tag_at}",
                    fix="mend the line",
                )
            document = document or _Document(source.name, number, meta)
            document.add(row[token_at], row[tag_at], number, at_start)
            at_start = False
    if document is not None:
        document.end_sentence()
        yield document.record(options)


class _Document:
    def __init__(self, file: str, line: int, meta: dict[str, str]) -> None:
        self.file, self.line, self.meta = file, line, meta
        self.tokens: list[str] = []
        self.sent_starts: list[int] = []
        self.spans: list[tuple[int, int, str]] = []
        self.open: list[tuple[int, str, int]] = []

    def add(self, token: str, cell: str, number: int, at_start: bool) -> None:
        if at_start:
            self.sent_starts.append(len(self.tokens))
        self.open += [(len(self.tokens), label, number) for label in _OPEN.findall(cell)]
        # OntoNotes writes brackets within the text as /. or -LRB-
        self.tokens.append({"-LRB-": "(", "-RRB-": ")", "/.": ".", "/?": "?"}.get(token, token))
        for _ in range(cell.count(")")):
            if not self.open:
                raise InputError(
                    f"the bracket {cell!r} closes no entity",
                    file=self.file,
                    line=number,
                    expected="an opening bracket such as (ORG* before it",
                    fix="mend the line",
                )
            start, label, _ = self.open.pop()
            self.spans.append((start, len(self.tokens), label))

    def end_sentence(self) -> None:
        if self.open:
            _, label, number = self.open[-1]
            raise InputError(
                f"the entity ({label}* is never closed",
                file=self.file,
                line=number,
                expected="*) before the sentence ends",
                fix="mend the line",
            )

    def record(self, options: ReadOptions) -> Record:
        unspaced = is_unspaced("".join(self.tokens))
        spaces = spaces_between(self.tokens) if unspaced else [True] * len(self.tokens)
        text, starts = join(self.tokens, spaces)
        spans = [
            SpanRecord(starts[a], starts[b - 1] + len(self.tokens[b - 1]), label)
            for a, b, label in self.spans
        ]
        spans.sort(key=lambda s: (s.start, -s.end))
        return Record(
            self.file,
            self.line,
            text=text,
            spans=spans,
            tokens=self.tokens,
            spaces=spaces,
            sent_starts=self.sent_starts,
            meta=dict(self.meta),
        )


_EXAMPLE = """#begin document (nw/wsj/00/wsj_0001); part 000
nw/wsj/00/wsj_0001   0   0    Marie   NNP   (TOP(S(NP*   -   -   -   -   (PER*   (ARG1*   -
nw/wsj/00/wsj_0001   0   1    Curie   NNP           *)   -   -   -   -      *)       *)   -
nw/wsj/00/wsj_0001   0   2      was   VBD         (VP*   -   -   -   -      *        *    -
nw/wsj/00/wsj_0001   0   3     born   VBN         (VP*   bear 01 1   -      *      (V*)   -
nw/wsj/00/wsj_0001   0   4       in    IN         (PP*   -   -   -   -      *   (ARGM*    -
nw/wsj/00/wsj_0001   0   5   Warsaw   NNP     (NP*))))   -   -   -   -   (LOC)       *)   -
nw/wsj/00/wsj_0001   0   6        .     .          *))   -   -   -   -      *        *    -

#end document
"""
CONLL2012 = Format(
    name="conll2012",
    description="CoNLL-2012 (OntoNotes), entities as brackets: (PERSON*, *, *), (GPE)",
    extensions=(".conll", ".gold_conll", ".v4_gold_conll"),
    sniff=sniff,
    read=read,
    example=_EXAMPLE,
)

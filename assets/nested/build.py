"""Build the JSON lines of this folder from the marked-up sentences in source/.

    python assets/nested/build.py             write train.jsonl, dev.jsonl, test.jsonl
    python assets/nested/build.py --check     only say whether they are up to date (exit 1 if not)
    python assets/nested/build.py --show      print every span with its label and depth, to be read
    python assets/nested/build.py --counts    print the tables of README.md

One line a sentence: text, genre, label (a list of [start, end, label], characters, ends exclusive, outer spans first).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
SPLITS = ("train", "dev", "test")
LABELS = ("PER", "ORG", "LOC", "MISC")


class Row(NamedTuple):
    """A sentence; `spans` are (start, end, label), outer before inner."""

    text: str
    genre: str
    spans: list[tuple[int, int, str]]


class MarkupError(ValueError):
    """A line that breaks the rules of README.md."""


def parse(line: str) -> tuple[str, list[tuple[int, int, str]]]:
    """Text and spans of a marked-up sentence. Raises MarkupError for a bracket or label that does not fit."""
    pieces: list[str] = []
    spans: list[tuple[int, int, str]] = []
    opened: list[tuple[int, str]] = []
    length = at = 0
    while at < len(line):
        character = line[at]
        if character == "[":
            label, space, _ = line[at + 1 :].partition(" ")
            if label not in LABELS or not space:
                raise MarkupError(f"{line[at : at + 12]!r}: expected one of {', '.join(LABELS)} and a space")
            opened.append((length, label))
            at += len(label) + 2
            continue
        if character == "]":
            if not opened:
                raise MarkupError(f"a closing bracket too many before {line[at + 1 : at + 12]!r}")
            start, label = opened.pop()
            spans.append((start, length, label))
        else:
            pieces.append(character)
            length += 1
        at += 1
    if opened:
        raise MarkupError(f"{len(opened)} brackets are not closed")
    return "".join(pieces), spans


def rows(split: str) -> Iterator[Row]:
    """The sentences of a split. Raises MarkupError with the line's number."""
    path = HERE / "source" / f"{split}.txt"
    genre, row = "", None
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            if line.startswith("## "):
                genre = line[3:]
            elif line.startswith("+ "):
                if row is None:
                    raise MarkupError("a line with + needs a sentence before it")
                row.spans.append(crossing(row.text, line))
            elif line:
                if row is not None:
                    yield finished(row)
                row = Row(*_sentence(line, genre))
        except MarkupError as error:
            raise MarkupError(f"{path.name}:{number}: {error}") from None
    if row is not None:
        yield finished(row)


def _sentence(line: str, genre: str) -> tuple[str, str, list[tuple[int, int, str]]]:
    text, spans = parse(line)
    if text != " ".join(text.split()):
        raise MarkupError("spaces at an edge, or two in a row")
    for start, end, _ in spans:
        if not text[start:end] or text[start:end] != text[start:end].strip():
            raise MarkupError(f"{text[start:end]!r}: expected no space at its edges")
    return text, genre, spans


def crossing(text: str, line: str) -> tuple[int, int, str]:
    """`+ LABEL words`: a span that crosses another one; its words stand once in the sentence."""
    label, _, words = line[2:].partition(" ")
    if label not in LABELS or text.count(words) != 1:
        raise MarkupError(f"{line!r}: expected + LABEL and words that stand once in the sentence")
    start = text.index(words)
    return start, start + len(words), label


def finished(row: Row) -> Row:
    spans = sorted(row.spans, key=lambda span: (span[0], -span[1], span[2]))
    if len(set(spans)) < len(spans):
        raise MarkupError(f"{row.text!r}: a span is marked twice")
    return row._replace(spans=spans)


def depths(spans: list[tuple[int, int, str]]) -> list[int]:
    """Of each span: 1 where it lies in no other, else one more than the deepest that it lies in."""
    found: list[int] = []
    for n, (start, end, _) in enumerate(spans):
        around = [found[k] for k in range(n) if spans[k][0] <= start and end <= spans[k][1]]
        found.append(1 + max(around, default=0))
    return found


def crossings(spans: list[tuple[int, int, str]]) -> int:
    """Pairs of spans that share characters and neither of which lies in the other."""
    return sum(a[0] < b[0] < a[1] < b[1] for a in spans for b in spans)


def content(split: str) -> str:
    lines = (
        {"text": row.text, "genre": row.genre, "label": [list(span) for span in row.spans]}
        for row in rows(split)
    )
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def counts() -> str:
    """Markdown tables: sentences and spans of each split by label, and by depth."""
    head = ["split", "sentences", "without entity", "words", "spans", *LABELS]
    head += ["depth 1", "depth 2", "depth 3 or more", "crossing pairs"]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for split in SPLITS:
        every = list(rows(split))
        labels = Counter(label for row in every for _, _, label in row.spans)
        deep = Counter(min(depth, 3) for row in every for depth in depths(row.spans))
        cells = [len(every), sum(not row.spans for row in every), sum(len(row.text.split()) for row in every)]
        cells += [labels.total(), *(labels[label] for label in LABELS), *(deep[n] for n in (1, 2, 3))]
        cells.append(sum(crossings(row.spans) for row in every))
        lines.append(f"| {split} | " + " | ".join(f"{cell:,}" for cell in cells) + " |")
    return "\n".join(lines)


def show() -> None:
    for split in SPLITS:
        for number, row in enumerate(rows(split), 1):
            print(f"{split} {number}: {row.text}")
            for (start, end, label), depth in zip(row.spans, depths(row.spans), strict=True):
                print(f"{'    ' * depth}{label} {row.text[start:end]}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    for name in ("check", "show", "counts"):
        parser.add_argument(f"--{name}", action="store_true")
    given = parser.parse_args()
    try:
        if given.show:
            show()
            return 0
        if given.counts:
            print(counts())
            return 0
        made = {HERE / f"{split}.jsonl": content(split) for split in SPLITS}
    except MarkupError as error:
        print(error, file=sys.stderr)
        return 1
    stale = [
        path for path, text in made.items() if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    for path in stale:
        if given.check:
            print(f"{path.name} is out of date; try: python assets/nested/build.py", file=sys.stderr)
        else:
            path.write_text(made[path], encoding="utf-8", newline="\n")
            print(f"{path.name}: {len(made[path].splitlines())} sentences")
    return int(given.check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())

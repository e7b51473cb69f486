"""Build the CSV files of this folder from the marked-up texts in corpus/.

    python assets/build.py            write train.csv, dev.csv, test.csv and the same in zh/
    python assets/build.py --check    only say whether they are up to date (exit 1 if not)

One row a document: id, genre, topic, text, entities (JSON list of [start, end, label], character offsets).
Documents stand in the order of the files' names and of their place in the file.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
try:
    import cloudner  # noqa: F401
except ImportError:  # a checkout without installation
    sys.path.insert(0, str(HERE.parent / "src"))

from cloudner.corpus.contract import SpanRecord
from cloudner.corpus.formats.text.markup import read_documents
from cloudner.errors import InputError

SPLITS = ("train", "dev", "test")
LABELS = ("PER", "ORG", "LOC", "MISC")
COLUMNS = ("id", "genre", "topic", "text", "entities")
# language -> what stands between two sentences, where the CSV files go
LANGUAGES = {"en": (" ", HERE), "zh": ("", HERE / "zh")}
# a mark that is written wrong and would pass as text, e.g. `[Paris] (LOC)` or `[Paris]LOC`
SLIP = re.compile(r"\]\s*\(?\s*(?:PER|ORG|LOC|MISC)\b|\((?:PER|ORG|LOC|MISC)\)")


class Row(NamedTuple):
    id: str
    genre: str
    topic: str
    split: str
    text: str
    entities: list[list[int | str]]
    sentences: list[tuple[str, list[SpanRecord]]]


def rows(language: str) -> Iterator[Row]:
    """The documents of a language; raises `InputError` for the first line that breaks a rule."""
    by, _ = LANGUAGES[language]
    for path in sorted((HERE / "corpus" / language).glob("*.md")):
        file = path.relative_to(HERE.parent).as_posix()
        lines = enumerate(path.read_text(encoding="utf-8").split("\n"), 1)
        for number, document in enumerate(read_documents(lines, file), 1):

            def refuse(found: str, expected: str, line: int = document.line, file: str = file) -> None:
                raise InputError(found, file=file, line=line, expected=expected)

            if document.topic is None or document.split not in SPLITS:
                refuse(f"topic {document.topic!r}, split {document.split!r}", "## TOPIC | train, dev or test")
            if not document.sentences:
                refuse("a header without sentences", "one sentence a line below it")
            for offset, (text, spans) in enumerate(document.sentences, 1):
                line = document.line + offset
                if text != text.strip():
                    refuse("a space at the edge of a sentence", "none", line)
                if slip := SLIP.search(text):
                    refuse(f"{slip[0]!r} left in the text", "[surface](LABEL)", line)
                for span in spans:
                    if span.label not in LABELS:
                        refuse(f"label {span.label!r}", ", ".join(LABELS), line)
                    if not span.surface or span.surface != span.surface.strip():
                        refuse(f"span {span.surface!r}", "no space at its edges", line)
            text, spans = document.joined(by)
            yield Row(
                f"{language}-{path.stem}-{number:03}",
                path.stem,
                str(document.topic),
                str(document.split),
                text,
                [[span.start, span.end, span.label] for span in spans],
                document.sentences,
            )


def tables() -> dict[Path, str]:
    """File -> its content, for every CSV file that the corpus makes."""
    made = {}
    for language, (_, folder) in LANGUAGES.items():
        every = list(rows(language))
        for split in SPLITS:
            stream = io.StringIO(newline="")
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(COLUMNS)
            for row in every:
                if row.split == split:
                    entities = json.dumps(row.entities, ensure_ascii=False)
                    writer.writerow((row.id, row.genre, row.topic, row.text, entities))
            if every:
                made[folder / f"{split}.csv"] = stream.getvalue()
    return made


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file is out of date")
    check = parser.parse_args().check
    try:
        made = tables()
    except InputError as error:
        print(error, file=sys.stderr)
        return 1
    stale = 0
    for path, content in made.items():
        if path.exists() and path.read_text(encoding="utf-8") == content:
            continue
        stale += 1
        if check:
            print(
                f"{path.relative_to(HERE.parent)} is out of date; try: python assets/build.py",
                file=sys.stderr,
            )
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8", newline="\n")
            print(f"{path.relative_to(HERE.parent)}: {len(content.splitlines()) - 1} documents")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())

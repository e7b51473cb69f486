"""BSNLP's shared tasks on Slavic names: a file of the forms of a document's names, its text in another without any offset."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source
from cloudner.corpus.files.names import base_name, unpacked
from cloudner.corpus.formats.beside import mention_lines, text_beside
from cloudner.corpus.formats.surfaces import locate
from cloudner.errors import InputError

_NAME = re.compile(
    r"(?P<form>[^\t]+)\t(?P<lemma>[^\t]*)\t(?P<label>PER|LOC|ORG|PRO|EVT|MISC)(?:\t(?P<id>[^\t]*))?\s*"
)
_FOLDERS = re.compile(r"(?:^|[/\\!])annotated[/\\](?P<rest>.*)$")
_HEAD = 4  # lines of the text's file: document, language, date, address
_LANGUAGE = re.compile(r"[a-z]{2}")
_EXPECTED = "form, lemma, category and id, parted by tabs"


def _sniff(sample: Sample) -> Match | None:
    lines = [line for line in sample.lines if line.strip()]
    if len(lines) < 2 or "\t" in lines[0] or not all(map(_NAME.fullmatch, lines[1:])):
        return None
    return Match(0.95, "a document's id, then form, lemma and category of a name a line (BSNLP)")


def _text(source: Source) -> Source:
    """The text: NAME.txt beside it, or in the folder `raw` where this file is in `annotated`."""
    name = re.sub(r"\.out$", ".txt", unpacked(base_name(source.name)))
    match = _FOLDERS.search(source.name)
    paths = [name, f"raw/{name}"]
    if match is not None:
        paths.insert(0, "raw/" + re.sub(r"\.out$", ".txt", unpacked(match["rest"].replace("\\", "/"))))
    for path in paths:
        found = source.neighbour(path) if path != base_name(source.name) else None
        if found is not None:
            return found
    return text_beside(source, paths[0], "the text whose names these are, there or in the folder raw")


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """One record: every place of each form in the text, as whole words and not within a longer one."""
    rows = iter(source.lines())
    identity = next((name for _, line in rows if (name := line.strip().lstrip("\ufeff"))), "")
    names = [
        (match["form"].strip(), options.labels.get(match["label"], match["label"]))
        for _, match in mention_lines(source, _NAME, _EXPECTED, rows)
    ]
    texts = _text(source)
    lines = texts.text().lstrip("\ufeff").splitlines()
    if len(lines) < _HEAD or not _LANGUAGE.fullmatch(lines[1].strip()):
        raise InputError(
            f"{' '.join(lines[:2])[:60]!r}",
            file=texts.name,
            line=1,
            expected="the document's id, its language, date and address, a line each, and its text",
        )
    record = Record(texts.name, _HEAD + 1, "\n".join(lines[_HEAD:]).strip(), meta={"id": identity})
    locate(record, record.text or "", list(dict.fromkeys(names)))
    yield record


_EXAMPLE = {
    "curie.out": "curie-1\nMarie Curie\tMarie Curie\tPER\tPER-Marie-Curie\nWarsaw\tWarsaw\tLOC\tGPE-Warsaw\n",
    "curie.txt": "curie-1\nen\n2020-01-01\nhttps://example.org\nMarie Curie was born in Warsaw.\n",
}
BSNLP = Format(
    "bsnlp",
    "BSNLP: the forms of a document's names in annotated/NAME.out, its text in raw/NAME.txt",
    (".out",),
    _sniff,
    _read,
    example=_EXAMPLE,
)

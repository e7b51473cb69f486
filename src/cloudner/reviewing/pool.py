"""Which texts of a pool to annotate next: those that the pipeline is unsure of, and that are unlike each other."""

from __future__ import annotations

import csv
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from spacy.language import Language
from spacy.tokens import Doc

from cloudner.atomic import make_folder, write_text
from cloudner.corpus.docbin.load import docbin_docs, is_docbin
from cloudner.corpus.files.file import FileSource
from cloudner.corpus.files.sources import as_paths, open_sources
from cloudner.corpus.formats.json.objects import objects, text_of
from cloudner.corpus.formats.keys import TEXT
from cloudner.corpus.formats.spans import Where
from cloudner.corpus.reading import read_safely
from cloudner.corpus.soundness import whole
from cloudner.errors import ConfigError, InputError, path_of
from cloudner.folds.spans import LikelySpan, likely_spans
from cloudner.loading import loaded
from cloudner.reviewing.rows import lines

# A span of a probability between these is uncertain; it is believed above.
_LOW, _HIGH = 0.05, 0.95
# So many texts for each one that is wanted, the most uncertain, are compared with each other.
_SHORTLIST = 20
_WIDTH = 1024
_BATCH = 512


class PoolText(NamedTuple):
    """A text that is worth annotating. uncertainty: 0 to 1. entities: start, end (characters), label and probability of
    what the pipeline finds in it."""

    text: str
    uncertainty: float
    entities: list[tuple[int, int, str, float]]

    def to_dict(self) -> dict[str, Any]:
        keys = ("start", "end", "label", "probability")
        found = [dict(zip(keys, (*e[:3], round(e[3], 4)), strict=True)) for e in self.entities]
        return {"text": self.text, "uncertainty": round(self.uncertainty, 4), "entities": found}


def choose_texts(
    pool: str | Path | Sequence[str | Path],
    count: int = 100,
    *,
    model: str | Path | Language | None = None,
    output: str | Path | None = None,
    device: str = "auto",
) -> list[PoolText]:
    """The `count` texts of a pool to annotate next, the first first.

    A text's uncertainty is the mean binary entropy (in bits) of its spans of probability 0.05 to 0.95, found by the
    pipeline or not. Texts are taken one by one, each time the one with the largest product of its uncertainty and its
    cosine distance to the nearest text that is taken already, on hashed words and pairs of words weighted by inverse
    document frequency (farthest-first, Gonzalez 1985). Texts that are empty, or the same as one before, are left out.

    pool: files of texts, a text a line, or JSON lines, CSV and TSV with a column such as "text", or `.spacy`; patterns, folders and
    URLs too. model: a pipeline, or what `cloudner.load` takes. output: JSON lines of the texts in their order. device: as in
    `cloudner.load`.

    Raises InputError for files that cannot be read or hold no text, and what `cloudner.load` raises.
    """
    if count < 1:
        raise ConfigError(f"count = {count}", expected="1 or more", fix="--count 100")
    if output is not None:  # before the work is done
        make_folder(path_of(output).parent)
    nlp = loaded(model, device)
    paths = as_paths(pool)
    texts = list(dict.fromkeys(text for text in read_pool(paths, nlp) if text.strip()))
    if not texts:
        raise InputError("no text", file=" ".join(paths), expected="a text a line, or a column `text`")
    judged, tokens = _judge(nlp, texts)
    uncertainty = np.array([each.uncertainty for each in judged])
    short = np.argsort(-uncertainty, kind="stable")[: max(1000, _SHORTLIST * count)]
    vectors = word_vectors([tokens[i] for i in short])
    chosen = [judged[short[i]] for i in spread(vectors, uncertainty[short], count)]
    if output is not None:
        write_text(output, lines([each.to_dict() for each in chosen]))
    return chosen


def read_pool(paths: Sequence[str], nlp: Language) -> Iterator[str]:
    """The texts, in the order of the files."""
    for source in open_sources(list(paths)):
        yield from read_safely(_of_file(source, nlp), source)


def _of_file(source: FileSource, nlp: Language) -> Iterator[str]:
    name = source.base_name
    if is_docbin(source):
        yield from (doc.text for doc in docbin_docs(source, nlp.vocab))
    elif name.endswith((".jsonl", ".ndjson", ".json")):
        for line, item in objects(source):
            yield whole(text_of(item, None, Where(source.name, line, "row")), source.name, line)
    elif name.endswith((".csv", ".tsv")):
        yield from _column(source, "\t" if name.endswith(".tsv") else ",")
    else:
        yield from (text.strip() for _, text in source.lines())


def _column(source: FileSource, delimiter: str) -> Iterator[str]:
    csv.field_size_limit(1 << 30)
    with source.open_text() as stream:
        rows = csv.DictReader(stream, delimiter=delimiter)
        names = rows.fieldnames or []
        key = next((name for name in TEXT if name in names), None)
        if key is None:
            raise InputError(
                f"the columns {', '.join(names[:12])}", file=source.name, line=1,
                expected="a column of texts: " + ", ".join(TEXT[:4]),
            )  # fmt: skip
        for row in rows:
            yield row[key] or ""


def _judge(nlp: Language, texts: Sequence[str]) -> tuple[list[PoolText], list[list[str]]]:
    """Each text with its uncertainty, and its words in small letters."""
    judged, tokens = [], []
    for at in range(0, len(texts), _BATCH):
        docs = [nlp.make_doc(text) for text in texts[at : at + _BATCH]]
        for doc, spans in zip(docs, likely_spans(nlp, docs), strict=True):
            believed = [_entity(doc, span) for span in spans if span.probability > 0.5]
            judged.append(PoolText(doc.text, uncertainty_of(spans), believed))
            tokens.append([token.lower_ for token in doc if not token.is_space])
    return judged, tokens


def _entity(doc: Doc, span: LikelySpan) -> tuple[int, int, str, float]:
    last = doc[span.end - 1]
    return doc[span.start].idx, last.idx + len(last), span.label, span.probability


def uncertainty_of(spans: Sequence[LikelySpan]) -> float:
    """The mean entropy, 0 to 1, of "is it an entity?" over the spans of which that is uncertain; 0 without any."""
    p = np.array([span.probability for span in spans if _LOW <= span.probability <= _HIGH])
    if not len(p):
        return 0.0
    return float(np.mean(-p * np.log2(p) - (1 - p) * np.log2(1 - p)))


def word_vectors(tokens: Sequence[Sequence[str]]) -> NDArray[np.float32]:
    """(texts, 1024) float32, rows of length 1: words and pairs of words, hashed, with random signs, weighted by inverse document
    frequency (the hashing trick, Weinberger et al. 2009)."""
    terms = [Counter([*words, *(" ".join(pair) for pair in pairwise(words))]) for words in tokens]
    seen = Counter(term for counts in terms for term in counts)
    vectors = np.zeros((len(terms), _WIDTH), dtype=np.float32)
    for row, counts in zip(vectors, terms, strict=True):
        for term, count in counts.items():
            key = zlib.crc32(term.encode("utf-8", "surrogatepass"))
            row[key % _WIDTH] += (
                (1 if key >> 31 else -1) * (1 + np.log(count)) * np.log((1 + len(terms)) / seen[term])
            )
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.maximum(norms, 1e-9)


def spread(vectors: NDArray[np.float32], weights: NDArray[np.float64], count: int) -> list[int]:
    """Rows one by one, each of the largest weight times cosine distance (0 to 1) to the nearest row before it."""
    distance = np.ones(len(vectors))
    left = np.ones(len(vectors), dtype=bool)
    chosen: list[int] = []
    for _ in range(min(count, len(vectors))):
        value = np.where(left, weights * distance, -1.0)
        best = int(value.argmax())
        if value[best] <= 0:  # nothing is uncertain any more: the farthest
            best = int(np.where(left, distance, -1.0).argmax())
        chosen.append(best)
        left[best] = False
        distance = np.minimum(distance, np.clip(1 - vectors @ vectors[best], 0.0, 1.0))
    return chosen

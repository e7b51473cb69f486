"""Predictions kept in a file: JSON lines, one a document, to be scored or reviewed without the pipelines that made them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spacy.tokens import Doc, SpanGroup
from spacy.training import Example

from cloudner.atomic import write_text
from cloudner.corpus.convert.decisions import DocumentNames
from cloudner.errors import InputError

if TYPE_CHECKING:
    from spacy.language import Language

CharSpan = tuple[int, int, str, float | None]  # characters, end exclusive, label, probability
_EXAMPLE = '{"id": "a", "text": "Ada slept", "entities": [[0, 3, "PER"]], "confidence": [0.9]}'


@dataclass(frozen=True)
class PredictedDocument:
    """name: as `DocumentNames` gives it. entities: as predicted, with their confidence where the file has it. likely: every span
    that was found possible, with its probability; None where the file does not say. fold: by which pipeline."""

    name: str
    text: str
    entities: list[CharSpan]
    likely: list[CharSpan] | None = None
    fold: int | None = None


class PredictionFile:
    """A file of predictions. lang: the language whose tokenizer splits gold texts that are not split yet. spans_key: the group
    of spans that is predicted; None: `doc.ents`."""

    def __init__(self, path: str | Path) -> None:
        """Raises InputError for a file that is none."""
        self.path = Path(path)
        self.lang = "en"
        self.spans_key: str | None = None
        self._of: dict[str, PredictedDocument] = {}
        self._by_text: dict[str, PredictedDocument] = {}
        self._names, texts = DocumentNames(), DocumentNames()
        for number, line in enumerate(_lines(self.path), start=1):
            if line.strip():
                made = self._row(line, number)
                if made.name in self._of:
                    raise InputError(
                        f"a second prediction of document {made.name}", file=str(path), line=number,
                        expected="one for each document",
                    )  # fmt: skip
                self._of[made.name] = self._by_text[texts.name(None, made.text)] = made
        if not self._of:
            raise InputError("no predictions", file=str(path), expected=f"lines such as {_EXAMPLE}")

    def nlp(self) -> Language:
        import spacy

        try:
            return spacy.blank(self.lang)
        except ImportError as error:
            raise InputError(
                f"lang = {self.lang!r}", file=str(self.path), expected="a language of spaCy"
            ) from error

    def of(self, docs: Iterable[Doc]) -> Iterator[tuple[Doc, PredictedDocument]]:
        """Documents, in the order of their corpus, each with what is predicted of it: by its name, else by its text, of equal
        texts the first with the first. Raises InputError where the file does not have one, or has another text for it."""
        naming, by_text = DocumentNames(), DocumentNames()
        for doc in docs:
            meta, text = doc.user_data.get("meta"), doc.text
            name = naming.name(meta.get("id") if isinstance(meta, dict) else None, text)
            without_id = by_text.name(None, text)
            found = self._of.get(name) or self._by_text.get(without_id)
            if found is None or found.text.rstrip() != text.rstrip():
                what = "no prediction of" if found is None else "another text of"
                raise InputError(
                    f"{what} document {name}", file=str(self.path), expected="predictions of all documents of the data"
                )  # fmt: skip
            yield doc, found

    def examples(self, docs: Iterable[Doc], key: str | None = None) -> Iterator[Example]:
        """Gold documents, in the order of their corpus, beside what is predicted of them, in `doc.spans[key]` where a key is
        given."""
        for doc, found in self.of(docs):
            yield Example(with_entities(doc, found.entities, key), doc)

    def _row(self, line: str, number: int) -> PredictedDocument:
        try:
            row = json.loads(line)
            text = row["text"]
            if not isinstance(text, str):
                raise TypeError
            self.lang = str(row.get("lang") or self.lang)
            self._same_group(row.get("spans_key"), number)
            known = row.get("confidence") or [None] * len(row["entities"])
            found = zip(map(_listed, row["entities"]), known, strict=True)
            entities = [_span((*span[:3], span[3] if p is None else p), text) for span, p in found]
            likely = row.get("likely")
            name = self._names.name(row.get("id"), text)
            fold = row.get("fold")
            return PredictedDocument(
                name, text, entities, None if likely is None else [_span(span, text) for span in likely],
                None if fold is None else int(fold),
            )  # fmt: skip
        except InputError:
            raise
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise InputError(
                "no predictions in a line", file=str(self.path), line=number, expected=f"a line such as {_EXAMPLE}"
            ) from error  # fmt: skip

    def _same_group(self, key: Any, number: int) -> None:
        """All lines are about one group, or about `doc.ents`."""
        if key is not None and not isinstance(key, str):
            raise TypeError
        if number > 1 and self._of and key != self.spans_key:
            raise InputError(
                f"spans_key {key!r}", file=str(self.path), line=number,
                expected=f"{self.spans_key!r}, as in the lines before",
            )  # fmt: skip
        self.spans_key = key


def write_predictions(
    path: Path, rows: Sequence[PredictedDocument], lang: str, spans_key: str | None = None
) -> None:
    """The file, a line for each document. Raises InputError where it cannot be written."""
    made = (json.dumps(_as_json(row, lang, spans_key), ensure_ascii=False) + "\n" for row in rows)
    write_text(path, "".join(made))


def with_entities(gold: Doc, entities: Iterable[CharSpan], key: str | None = None) -> Doc:
    """The gold document's text with these entities, and no other annotation. Its tokens are cut further where an entity begins
    or ends inside one. Entities that overlap an earlier one are left out, as `doc.ents` has no place for them; with a key all
    of them are in `doc.spans[key]`, their confidences in its "scores" (NaN where there is none)."""
    import cloudner.component  # noqa: F401  registers ent._.confidence

    entities = sorted(entities, key=lambda span: span[:2])
    cuts = sorted({place for span in entities for place in span[:2]})
    words: list[str] = []
    spaces: list[bool] = []
    for token in gold:
        end = token.idx + len(token)
        bounds = [token.idx, *(cut for cut in cuts if token.idx < cut < end), end]
        pieces = [gold.text[a:b] for a, b in pairwise(bounds)]
        words += pieces
        spaces += [False] * (len(pieces) - 1) + [bool(token.whitespace_)]
    doc = Doc(gold.vocab, words=words, spaces=spaces)
    found: list[Any] = []
    if key is not None:
        placed = (
            (doc.char_span(start, stop, label=label, alignment_mode="contract"), p)
            for start, stop, label, p in entities
        )
        known = [(span, math.nan if p is None else p) for span, p in placed if span is not None]
        scores = {"scores": [p for _, p in known]}
        doc.spans[key] = SpanGroup(doc, name=key, spans=[span for span, _ in known], attrs=scores)
        return doc
    for start, stop, label, confidence in entities:
        span = doc.char_span(start, stop, label=label, alignment_mode="contract")
        if span is not None and (not found or found[-1].end <= span.start):
            span._.confidence = confidence
            found.append(span)
    doc.ents = found
    return doc


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf8").split("\n")  # texts may hold other line ends, such as U+2028
    except UnicodeDecodeError as error:
        corpus = path.suffix == ".spacy"
        raise InputError(
            "a corpus, which is no pipeline and no file of predictions"
            if corpus
            else "no text, so no file of predictions",
            file=str(path),
            expected=f"the folder of a pipeline, or predictions: lines such as {_EXAMPLE}",
            fix="cloudner evaluate PIPELINE GOLD",
        ) from error
    except OSError as error:
        raise InputError(
            f"no predictions: {error}", file=str(path), expected="JSON lines, or the folder of a pipeline"
        ) from error


def _listed(span: Any) -> Sequence[Any]:
    """Start, end, label and confidence of an entity as `predictions.jsonl` has it, or as an object such as `annotate` writes."""
    if isinstance(span, dict):
        return [span["start"], span["end"], span["label"], span.get("confidence")]
    return [*span[:3], None]


def _span(span: Sequence[Any], text: str) -> CharSpan:
    start, end, label, p = span
    if not (
        type(start) is int and type(end) is int and isinstance(label, str) and 0 <= start < end <= len(text)
    ):
        raise ValueError
    if p is not None and not 0 <= float(p) <= 1:
        raise ValueError
    return start, end, label, None if p is None else float(p)


def _as_json(row: PredictedDocument, lang: str, spans_key: str | None) -> dict[str, Any]:
    made: dict[str, Any] = {"id": row.name, "text": row.text, "lang": lang}
    if spans_key is not None:
        made["spans_key"] = spans_key
    if row.fold is not None:
        made["fold"] = row.fold
    made["entities"] = [span[:3] for span in row.entities]
    made["confidence"] = [span[3] for span in row.entities]
    if row.likely is not None:
        made["likely"] = row.likely
    return made

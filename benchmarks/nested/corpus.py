"""The corpus as Docs, and predictions scored against it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.data import SPLITS

KEY = "sc"


def read(folder: Path) -> dict[str, list[Any]]:
    """Docs of train, dev and test: all spans in `doc.spans["sc"]`, the longest that do not overlap in `doc.ents`.

    Raises ValueError for a span that does not begin and end with tokens.
    """
    import spacy
    from spacy.util import filter_spans

    nlp = spacy.blank("en")
    found: dict[str, list[Any]] = {}
    for split in SPLITS:
        found[split] = []
        for line in (folder / f"{split}.jsonl").read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            doc = nlp.make_doc(row["text"])
            spans = [doc.char_span(start, end, label=label) for start, end, label in row["label"]]
            if None in spans:
                raise ValueError(f"{split}: a span off the tokens in {row['text']!r}")
            doc.spans[KEY] = spans
            doc.ents = filter_spans(spans)
            found[split].append(doc)
    return found


def digest(folder: Path) -> str:
    """Eight digits that change with the corpus."""
    text = b"".join((folder / f"{split}.jsonl").read_bytes() for split in SPLITS)
    return hashlib.sha256(text).hexdigest()[:8]


def write(folder: Path, docs: dict[str, list[Any]]) -> None:
    from spacy.tokens import DocBin

    for split in ("train", "dev"):
        DocBin(docs=docs[split]).to_disk(folder / f"{split}.spacy")


def bare(nlp: Any, docs: Iterable[Any]) -> list[Any]:
    """The same tokens without annotations."""
    from spacy.tokens import Doc

    return [
        Doc(nlp.vocab, words=[t.text for t in doc], spaces=[bool(t.whitespace_) for t in doc]) for doc in docs
    ]


def longest_span(docs: Iterable[Any]) -> int:
    """Tokens of the longest gold span."""
    return max(len(span) for doc in docs for span in doc.spans[KEY])


def best_threshold(nlp: Any, name: str, docs: Sequence[Any]) -> float:
    """The threshold of the component `name` with the highest F1 on `docs`, of 0.05, 0.1, ..., 0.95; the middle one of
    several that are as good."""
    pipe = nlp.get_pipe(name)
    pipe.cfg["threshold"] = 0.05
    found = list(nlp.pipe(bare(nlp, docs)))
    tried = []
    for step in range(1, 20):
        least = step / 20

        def above(doc: Any, least: float = least) -> list[Any]:
            group = doc.spans.get(KEY, ())
            scores = group.attrs.get("scores", ()) if len(group) else ()
            return [span for span, score in zip(group, scores, strict=True) if float(score) >= least]

        tried.append((scores(docs, found, above)["f1"], least))
    best = max(tried)[0]
    good = [least for f1, least in tried if f1 == best]
    return good[len(good) // 2]


def spans_of(doc: Any) -> list[Any]:
    """What a pipeline found: its group of spans, of a tagger its entities."""
    return list(doc.spans[KEY]) if KEY in doc.spans else list(doc.ents)


def scores(
    gold: Sequence[Any], found: Sequence[Any], spans: Callable[[Any], list[Any]] = spans_of
) -> dict[str, Any]:
    """f1, precision and recall over all spans (bounds and label right), and f1 and recall by depth and by label."""
    from cloudner.report.evaluation.scores import scores_by_depth, strict_scores
    from cloudner.report.evaluation.spans import Entity, ScoredDocument

    def entities(listed: Iterable[Any]) -> list[Entity]:
        return sorted({Entity(s.start, s.end, s.label_, s.start_char, s.end_char) for s in listed})

    documents = []
    for right, doc in zip(gold, found, strict=True):
        there, predicted = entities(right.spans[KEY]), entities(spans(doc))
        correct = [entity in there for entity in predicted]
        documents.append(
            ScoredDocument(right.text, there, predicted, [None] * len(correct), correct, len(right))
        )
    strict = strict_scores(documents)
    made: dict[str, Any] = {n: round(getattr(strict.micro, n), 5) for n in ("f1", "precision", "recall")}
    made["by_depth"] = {n: _short(score) for n, score in scores_by_depth(documents).items()}
    made["by_label"] = {n: _short(score) for n, score in strict.per_label.items()}
    return made


def _short(score: Any) -> dict[str, float]:
    return {
        "f1": round(score.f1, 5),
        "precision": round(score.precision, 5),
        "recall": round(score.recall, 5),
        "gold": score.gold,
    }

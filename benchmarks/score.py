"""One F1 for all sides: gold tokens, exact boundaries and label, counted by seqeval."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

Span = tuple[int, int, str]  # first token, end token (exclusive), label


def spans_of(tags: Sequence[str]) -> list[Span]:
    """Entities of BIO tags; an I- without its B- begins one, as in conlleval."""
    from seqeval.metrics.sequence_labeling import get_entities

    return [(first, last + 1, label) for label, first, last in get_entities(list(tags))]


def tags_of(spans: Iterable[Span], length: int) -> list[str]:
    """BIO tags of spans that do not overlap. Raises ValueError where they do or leave the sentence."""
    tags = ["O"] * length
    for first, end, label in spans:
        if not 0 <= first < end <= length or any(tag != "O" for tag in tags[first:end]):
            raise ValueError(f"span {(first, end, label)} overlaps another or leaves {length} tokens")
        tags[first:end] = [f"B-{label}"] + [f"I-{label}"] * (end - first - 1)
    return tags


def tags_of_doc(doc: Any) -> list[str]:
    return tags_of(((ent.start, ent.end, ent.label_) for ent in doc.ents), len(doc))


def tags_of_characters(found: Iterable[tuple[int, int, str]], words: Sequence[str]) -> list[str]:
    """Tags of character spans in `" ".join(words)`: a word belongs to a span that covers any of its characters.
    A word that two spans claim goes to the first."""
    starts, at = [], 0
    for word in words:
        starts.append(at)
        at += len(word) + 1
    tags = ["O"] * len(words)
    for begin, end, label in sorted(found):
        inside = [
            i
            for i, (start, word) in enumerate(zip(starts, words, strict=True))
            if start < end and start + len(word) > begin and tags[i] == "O"
        ]
        for n, i in enumerate(inside):
            tags[i] = f"{'I' if n and inside[n - 1] == i - 1 else 'B'}-{label}"
    return tags


def scores(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> dict[str, float]:
    """f1, precision, recall: strict (BIO sequences must be valid); f1_lenient: as the usual recipe prints it, where
    an I- without B- begins an entity. Raises ValueError when lengths differ."""
    import warnings

    from seqeval.metrics import f1_score, precision_score, recall_score
    from seqeval.scheme import IOB2

    if len(gold) != len(predicted):
        raise ValueError(f"{len(predicted)} sentences predicted, {len(gold)} expected")
    for n, (a, b) in enumerate(zip(gold, predicted, strict=True)):
        if len(a) != len(b):
            raise ValueError(f"sentence {n}: {len(b)} tags predicted, {len(a)} expected")
    # gold is written as valid BIO first, so that both counts see the same entities
    y = [tags_of(spans_of(tags), len(tags)) for tags in gold]
    p = [list(tags) for tags in predicted]
    strict = {"mode": "strict", "scheme": IOB2, "zero_division": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {
            "f1": round(float(f1_score(y, p, **strict)), 5),
            "precision": round(float(precision_score(y, p, **strict)), 5),
            "recall": round(float(recall_score(y, p, **strict)), 5),
            "f1_lenient": round(float(f1_score(y, p, zero_division=0)), 5),
        }

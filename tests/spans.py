"""A tiny corpus whose entities nest and cross, and pipelines with `cloudner_spans` that learn it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import spacy
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example

import tiny

# Tokens first to last (exclusive) and a label: nested to a depth of three, of one label within itself, one span with two
# labels, crossing, and none.
NESTED: list[tuple[str, list[tuple[int, int, str]]]] = [
    ("the University of Warsaw Library opened", [(1, 5, "ORG"), (1, 4, "ORG"), (3, 4, "LOC")]),
    ("Marie Curie met Apple in Paris", [(0, 2, "PER"), (3, 4, "ORG"), (5, 6, "LOC")]),
    ("north and south Korea agreed", [(0, 4, "LOC"), (2, 4, "LOC")]),
    ("he lives in Bordeaux city centre", [(3, 5, "LOC"), (4, 6, "LOC")]),
    ("Oxford wrote to Lyon", [(0, 1, "ORG"), (0, 1, "LOC"), (3, 4, "LOC")]),
    ("nothing of note is here", []),
]
LABELS = ("LOC", "ORG", "PER")


def settings(encoder: Any, **model: Any) -> dict[str, Any]:
    made = tiny.settings(encoder, **model)
    made["model"]["@architectures"] = "cloudner.SpansNER.v1"
    return made


def gold(nlp: Language, data: Sequence[Any] = NESTED, key: str | None = "sc") -> list[Example]:
    examples = []
    for text, spans in data:
        reference = nlp.make_doc(text)
        made = [Span(reference, start, end, label=label) for start, end, label in spans]
        if key is None:
            reference.set_ents(made)
        else:
            reference.spans[key] = made
        examples.append(Example(nlp.make_doc(text), reference))
    return examples


def make_nlp(encoder: Any, data: Sequence[Any] = NESTED, *, component: Any = None, **model: Any) -> Language:
    nlp = spacy.blank("xx")
    nlp.add_pipe("cloudner_spans", config={**settings(encoder, **model), **(component or {})})
    tiny.start(nlp, gold(nlp, data))
    return nlp


def overfit(nlp: Language, *, steps: int = 40, data: Sequence[Any] = NESTED) -> Language:
    examples = gold(nlp, data)
    optimizer = tiny.adamw(1e-2)
    for _ in range(steps):
        nlp.update(examples, sgd=optimizer)
    return nlp


def found(doc: Doc, key: str = "sc") -> list[tuple[int, int, str]]:
    return sorted((span.start, span.end, span.label_) for span in doc.spans[key])

"""Texts to entities, as plain values, by a pipeline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from spacy.language import Language

from cloudner.inference.entities import entities_of
from cloudner.loading import cloudner_pipes, own_groups
from cloudner.serving.work import Entities


class AbandonedError(Exception):
    """Nobody waits for this text any more."""


def recognize(nlp: Language, texts: Sequence[str]) -> list[Entities]:
    """The entities of each text: "start", "end" (exclusive, in characters), "label", "text", "confidence" (None from
    components that give none). Raises what the pipeline raises."""
    groups = own_groups(nlp)
    return [_rounded(entities_of(doc, groups)) for doc in nlp.pipe(texts, batch_size=max(1, len(texts)))]


def _rounded(found: Entities) -> Entities:
    """With confidences of six decimals, which is what an answer needs."""
    return [
        {**e, "confidence": None if e["confidence"] is None else round(e["confidence"], 6)} for e in found
    ]


def runners(nlp: Language) -> list[Any]:
    """What computes the encoders of the pipeline's components that own one."""
    found = (pipe.model.shims[0].runner for pipe in cloudner_pipes(nlp))
    return [runner for runner in found if hasattr(runner, "between")]


def call_between(nlp: Language, function: Callable[[], None] | None) -> None:
    """From now on `function` is called between two parts of a long text; None: nothing is."""
    for runner in runners(nlp):
        runner.between = function


def limit_pieces(nlp: Language, pieces: int, characters: int) -> None:
    """Parts of at most so many pieces, and texts of as many characters as the service takes."""
    nlp.max_length = max(nlp.max_length, characters + 1)
    for runner in runners(nlp):
        budget = runner.settings.predict_pieces
        if runner.shim.device.type == "cpu" or budget:
            runner.settings.predict_pieces = min(budget or 2048, pieces)

"""Likely spans from a file of predictions, in place of trainings."""

from __future__ import annotations

from pathlib import Path

from cloudner.errors import InputError
from cloudner.folds.documents import Corpus
from cloudner.folds.spans import LikelySpan, on_tokens
from cloudner.report.evaluation.predictions import PredictionFile


def likely_from(path: str | Path, corpus: Corpus) -> list[list[LikelySpan]]:
    """The likely spans of each document; where the file has none, its entities with their confidence. Raises InputError for a
    file that lacks a document, or says no probabilities."""
    file = PredictionFile(path)
    if file.spans_key != corpus.group:
        about, here = (
            "doc.ents" if key is None else f"doc.spans[{key!r}]" for key in (file.spans_key, corpus.group)
        )
        raise InputError(
            f"predictions of {about}", file=str(path), expected=f"those of {here}, which the config learns",
            fix="the config that they were made with",
        )  # fmt: skip
    result = []
    for name, (doc, found) in zip(corpus.names, file.of(corpus.docs), strict=True):
        spans = found.entities if found.likely is None else found.likely
        if any(span[3] is None for span in spans):
            raise InputError(
                f"no probabilities of document {name}", file=str(path),
                expected='"likely" or "confidence" in each line, as `cloudner cross-validate` writes them',
            )  # fmt: skip
        result.append(on_tokens(doc, spans))
    return result

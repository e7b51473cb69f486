"""An encoder with a linear tagger as transformers' pipeline, for the other ways to serve it (`benchmarks.serve_peers`)."""

from __future__ import annotations

from typing import Any

LABELS = 9  # as BIO of four types; the head is random, which costs what a trained one does


def tagger(encoder: str) -> Any:
    """transformers' pipeline with a fresh head."""
    from transformers import AutoConfig, AutoModelForTokenClassification, AutoTokenizer, pipeline

    config = AutoConfig.from_pretrained(encoder, num_labels=LABELS)
    model = AutoModelForTokenClassification.from_pretrained(encoder, config=config)
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    return pipeline("token-classification", model, tokenizer=tokenizer, aggregation_strategy="simple")


def plain(found: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "entities": [
            {"start": int(e["start"]), "end": int(e["end"]), "confidence": float(e["score"])} for e in found
        ]
    }

"""Two other ways to serve an encoder with a linear tagger, for `benchmarks.serve`: transformers' pipeline behind
FastAPI, a text at a time in a thread, and LitServe, in batches. Both answer POST /v1/entities {"text": ...}.

    python -m benchmarks.serve_peers pipeline ENCODER PORT
    python -m benchmarks.serve_peers litserve ENCODER PORT
"""

from __future__ import annotations

import sys
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


def serve_pipeline(encoder: str, port: int) -> None:
    import uvicorn
    from fastapi import FastAPI

    app, tag = FastAPI(), tagger(encoder)

    @app.post("/v1/entities")
    def entities(body: dict[str, str]) -> dict[str, Any]:
        return plain(tag(body["text"]))

    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)


def serve_litserve(encoder: str, port: int) -> None:
    from benchmarks.serve_litserve import serve

    serve(encoder, port)


if __name__ == "__main__":
    {"pipeline": serve_pipeline, "litserve": serve_litserve}[sys.argv[1]](sys.argv[2], int(sys.argv[3]))

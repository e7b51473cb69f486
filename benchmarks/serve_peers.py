"""Two other ways to serve an encoder with a linear tagger, for `benchmarks.serve`: transformers' pipeline behind
FastAPI, a text at a time in a thread, and LitServe, in batches. Both answer POST /v1/entities {"text": ...}.

    python -m benchmarks.serve_peers pipeline ENCODER PORT
    python -m benchmarks.serve_peers litserve ENCODER PORT
"""

from __future__ import annotations

import sys
from typing import Any

from benchmarks.serve_tagger import plain, tagger


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

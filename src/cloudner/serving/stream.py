"""`POST /v1/stream`: a line of JSON in, a line of JSON out, in order, both at once.

An ASGI application of its own: inside starlette's StreamingResponse the request's body cannot be read.
"""

from __future__ import annotations

from urllib.parse import parse_qs

from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from cloudner.serving.errors import RefusedError
from cloudner.serving.exchange import Exchange, StreamLine
from cloudner.serving.protocol import ABORT
from cloudner.serving.service import Service
from cloudner.serving.settings import STREAMS


class Stream:
    """The route. `STREAMS` clients at once, each with a window of lines in the queue and a bounded buffer of answers."""

    def __init__(self, service: Service) -> None:
        self.service, self._open = service, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._open >= STREAMS:
            raise RefusedError(
                429, "too_many_streams", f"{STREAMS} streams are open", retry_after=5, close=True
            )
        asked = parse_qs(scope["query_string"].decode("latin-1"))
        unknown = set(asked) - {"model", "threshold"}
        if unknown:
            raise RefusedError(422, "invalid", "a stream has the parameters model and threshold", close=True)
        threshold = _probability(asked.get("threshold", [None])[0])
        model = asked.get("model", [None])[0]
        self.service.model(model)
        self._open += 1
        try:
            abort = scope.get("state", {}).get(ABORT, lambda: None)
            await Exchange(self.service, model, threshold, receive, send, abort).run()
        finally:
            self._open -= 1


def _probability(text: str | None) -> float | None:
    try:
        value = None if text is None else float(text)
    except ValueError:
        value = -1.0
    if value is not None and not 0 <= value <= 1:
        raise RefusedError(422, "invalid", "threshold: expected a number from 0 to 1", close=True)
    return value


def describe_stream(app: FastAPI) -> None:
    """The route in the application's OpenAPI description, where FastAPI leaves out what is no function."""
    made = app.openapi()
    content = {"application/x-ndjson": {"schema": StreamLine.model_json_schema()}}
    said = {
        200: "A line for each line, in order: `line`, `id` as given, and `entities`, or `error` and `code`",
        429: "Too many streams are open",
    }
    made["paths"]["/v1/stream"] = {
        "post": {
            "summary": "Entities of lines of JSON while they come; answers may be read at once",
            "operationId": "stream",
            "parameters": [
                {"name": "model", "in": "query", "schema": {"type": "string"}},
                {
                    "name": "threshold",
                    "in": "query",
                    "schema": {"type": "number", "minimum": 0, "maximum": 1},
                },
            ],
            "requestBody": {"required": True, "content": content},
            "responses": {str(status): {"description": text} for status, text in said.items()},
        }
    }

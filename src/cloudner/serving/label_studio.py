"""Label Studio's ML backend: an annotation project that points at the service gets its texts pre-annotated.

The routes are `/health`, `/setup`, `/predict`, `/webhook` and `/train`. Texts come in the requests; nothing is fetched.
"""

from __future__ import annotations

import logging
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from fastapi import FastAPI, Request
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from cloudner.serving.errors import RefusedError
from cloudner.serving.formats import ErrorAnswer
from cloudner.serving.protocol import left
from cloudner.serving.retraining import Retraining
from cloudner.serving.service import Served, Service
from cloudner.serving.work import TIMEOUT, Entities, Failure

logger = logging.getLogger("cloudner")


# In place of FastAPI's own form, which no answer here has.
ERRORS: dict[int | str, dict[str, Any]] = {
    422: {"model": ErrorAnswer, "description": "Not what is expected here"}
}


class SetupRequest(BaseModel):
    """What Label Studio sends when a project is connected; its other fields are not used."""

    label_schema: str | None = Field(None, alias="schema", description="The labelling configuration, as XML.")


class PredictRequest(BaseModel):
    """Tasks to pre-annotate; other fields that Label Studio sends are not used."""

    tasks: list[dict[str, Any]] = Field(description="Each with `data`, which holds the text.")
    label_config: str = Field(description="The labelling configuration, as XML.")


class WebhookRequest(BaseModel):
    """An event of Label Studio."""

    action: str | None = Field(None, description="START_TRAINING starts the command of --retrain.")
    project: Any = None


@dataclass(frozen=True)
class Labelling:
    """Where a configuration wants entities: a <Labels> of a <Text>.

    labels: the pipeline's label in lower case -> the configuration's.
    """

    from_name: str
    to_name: str
    field: str
    labels: dict[str, str]


def parse_labelling(config: str) -> Labelling:
    """Of a configuration's first <Labels> that belongs to a <Text>. Raises RefusedError where there is none.

    A <Label> takes the pipeline's label of its name, in capitals or not, and those in its `predicted_values`.
    """
    try:
        root = fromstring(config)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise RefusedError(
            422, "invalid", f"the labelling configuration is no XML: {type(error).__name__}"
        ) from None
    texts = {element.get("name"): element for element in root.iter("Text")}
    for control in root.iter("Labels"):
        text = texts.get(control.get("toName"))
        if text is None:
            continue
        value = text.get("value", "")
        if not value.startswith("$") or text.get("valueType", "text") != "text":
            raise RefusedError(
                422, "invalid", 'expected <Text value="$field">, with the text itself in the field'
            )
        return Labelling(
            from_name=control.get("name", "label"),
            to_name=control.get("toName", "text"),
            field=value[1:],
            labels=dict(_names(control)),
        )
    raise RefusedError(422, "invalid", "the labelling configuration has no <Labels> for a <Text>")


def _names(control: Element) -> Iterator[tuple[str, str]]:
    labels = list(control.iter("Label"))
    for label in labels:
        yield label.get("value", "").lower(), label.get("value", "")
    for label in labels:
        for name in label.get("predicted_values", "").split(","):
            if name.strip():
                yield name.strip().lower(), label.get("value", "")


def prediction(text: str, entities: Entities, labelling: Labelling, version: str) -> dict[str, Any]:
    """Label Studio's form of one text's entities. Those of labels that the configuration lacks are left out.

    score: the lowest confidence, so that sorting by it brings up what is least certain.
    """
    units = code_units(text)
    result, scores = [], []
    for number, entity in enumerate(entities):
        label = labelling.labels.get(entity["label"].lower())
        if label is None:
            continue
        value = {
            "start": units(entity["start"]),
            "end": units(entity["end"]),
            "text": entity["text"],
            "labels": [label],
        }
        region = {
            "id": f"entity-{number}",
            "from_name": labelling.from_name,
            "to_name": labelling.to_name,
            "type": "labels",
            "value": value,
        }
        if entity["confidence"] is not None:
            region["score"] = entity["confidence"]
            scores.append(entity["confidence"])
        result.append(region)
    made: dict[str, Any] = {"result": result, "model_version": version}
    return {**made, "score": min(scores)} if scores else made


def code_units(text: str) -> Callable[[int], int]:
    """From offsets in characters to UTF-16 code units, in which Label Studio's browser part counts."""
    wide = [] if text.isascii() else [i for i, character in enumerate(text) if character > "\uffff"]
    return lambda position: position + bisect_left(wide, position)


def version_of(served: Served) -> str:
    """Changes with each retraining, so that Label Studio asks again."""
    again = f" ({served.loaded})" if served.loaded else ""
    return f"{served.about['pipeline']} {served.about['version']}{again}"


def add_label_studio(app: FastAPI, service: Service, retraining: Retraining | None) -> None:
    """The routes."""

    @app.get("/health", summary="Label Studio: is the backend up?")
    async def health() -> Response:
        up = service.alive and not service.stopping
        return JSONResponse({"status": "UP" if up else "DOWN", "model_class": "cloudner"}, 200 if up else 503)

    @app.post("/setup", responses=ERRORS, summary="Label Studio: a project is connected")
    async def setup(body: SetupRequest) -> Response:
        served = service.model(None)
        if body.label_schema:
            labelling = parse_labelling(body.label_schema)
            missing = [label for label in served.about["labels"] if label.lower() not in labelling.labels]
            if missing:
                logger.warning("Label Studio's configuration has no label for %s", ", ".join(missing))
        return JSONResponse({"model_version": version_of(served)})

    @app.post("/predict", responses=ERRORS, summary="Label Studio: entities of tasks")
    async def predict(request: Request, body: PredictRequest) -> Response:
        served, labelling = service.model(None), parse_labelling(body.label_config)
        texts = [_text(task, labelling.field) for task in body.tasks]
        results: list[dict[str, Any]] = [{"result": [], "model_version": version_of(served)} for _ in texts]
        whole = [i for i, text in enumerate(texts) if text and not _refused(service, text)]
        size, ends = service.limits.max_texts, time.monotonic() + service.limits.timeout
        for first in range(0, len(whole), size):
            some = whole[first : first + size]
            found = await service.recognize(
                served, [texts[i] for i in some], gone=lambda: left(request), ends=ends
            )
            for i, entities in zip(some, found, strict=True):
                if entities is TIMEOUT:
                    raise RefusedError(TIMEOUT.status, TIMEOUT.code, TIMEOUT.message)
                if isinstance(entities, Failure):
                    logger.warning("Label Studio: task %d: %s", i, entities.message)
                else:
                    results[i] = prediction(texts[i], entities, labelling, version_of(served))
        return JSONResponse({"results": results})

    @app.post(
        "/webhook",
        responses=ERRORS,
        summary="Label Studio: an event; START_TRAINING starts the command of --retrain",
    )
    async def webhook(body: WebhookRequest) -> Response:
        if body.action != "START_TRAINING":
            return JSONResponse({"status": "ignored"})
        return started(body.project)

    @app.post(
        "/train",
        responses=ERRORS,
        summary="Label Studio: the same without an event, as some versions send it",
    )
    async def train(body: WebhookRequest) -> Response:
        return started(body.project)

    def started(project: Any) -> Response:
        if retraining is None:
            raise RefusedError(501, "no_retraining", "the service was started without --retrain")
        new = retraining.start({"action": "START_TRAINING", "project": project})
        return JSONResponse({"status": "started" if new else "running"}, 202)


def _text(task: dict[str, Any], field: str) -> str:
    data = task.get("data")
    text = data.get(field) if isinstance(data, dict) else None
    return text if isinstance(text, str) else ""


def _refused(service: Service, text: str) -> bool:
    try:
        service.check([text])
    except RefusedError as error:
        logger.warning("Label Studio: a task is left out: %s", error.message)
        return True
    return False

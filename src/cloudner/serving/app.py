"""The routes: an ASGI application around a `Service`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

import cloudner
from cloudner.serving import formats, refusals
from cloudner.serving.errors import ClientGoneError, RefusedError
from cloudner.serving.guard import STREAM, Guard
from cloudner.serving.label_studio import add_label_studio
from cloudner.serving.page import add_pages
from cloudner.serving.protocol import left
from cloudner.serving.retraining import Retraining
from cloudner.serving.service import Service, limits_of
from cloudner.serving.stream import Stream, describe_stream

ENTITIES = "/v1/entities"
ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": formats.ErrorAnswer, "description": said}
    for status, said in {
        401: "No token, or a wrong one",
        404: "No such model",
        408: "The body did not come in time",
        413: "Too many texts, a text too long, or a body too large",
        415: "Not JSON",
        422: "Not what is expected here",
        429: "Too many texts are waiting; Retry-After says for how many seconds",
        500: "The pipeline failed on this text",
        503: "The service stops, or memory ran out",
        504: "Not computed within the time limit",
    }.items()
}


def create_app(service: Service) -> ASGIApp:
    """The application; the service's threads start and end with it."""

    retrain = service.settings.retrain
    retraining = Retraining(service, retrain) if retrain else None

    if retraining is not None:
        service.on_stop.append(retraining.terminate)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service.start()
        await service.ready()  # the first prediction is slow
        yield
        if retraining is not None:
            await retraining.stop(service.seconds_left())
        service.stop()

    app = FastAPI(
        title="cloudner",
        summary="Named entities of texts",
        version=cloudner.__version__,
        lifespan=lifespan,
        docs_url=None,  # FastAPI's pages load scripts from other sites
        redoc_url=None,
    )
    _errors(app)
    _recognition(app, service)
    _state(app, service)
    add_label_studio(app, service, retraining)
    add_pages(app, service)
    # No function: starlette hands it scope, receive and send as they are.
    app.router.routes.append(Route(STREAM, Stream(service), methods=["POST"]))
    describe_stream(app)
    paths = {path for route in app.routes if (path := getattr(route, "path", None))}
    guard = Guard(
        app,
        limits=service.limits,
        tokens=service.settings.tokens,
        metrics=service.metrics,
        paths=paths,
    )
    if not service.settings.cors:
        return guard
    return CORSMiddleware(  # outermost, so that a page may read why it is refused
        guard,
        allow_origins=service.settings.cors,
        allow_methods=["GET", "POST"],
        allow_headers=["Authorization", "Content-Type"],
        expose_headers=["Retry-After"],
    )


def _recognition(app: FastAPI, service: Service) -> None:
    @app.post(
        ENTITIES,
        response_model=formats.EntitiesAnswer | formats.HuggingFaceAnswer,
        responses=ERRORS,
        summary="Entities of one text or of a list",
    )
    async def entities(
        request: Request,
        body: formats.EntitiesRequest,
        format: Literal["cloudner", "hf"] = "cloudner",
    ) -> Response:
        if set(request.query_params) - {"format"}:  # as a stream has them; passed over they would be missed
            raise RefusedError(
                422,
                "invalid",
                "the address has the parameter format alone; model and threshold go into the body",
            )
        given = body.given()
        several = isinstance(given, list)
        texts = given if isinstance(given, list) else [given]
        served = service.model(body.model)
        service.check(texts)
        found = await service.recognize(served, texts, gone=lambda: left(request))
        results = [formats.above(result, body.threshold) for result in found]
        if format == "hf":
            return JSONResponse(formats.hugging_face(results, several, body.parameters))
        return JSONResponse(formats.own(served.name, results, several))

    @app.get("/v1/models", summary="The pipelines, the first being the default, and the limits")
    async def models() -> Response:
        return JSONResponse(
            {
                "models": [served.about for served in service.models.values()],
                "limits": limits_of(service.limits),
            }
        )


def _state(app: FastAPI, service: Service) -> None:
    @app.get("/live", summary="Do the threads that compute run? 503 means: start the process again")
    async def live() -> Response:
        return JSONResponse({"live": service.alive}, 200 if service.alive else 503)

    @app.get("/ready", summary="Does a prediction succeed? 503 means: send requests elsewhere")
    async def ready() -> Response:
        failure = await service.ready()
        if failure is None:
            return JSONResponse({"ready": True})
        return JSONResponse({"ready": False, "error": failure.message, "code": failure.code}, 503)

    @app.get("/metrics", summary="Figures for Prometheus", response_class=PlainTextResponse)
    async def metrics() -> Response:
        for name, served in service.models.items():
            service.metrics.refresh(name, served.batcher.queue)
        return Response(service.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


def _errors(app: FastAPI) -> None:
    """Errors in one form, without a part of the request in them."""

    async def refused(request: Request, error: Any) -> Response:
        return JSONResponse(error.body, error.status_code, error.headers)

    async def invalid(request: Request, error: Any) -> Response:
        keys = refusals.REQUEST if getattr(request.scope.get("route"), "path", "") == ENTITIES else {}
        return JSONResponse({"error": refusals.told(error.errors(), keys), "code": "invalid"}, 422)

    async def other(request: Request, error: Any) -> Response:
        if error.status_code == 400:  # FastAPI's, for whatever its parser raises
            if isinstance(error.__cause__, ClientDisconnect):
                return Response(status_code=499)
            return JSONResponse({"error": refusals.of_parsing(error.__cause__), "code": "invalid"}, 422)
        code = {404: "no_such_path", 405: "wrong_method"}.get(error.status_code, "refused")
        return JSONResponse({"error": str(error.detail), "code": code}, error.status_code, error.headers)

    async def gone(request: Request, error: Any) -> Response:
        return Response(status_code=499)

    app.add_exception_handler(RefusedError, refused)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, other)
    app.add_exception_handler(ClientGoneError, gone)

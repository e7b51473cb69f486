"""The pipelines of a service, and how a request's texts get to one and back."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from spacy.language import Language

import cloudner
from cloudner.errors import ConfigError
from cloudner.loading import cloudner_pipes, find_pipeline, load
from cloudner.own_code import import_code
from cloudner.serving.batcher import Batcher
from cloudner.serving.errors import ClientGoneError, RefusedError
from cloudner.serving.metrics import Metrics
from cloudner.serving.queue import QueueClosedError, QueueFullError
from cloudner.serving.settings import Limits, ServiceSettings
from cloudner.serving.work import STOPPED, TIMEOUT, Entities, Failure, Work

logger = logging.getLogger("cloudner")
READY_TEXT = "Ada Lovelace moved to Turin."
GRACE = 5  # seconds beyond the time limit that the service takes to end
STOPPING = Failure("stopping", "the service is stopping", 503)
READY_SECONDS = 1.0  # how long an answer to "are you ready?" is kept


@dataclass
class Served:
    """One pipeline: where it is from, what it is, and its batcher."""

    name: str
    place: str
    batcher: Batcher
    about: dict[str, Any]
    loaded: int = 0  # times that it was loaded anew


class Service:
    """All pipelines. `open` loads them; `recognize` is for the event loop."""

    def __init__(self, settings: ServiceSettings) -> None:
        self.settings, self.limits = settings, settings.limits
        self.metrics = Metrics()
        self.models: dict[str, Served] = {}
        self.stopping = False  # what is accepted is still answered
        self.on_stop: list[Callable[[], None]] = []  # called when the service begins to stop
        self._stop_by = math.inf
        self._ready: tuple[float, Failure | None] = (0.0, None)
        self._asked: asyncio.Task[Failure | None] | None = None

    def open(self) -> None:
        """Load every pipeline. Raises what `import_code` and `cloudner.load` raise, and ConfigError for a name given twice."""
        import_code(self.settings.code)
        for name, place in self.settings.models:
            found = str(find_pipeline(place))
            nlp = self.load(found)
            name = name or f"{nlp.meta['lang']}_{nlp.meta['name']}"
            if name in self.models:
                raise ConfigError(f"two models called {name!r}", fix=f"NAME={found}, with a name of its own")
            batcher = Batcher(name, nlp, self.limits, self.metrics)
            self.models[name] = Served(name, found, batcher, about(name, nlp))

    def load(self, place: str) -> Language:
        """A pipeline as the service's settings ask for it."""
        s = self.settings
        return load(place, device=s.device, precision=s.precision, backend=s.backend)

    def reload(self, served: Served) -> None:
        """Load the pipeline anew and serve it from the next batch on. Raises what `cloudner.load` raises."""
        nlp = self.load(served.place)
        served.batcher.replace(nlp)
        served.about = about(served.name, nlp)
        served.loaded += 1

    def start(self) -> None:
        """Start the threads that compute."""
        for served in self.models.values():
            served.batcher.start()

    def begin_stop(self) -> None:
        """Accept nothing more; by `seconds_left` everything has ended."""
        if not self.stopping:
            self.stopping, self._stop_by = True, time.monotonic() + self.limits.timeout + GRACE
            for called in self.on_stop:
                called()

    def seconds_left(self) -> float:
        """Until the service must have ended."""
        return max(0.0, min(self._stop_by - time.monotonic(), self.limits.timeout + GRACE))

    def stop(self) -> None:
        """Answer what waits, then end the threads."""
        for served in self.models.values():
            served.batcher.stop(self.limits.timeout)

    def model(self, name: str | None) -> Served:
        """By name; the first one without. Raises RefusedError for a name that is not served."""
        if name is None:
            return next(iter(self.models.values()))
        if name not in self.models:
            raise RefusedError(404, "no_such_model", f"no such model; there is {', '.join(self.models)}")
        return self.models[name]

    def check(self, texts: Sequence[str]) -> None:
        """Raises RefusedError for texts that are too many, too long or not Unicode."""
        limits = self.limits
        if len(texts) > limits.max_texts:
            raise RefusedError(
                413, "too_many_texts", f"{len(texts)} texts; at most {limits.max_texts} a request"
            )
        for number, text in enumerate(texts):
            where = f"text {number}" if len(texts) > 1 else "the text"
            if len(text) > limits.max_chars:
                raise RefusedError(
                    413, "text_too_long", f"{where} has {len(text)} characters; at most {limits.max_chars}"
                )
            if not text.isascii() and _has_surrogate(text):
                raise RefusedError(
                    422, "not_unicode", f"{where} holds half of a surrogate pair, which is no character"
                )

    async def recognize(
        self,
        served: Served,
        texts: Sequence[str],
        *,
        gone: Callable[[], Awaitable[None]] | None = None,
        ends: float | None = None,
        urgent: bool = False,
    ) -> list[Entities | Failure]:
        """The result of each text; `TIMEOUT` for those that have none at the time limit.

        ends: the limit as `time.monotonic()` has it, by default the service's from now on. gone: returns when the client has left; then nothing more is computed, and ClientGoneError raised. Raises
        RefusedError where the queue is full or the service stops.
        """
        if not texts:
            return []
        ends = time.monotonic() + self.limits.timeout if ends is None else ends
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[None] = loop.create_future()
        work = Work(
            texts,
            ends,
            lambda work: _answered(loop, answer),
            urgent=urgent,
        )
        try:
            served.batcher.submit(work)
        except QueueFullError:
            after = served.batcher.seconds_to_wait()
            raise RefusedError(
                429, "queue_full", f"too many texts are waiting; try again in {after} s", retry_after=after
            ) from None
        except QueueClosedError:
            raise RefusedError(STOPPING.status, STOPPING.code, STOPPING.message, retry_after=1) from None
        watch = asyncio.ensure_future(gone()) if gone else None
        try:
            waited = {answer, watch} if watch else {answer}
            await asyncio.wait(
                waited, timeout=max(0.0, ends - time.monotonic()) + 0.25, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            if watch:
                watch.cancel()
            if not answer.done():
                served.batcher.abandon(work)
        if answer.done():
            return work.results
        if watch and watch.done() and not watch.cancelled():
            raise ClientGoneError
        return [TIMEOUT if result is STOPPED else result for result in work.results]

    async def ready(self) -> Failure | None:
        """Does every pipeline compute? A prediction of each, before all that waits; asked at most once a second."""
        if self.stopping:
            return STOPPING
        when, result = self._ready
        if time.monotonic() - when < READY_SECONDS:
            return result
        if self._asked is None or self._asked.done():
            self._asked = asyncio.ensure_future(self._predict_all())
        return await asyncio.shield(self._asked)

    async def _predict_all(self) -> Failure | None:
        result: Failure | None = None
        for served in self.models.values():
            try:
                (found,) = await self.recognize(served, [READY_TEXT], urgent=True)
            except RefusedError as error:
                found = Failure(error.code, error.message, error.status_code)
            if isinstance(found, Failure):
                result = found
                break
        self._ready = time.monotonic(), result
        return result

    @property
    def alive(self) -> bool:
        """Do the threads that compute still run?"""
        return all(served.batcher.alive for served in self.models.values())


def _answered(loop: asyncio.AbstractEventLoop, answer: asyncio.Future[None]) -> None:
    """From the thread that computes."""

    def set_it() -> None:
        if not answer.done():
            answer.set_result(None)

    if not loop.is_closed():
        loop.call_soon_threadsafe(set_it)


def _has_surrogate(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def about(name: str, nlp: Language) -> dict[str, Any]:
    """What /v1/models says of a pipeline."""
    labels = {label for pipe in cloudner_pipes(nlp) for label in pipe.labels}
    for pipe in nlp.pipe_names:
        if nlp.get_pipe_meta(pipe).factory in ("ner", "entity_ruler"):
            labels.update(nlp.pipe_labels.get(pipe, ()))
    return {
        "name": name,
        "pipeline": f"{nlp.meta['lang']}_{nlp.meta['name']}",
        "version": nlp.meta["version"],
        "lang": nlp.meta["lang"],
        "description": nlp.meta.get("description", ""),
        "labels": sorted(labels),
        "components": list(nlp.pipe_names),
        "device": next((str(pipe.model.shims[0].device) for pipe in cloudner_pipes(nlp)), "cpu"),
        "cloudner": cloudner.__version__,
    }


def limits_of(limits: Limits) -> dict[str, Any]:
    """What /v1/models says of the limits."""
    return {
        "max_chars": limits.max_chars,
        "max_texts": limits.max_texts,
        "max_body_bytes": limits.max_body,
        "timeout_seconds": limits.timeout,
    }

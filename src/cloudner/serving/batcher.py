"""The thread that owns a pipeline: takes what waits, batch by batch, and answers."""

from __future__ import annotations

import contextvars
import logging
import threading
import time
from contextlib import contextmanager
from typing import Any

from spacy.language import Language

from cloudner.model.memory_errors import free_device_memory, is_out_of_memory
from cloudner.serving.metrics import Metrics
from cloudner.serving.queue import Item, QueueFullError, TextQueue
from cloudner.serving.recognition import AbandonedError, call_between, limit_pieces, recognize
from cloudner.serving.settings import Limits
from cloudner.serving.work import NO_MEMORY, STOPPED, TIMEOUT, Entities, Failure, Work

logger = logging.getLogger("cloudner")


class Batcher:
    """Computes the texts of concurrent requests together.

    nlp: only this object's thread touches it from `start` on; another one put in its place serves from the next batch.
    """

    def __init__(self, name: str, nlp: Language, limits: Limits, metrics: Metrics) -> None:
        self.name, self.limits, self.metrics = name, limits, metrics
        self.queue = TextQueue(limits.queue_texts, limits.queue_pieces, limits.max_pieces, self._late)
        self.pieces_a_second = 0.0  # of late, by full batches; 0: not known
        self._passed = 0  # pieces computed between the parts of the batch in hand
        limit_pieces(nlp, limits.max_pieces, limits.max_chars)
        self._nlp = nlp
        # spaCy's device is a context variable, which a new thread would not have.
        context = contextvars.copy_context()
        self._thread = threading.Thread(
            target=context.run, args=(self._run,), name=f"batcher {name}", daemon=True
        )

    def start(self) -> None:
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def submit(self, work: Work) -> None:
        """Raises QueueFullError, also where what waits already takes longer than a request may, and QueueClosedError."""
        if not work.urgent and self.queue.pieces > self.pieces_a_second * self.limits.timeout > 0:
            raise QueueFullError
        self.queue.put(work)

    def abandon(self, work: Work) -> None:
        """Nobody waits for it: what is not computed yet will not be."""
        work.abandoned = True
        self.queue.drop(work)

    def replace(self, nlp: Language) -> None:
        """Serve with this pipeline from the next batch on."""
        limit_pieces(nlp, self.limits.max_pieces, self.limits.max_chars)
        self._nlp = nlp

    def stop(self, seconds: float) -> None:
        """Answer what waits, for so long at most."""
        self.queue.close()
        if self._thread.ident is not None:
            self._thread.join(seconds)

    def seconds_to_wait(self) -> int:
        """After which a request that found the queue full may try again."""
        waiting = self.queue.pieces / self.pieces_a_second if self.pieces_a_second else 1
        return int(min(max(waiting, 1), 60))

    # -- in the thread ----------------------------------------------------------------------------------------

    def _run(self) -> None:
        limits = self.limits
        while True:
            batch = self.queue.take(limits.max_batch, limits.max_pieces, limits.wait_ms / 1000)
            if batch is None:
                return
            nlp = self._nlp
            try:
                with (
                    nlp.memory_zone()
                ):  # new words are forgotten: a service that runs for weeks meets very many
                    self._compute(nlp, batch, within=False)
            except (
                Exception
            ):  # a fault of ours or of a memory zone; those who wait are told, the rest is served
                logger.exception("a batch failed")
                self._fail(batch, STOPPED)

    def _compute(self, nlp: Language, batch: list[Item], *, within: bool) -> None:
        """within: between the parts of a long text, whose batch this is not."""
        started = time.monotonic()
        pieces = sum(work.pieces[i] for work, i in batch)
        self._passed = self._passed if within else 0
        for work, _ in batch:
            self.metrics.wait.labels(self.name).observe(started - work.arrived)
        self.metrics.batch_texts.labels(self.name).observe(len(batch))
        self.metrics.batch_pieces.labels(self.name).observe(pieces)
        self._predict(nlp, batch, interruptible=not within and pieces > self.limits.max_pieces)
        seconds = time.monotonic() - started
        self.metrics.compute.labels(self.name).observe(seconds)
        self.metrics.refresh(self.name, self.queue)
        # A small batch takes nearly as long as a full one, and says nothing of the pace under load.
        full = len(batch) >= self.limits.max_batch or 2 * pieces >= self.limits.max_pieces
        if within:
            self._passed += pieces
        elif full and seconds > 0:
            late = (pieces + self._passed) / seconds
            self.pieces_a_second = 0.8 * self.pieces_a_second + 0.2 * late if self.pieces_a_second else late

    def _predict(self, nlp: Language, batch: list[Item], *, interruptible: bool = False) -> None:
        """A batch that fails is halved until what fails is one text, which fails alone."""
        texts = [work.texts[i] for work, i in batch]
        try:
            with self._interrupted(nlp, batch) if interruptible else _as_it_is():
                found = recognize(nlp, texts)
        except AbandonedError:
            self._fail(batch, TIMEOUT)
            return
        except Exception as error:
            failure = self._judge(error, len(batch))
        else:
            for (work, index), entities in zip(batch, found, strict=True):
                self._finish(work, index, entities)
            return
        if failure is NO_MEMORY:  # not above: an exception keeps what the failed pass had allocated
            free_device_memory()
        if len(batch) == 1:
            self._fail(batch, failure)
            return
        half = len(batch) // 2
        self._predict(nlp, batch[:half])
        self._predict(nlp, batch[half:])

    def _judge(self, error: Exception, texts: int) -> Failure:
        if is_out_of_memory(error):
            self.metrics.no_memory.labels(self.name).inc()
            return NO_MEMORY
        if texts == 1:  # without the text, which an exception's message may quote
            logger.error("%s: the pipeline raised %s on one text", self.name, type(error).__name__)
        return Failure("pipeline_error", f"the pipeline raised {type(error).__name__} on this text")

    @contextmanager
    def _interrupted(self, nlp: Language, batch: list[Item]) -> Any:
        """Between two parts of a long text short ones are served, and it is given up once nobody waits for it."""

        def between() -> None:
            if all(work.in_vain(time.monotonic()) for work, _ in batch):
                raise AbandonedError
            short = self.queue.take_short(self.limits.max_batch, self.limits.max_pieces)
            if short:
                call_between(nlp, None)
                try:
                    self._compute(nlp, short, within=True)
                finally:
                    call_between(nlp, between)

        call_between(nlp, between)
        try:
            yield
        finally:
            call_between(nlp, None)

    def _late(self) -> None:
        self.metrics.texts.labels(self.name, TIMEOUT.code).inc()

    def _finish(self, work: Work, index: int, result: Entities | Failure) -> None:
        outcome = result.code if isinstance(result, Failure) else "ok"
        self.metrics.texts.labels(self.name, "abandoned" if work.abandoned else outcome).inc()
        if not isinstance(result, Failure):
            self.metrics.entities.labels(self.name).inc(len(result))
        work.finish(index, result)

    def _fail(self, batch: list[Item], failure: Failure) -> None:
        for work, index in batch:
            if work.results[index] is STOPPED:  # not answered yet
                self._finish(work, index, failure)


@contextmanager
def _as_it_is() -> Any:
    yield

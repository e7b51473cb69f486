"""A FastAPI service that computes requests that arrive together as one batch.

    python examples/service.py --model training/model-best --port 8000
    curl -s localhost:8000/entities -H "Content-Type: application/json" -d '{"text": "Ada Lovelace moved to Turin."}'

One text at a time uses a small part of a GPU, and of a CPU with more than one core. So a request does not compute:
it puts its text into a queue. One worker takes what is there, up to `max_batch` texts, waiting at most `wait_ms`
after the first, and hands them to `nlp.pipe`.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, Field
from spacy.language import Language

import cloudner

Found = list[dict[str, Any]]


class Text(BaseModel):
    text: str = Field(max_length=100_000)


class Batcher:
    """Collects texts of concurrent requests; `entities` waits for the answer to one."""

    def __init__(self, nlp: Language, *, max_batch: int, wait_ms: float) -> None:
        self.nlp, self.max_batch, self.wait = nlp, max_batch, wait_ms / 1000
        self.queue: asyncio.Queue[tuple[str, asyncio.Future[Found]]] = asyncio.Queue(maxsize=10_000)
        # One thread: it keeps the event loop free, and the device does one thing at a time anyway.
        self.thread = ThreadPoolExecutor(max_workers=1)
        self.sizes: list[int] = []  # of the latest batches, for /health

    async def entities(self, text: str) -> Found:
        answer: asyncio.Future[Found] = asyncio.get_running_loop().create_future()
        try:
            self.queue.put_nowait((text, answer))
        except asyncio.QueueFull:
            raise HTTPException(503, "too many requests are waiting") from None
        return await answer

    async def work(self) -> None:
        """Runs as long as the service does."""
        loop = asyncio.get_running_loop()
        while True:
            batch = [await self.queue.get()]
            ends = loop.time() + self.wait
            while len(batch) < self.max_batch:
                try:
                    batch.append(await asyncio.wait_for(self.queue.get(), ends - loop.time()))
                except asyncio.TimeoutError:
                    break
            self.sizes = [*self.sizes[-99:], len(batch)]
            try:
                found = await loop.run_in_executor(self.thread, self._predict, [text for text, _ in batch])
            except Exception as error:  # told to those who wait; the next batch is computed
                for _, answer in batch:
                    if not answer.done():
                        answer.set_exception(error)
            else:
                for (_, answer), entities in zip(batch, found, strict=True):
                    if not answer.done():  # done: its client has gone
                        answer.set_result(entities)

    def _predict(self, texts: list[str]) -> list[Found]:
        with self.nlp.memory_zone():  # a service that runs for weeks meets many new words
            return [
                [
                    {
                        "start": ent.start_char,
                        "end": ent.end_char,
                        "label": ent.label_,
                        "text": ent.text,
                        "confidence": ent._.confidence,
                    }
                    for ent in doc.ents
                ]
                for doc in self.nlp.pipe(texts)
            ]


def create_app(nlp: Language, *, max_batch: int = 64, wait_ms: float = 5.0) -> FastAPI:
    """The service around a pipeline."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.batcher = Batcher(nlp, max_batch=max_batch, wait_ms=wait_ms)
        worker = asyncio.create_task(app.state.batcher.work())
        yield
        worker.cancel()
        app.state.batcher.thread.shutdown()

    app = FastAPI(title="cloudner", lifespan=lifespan)

    @app.post("/entities")
    async def entities(body: Text) -> dict[str, Any]:
        return {"entities": await app.state.batcher.entities(body.text)}

    @app.get("/health")
    async def health() -> dict[str, Any]:
        meta, sizes = nlp.meta, app.state.batcher.sizes
        return {
            "model": f"{meta['lang']}_{meta['name']} {meta['version']}",
            "labels": nlp.pipe_labels,
            "mean_batch": sum(sizes) / len(sizes) if sizes else None,
        }

    return app


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--model", default=None, help="folder or package; default: as cloudner.load() finds it"
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--max-batch", type=int, default=64, help="texts computed at once")
    parser.add_argument("--wait-ms", type=float, default=5.0, help="longest wait for more texts")
    args = parser.parse_args(argv)
    import uvicorn

    app = create_app(cloudner.load(args.model), max_batch=args.max_batch, wait_ms=args.wait_ms)
    uvicorn.run(app, host=args.host, port=args.port)


if __name__ == "__main__":
    main()

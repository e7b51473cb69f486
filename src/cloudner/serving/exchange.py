"""One client's stream of lines: read, answered in order, sent back, all at once."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, TypeAdapter, ValidationError
from pydantic_core import from_json
from starlette.types import Receive, Send

from cloudner.serving import formats, refusals
from cloudner.serving.errors import ClientGoneError, RefusedError
from cloudner.serving.service import Service

_LOOK = 0.5  # seconds between two looks at whether the service stops
_AGAIN = 0.05  # seconds until a line that found the queue full is tried again
_PATIENCE = 5.0  # seconds beyond three times the time limit that a client may take to read a chunk
_CHUNK = 65536  # bytes sent at once


class StreamLine(BaseModel):
    """One line. `id` comes back with the answer."""

    model_config = ConfigDict(extra="forbid")

    text: str
    id: str | int | FiniteFloat | bool | None = None
    threshold: float | None = Field(None, ge=0, le=1, strict=True)
    model: str | None = None


_LINE = TypeAdapter(StreamLine)


def _identity(line: bytes) -> dict[str, Any]:
    """The `id` of a line that has something else wrong with it; nothing where that cannot be told."""
    try:
        found = from_json(line, allow_inf_nan=False)
        given = found.get("id") if isinstance(found, dict) else None
        asked = StreamLine.model_validate({"text": "", "id": given})
    except ValueError:
        return {}
    return {} if asked.id is None else {"id": asked.id}


class Exchange:
    """One client's stream: `_read` takes lines, `_collect` their answers in order, `_deliver` sends them."""

    def __init__(
        self,
        service: Service,
        model: str | None,
        threshold: float | None,
        receive: Receive,
        send: Send,
        abort: Callable[[], None],
    ) -> None:
        self.service, self.model, self.threshold = service, model, threshold
        self._receive, self._send, self._abort = receive, send, abort
        self._heard = time.monotonic()  # when the last line came
        self._tasks: asyncio.Queue[asyncio.Task[bytes] | None] = asyncio.Queue(2 * service.limits.max_batch)
        self._running: set[asyncio.Task[bytes]] = set()
        self._buffer = bytearray()
        self._filled, self._emptied = asyncio.Event(), asyncio.Event()
        self._collected = False
        self._pending: asyncio.Future[Any] | None = None
        self._lines = 0
        self._error: dict[str, Any] | None = None  # ends the stream; what comes after it is read and dropped
        self._begun = asyncio.Event()  # the first bytes have come: not before, for `Expect: 100-continue`

    async def run(self) -> None:
        reading: asyncio.Future[Any] = asyncio.ensure_future(self._read())
        answering: asyncio.Future[Any] = asyncio.gather(self._collect(), self._deliver())
        try:
            await asyncio.wait({reading, answering}, return_when=asyncio.FIRST_COMPLETED)
            if not answering.done():
                reading.result()  # raises: reading ends by itself only when the client has left
            await answering
        except ClientGoneError:
            pass
        finally:
            every = [reading, answering, *self._running, *([self._pending] if self._pending else [])]
            for task in every:
                task.cancel()
            await asyncio.gather(*every, return_exceptions=True)

    # -- in ---------------------------------------------------------------------------------------------------

    async def _read(self) -> None:
        """Ends with ClientGoneError."""
        rest = bytearray()
        more = True
        while more and self._error is None:
            message = await self._message()
            self._begun.set()
            if message is None:
                break
            rest += message.get("body", b"")
            more = message.get("more_body", False)
            *lines, last = rest.split(b"\n")
            rest = bytearray(last)
            for line in lines if more else [*lines, last]:
                if not self._lines:
                    line = line.removeprefix(b"\xef\xbb\xbf")
                await self._take(bytes(line))
                self._heard = time.monotonic()
            if len(rest) > self.service.limits.max_body:
                self._fail("line_too_long", f"line {self._lines + 1} is longer than the limit of a body")
        await self._tasks.put(None)
        while True:  # what is left is dropped, so that a client that sends before it reads gets to reading
            await self._next()

    async def _message(self) -> Any:
        """The next part of the body; None, and an error set, where none came in time or the service stops."""
        pending = self._expect()
        self._look()
        while self._error is None and not pending.done():
            await asyncio.wait({pending}, timeout=_LOOK)
            self._look()
        return await self._next() if pending.done() else None

    def _look(self) -> None:
        """An error where the service stops, also under a client that always has more, or where no line came in time."""
        if self.service.stopping:
            self._fail("stopping", "the service is stopping")
        elif time.monotonic() > self._heard + self.service.limits.timeout:
            self._fail("idle", f"no line for {self.service.limits.timeout:g} s")

    def _expect(self) -> asyncio.Future[Any]:
        """The part of the body that comes next; asked for early, since it may tell that the client has left."""
        if self._pending is None:
            self._pending = asyncio.ensure_future(self._receive())
        return self._pending

    async def _next(self) -> Any:
        message = await self._expect()
        self._pending = None
        return self._left(message)

    def _left(self, message: Any) -> Any:
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        return message

    def _fail(self, code: str, said: str) -> None:
        if self._error is None:
            self._error = {"error": f"{said}; {self._lines} lines were taken", "code": code}

    async def _take(self, line: bytes) -> None:
        if not line.strip() or self._error is not None:
            return
        self._lines += 1
        task = asyncio.ensure_future(self._answer(self._lines, line))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        putting = asyncio.ensure_future(self._tasks.put(task))  # waits where the window is full
        try:
            await asyncio.wait({putting, self._expect()}, return_when=asyncio.FIRST_COMPLETED)
            if not putting.done():
                self._left(self._expect().result())
            await putting
        finally:
            putting.cancel()

    async def _answer(self, number: int, line: bytes) -> bytes:
        """The answer to a line, as a line."""
        answer: dict[str, Any] = {"line": number}
        try:
            asked = _LINE.validate_json(line)
            if asked.id is not None:
                answer["id"] = asked.id
            served = self.service.model(asked.model or self.model)
            self.service.check([asked.text])
            result = await self._result(served, asked.text)
            threshold = self.threshold if asked.threshold is None else asked.threshold
            answer |= formats.of_text(formats.above(result, threshold))
        except ValidationError as error:
            errors = error.errors(include_input=False, include_url=False, include_context=False)
            answer |= _identity(line)
            answer |= {"error": refusals.told(errors, refusals.LINE), "code": "invalid"}
        except RefusedError as error:
            answer |= error.body
        return json.dumps(answer, ensure_ascii=False).encode("utf-8", "replace") + b"\n"

    async def _result(self, served: Any, text: str) -> Any:
        while True:
            try:
                (result,) = await self.service.recognize(served, [text])
                return result
            except RefusedError as error:
                if error.code != "queue_full":
                    raise
                await asyncio.sleep(_AGAIN)

    # -- out --------------------------------------------------------------------------------------------------

    async def _collect(self) -> None:
        """Answers into the buffer, in order. A full one that the client does not empty ends the stream."""
        limits = self.service.limits
        while (task := await self._tasks.get()) is not None:
            line = await task
            while len(self._buffer) + len(line) > limits.stream_buffer and self._error is None:
                self._emptied.clear()
                try:
                    await asyncio.wait_for(self._emptied.wait(), limits.timeout)
                except asyncio.TimeoutError:
                    self._fail(
                        "not_read", f"the answers from line {json.loads(line)['line']} on were not read"
                    )
            if self._error is not None and self._error["code"] == "not_read":
                continue
            self._buffer += line
            self._filled.set()
        if self._error is not None:
            self._buffer += json.dumps(self._error).encode() + b"\n"
        self._collected = True
        self._filled.set()

    async def _deliver(self) -> None:
        await self._begun.wait()
        headers = [(b"content-type", b"application/x-ndjson; charset=utf-8"), (b"cache-control", b"no-store")]
        await self._give({"type": "http.response.start", "status": 200, "headers": headers})
        while self._buffer or not self._collected:
            await self._filled.wait()
            self._filled.clear()
            while self._buffer:
                part = bytes(self._buffer[:_CHUNK])
                await self._give({"type": "http.response.body", "body": part, "more_body": True})
                del self._buffer[: len(part)]
                self._emptied.set()
        await self._give({"type": "http.response.body", "body": b""})

    async def _give(self, message: Any) -> None:
        """Send. A client that goes on not to read, long after it was told that the stream has ended, is cut off: raises
        ClientGoneError."""
        try:
            await asyncio.wait_for(self._send(message), 3 * self.service.limits.timeout + _PATIENCE)
        except asyncio.TimeoutError:
            self._abort()
            raise ClientGoneError from None

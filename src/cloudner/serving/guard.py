"""In front of every request: the token, the size and pace of the body, what is counted, headers of the answer."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import logging
import time
from collections.abc import Sequence
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cloudner.serving.errors import RefusedError
from cloudner.serving.metrics import Metrics
from cloudner.serving.settings import BODIES, Limits

logger = logging.getLogger("cloudner")

# Answered without a token: whether it lives, and the page, which asks its user for one.
OPEN = {"/", "/page.css", "/page.js", "/live", "/ready", "/health", "/docs", "/openapi.json"}
STREAM = "/v1/stream"
_HEADERS = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer")]


class Tokens:
    """Those that let a request in. Compared in the same time whatever is wrong with the one that is borne."""

    def __init__(self, tokens: Sequence[str]) -> None:
        self._digests = [hashlib.sha256(token.encode()).digest() for token in tokens]

    def __bool__(self) -> bool:
        return bool(self._digests)

    def admit(self, borne: bytes) -> bool:
        digest = hashlib.sha256(borne).digest()
        return sum(hmac.compare_digest(digest, each) for each in self._digests) > 0

    @staticmethod
    def borne(headers: dict[bytes, bytes]) -> bytes:
        """`Authorization: Bearer TOKEN`, or Basic with the token as password (as Label Studio sends it)."""
        scheme, _, value = headers.get(b"authorization", b"").partition(b" ")
        if scheme.lower() == b"basic":
            try:
                return base64.b64decode(value.strip(), validate=True).partition(b":")[2]
            except ValueError:
                return b""
        return value.strip() if scheme.lower() == b"bearer" else b""


class Guard:
    """An ASGI application around another."""

    def __init__(
        self, app: ASGIApp, *, limits: Limits, tokens: Sequence[str], metrics: Metrics, paths: set[str]
    ) -> None:
        self.app, self.limits, self.metrics, self.paths = app, limits, metrics, paths
        self.tokens = Tokens(tokens)
        self.held = 0  # bytes of bodies, as announced

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:  # no websockets here
            await send({"type": "websocket.close", "code": 1000})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"] if scope["path"] in self.paths else "other"
        answer = _Answer(send)
        body = _Body(receive, self.limits)
        started = time.monotonic()
        reserved = 0
        try:
            reserved = self._admit(scope)
            self._hold(reserved)
            if (
                scope["method"] == "HEAD"
            ):  # what watches a service asks so; uvicorn leaves out the answer's body
                scope = {**scope, "method": "GET"}
            await self.app(scope, receive if path == STREAM else body, answer)
        except RefusedError as error:
            if not answer.started:
                await refuse(answer, error)
        except Exception:
            logger.exception("%s failed", path)
            if not answer.started:
                await refuse(answer, RefusedError(500, "internal_error", "the service failed", close=True))
        finally:
            self._hold(-reserved)
            self.metrics.requests.labels(path, str(answer.status)).inc()
            if path not in ("other", STREAM):
                self.metrics.seconds.labels(path).observe(time.monotonic() - started)

    def _hold(self, size: int) -> None:
        self.held += size
        self.metrics.bodies.inc(size)

    def _admit(self, scope: Scope) -> int:
        """Bytes that the body may take; before any of it is read. Raises RefusedError."""
        headers = dict(scope["headers"])
        method, path = scope["method"], scope["path"]
        preflight = method == "OPTIONS"
        if (
            self.tokens
            and path not in OPEN
            and not preflight
            and not self.tokens.admit(Tokens.borne(headers))
        ):
            raise RefusedError(401, "no_token", "no token, or a wrong one", close=True)
        if method != "POST":  # there is no route that would read a body
            return 0
        if headers.get(b"content-encoding", b"identity").strip().lower() not in (b"identity", b""):
            raise RefusedError(
                415, "encoded", "a body with Content-Encoding is not read; send it as it is", close=True
            )
        kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        wanted = b"application/x-ndjson" if path == STREAM else b"application/json"
        if kind != wanted:  # some others a foreign page may send without being asked
            raise RefusedError(
                415, "not_json", f"expected Content-Type: {wanted.decode()}, and such a body", close=True
            )
        if path == STREAM:
            return 0
        length = headers.get(b"content-length", b"")
        size = int(length[:19]) if length.isdigit() else self.limits.max_body
        if size > self.limits.max_body:
            raise _too_large(self.limits)
        if self.held + size > BODIES * self.limits.max_body:
            raise RefusedError(429, "too_many_bodies", "too many bodies at once", retry_after=1, close=True)
        return size


class _Body:
    """`receive` that stops at the limits of size and time."""

    def __init__(self, receive: Receive, limits: Limits) -> None:
        self._receive, self._limits = receive, limits
        self._size, self._complete = 0, False
        self._ends = time.monotonic() + limits.timeout

    async def __call__(self) -> Message:
        if self._complete:
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), max(0.01, self._ends - time.monotonic()))
        except asyncio.TimeoutError:
            raise RefusedError(408, "body_too_slow", "the body did not come in time", close=True) from None
        self._size += len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        if self._size > self._limits.max_body:
            raise _too_large(self._limits)
        return message


class _Answer:
    """`send` that remembers the status and adds headers."""

    def __init__(self, send: Send) -> None:
        self._send, self.status, self.started = send, 499, False  # 499: the client left without an answer

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.started = message["status"], True
            message = {**message, "headers": [*message.get("headers", []), *_HEADERS]}
        await self._send(message)


def _too_large(limits: Limits) -> RefusedError:
    return RefusedError(413, "body_too_large", f"the body is larger than {limits.max_body} bytes", close=True)


async def refuse(send: Send, error: RefusedError) -> None:
    """The answer of an error."""
    body = json.dumps(error.body).encode()
    headers: list[Any] = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    headers += [(name.lower().encode(), value.encode()) for name, value in (error.headers or {}).items()]
    await send({"type": "http.response.start", "status": error.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": body})

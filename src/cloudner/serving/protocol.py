"""HTTP connections whose client must keep pace: uvicorn waits for a head, and for an answer to be read, without end."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request

ABORT = "cloudner_abort"  # ends the connection at once, whatever is still to be sent


def punctual(seconds: float) -> type[asyncio.Protocol]:
    """uvicorn's protocol, with connections dropped on which a request's head is not complete after so many seconds from
    the connection, or from the head's first byte on one that has had requests, and those that are closed, but whose
    client reads nothing for so long. (Between requests uvicorn's own limit holds.)"""
    try:
        import httptools  # noqa: F401
        from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol as Base
    except ImportError:
        from uvicorn.protocols.http.h11_impl import H11Protocol as Base  # type: ignore[assignment,unused-ignore]

    class PunctualProtocol(Base):
        late: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            # For a route that sends without end: in a scope's "state", of which each request gets a copy.
            self.app_state = {**self.app_state, ABORT: transport.abort}
            self._expect()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self._between():
                self._expect()
            else:
                self._cancel()

        def connection_lost(self, exc: Exception | None) -> None:
            self._cancel()
            super().connection_lost(exc)

        def on_response_complete(self) -> None:
            super().on_response_complete()
            if self.transport.is_closing():
                self._drop_later()

        def timeout_keep_alive_handler(self) -> None:
            super().timeout_keep_alive_handler()
            self._drop_later()

        def _drop_later(self) -> None:
            """A client that does not read its answer would hold it as long as it likes."""
            self.loop.call_later(seconds, self.transport.abort)

        def _between(self) -> bool:
            """No request is being read or answered."""
            return self.cycle is None or self.cycle.response_complete

        def _expect(self) -> None:
            if self.late is None:
                self.late = self.loop.call_later(seconds, self._close)

        def _cancel(self) -> None:
            if self.late is not None:
                self.late.cancel()
                self.late = None

        def _close(self) -> None:
            self.late = None
            if self._between() and not self.transport.is_closing():
                self.transport.abort()

    return PunctualProtocol


async def left(request: Request) -> None:
    """Returns when the client has closed its connection. The body must have been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass

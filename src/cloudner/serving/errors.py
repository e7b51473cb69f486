"""What a client is told when a request is not answered as asked."""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException


class RefusedError(HTTPException):
    """An answer of one line: {"error": message, "code": code}. No part of the request is in it.

    close: the connection ends with it, for what is left of the body is not read.
    """

    def __init__(
        self, status: int, code: str, message: str, *, retry_after: int | None = None, close: bool = False
    ) -> None:
        headers = {}
        if retry_after is not None:
            headers["Retry-After"] = str(retry_after)
        if close:
            headers["Connection"] = "close"
        if status == 401:
            headers["WWW-Authenticate"] = 'Bearer, Basic realm="cloudner", charset="UTF-8"'
        super().__init__(status, message, headers)
        self.code, self.message, self.close = code, message, close

    @property
    def body(self) -> dict[str, Any]:
        return {"error": self.message, "code": self.code}


class ClientGoneError(Exception):
    """The client has closed its connection: there is nobody to answer."""

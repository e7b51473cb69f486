"""A service beside other work of the same process: in notebooks, tests and programs that need one for a while."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cloudner.errors import InputError, of_kind
from cloudner.serving.server import address, check_extra, listen, make_server
from cloudner.serving.settings import ServiceSettings

if TYPE_CHECKING:
    import uvicorn

    from cloudner.serving.service import Service


@dataclass
class InThread:
    """A service that runs in a thread of this process. url: where it answers, such as http://127.0.0.1:41234."""

    url: str
    service: Service
    server: uvicorn.Server


@contextmanager
def serve_in_thread(asked: ServiceSettings | str | Path | None = None) -> Iterator[InThread]:
    """What `cloudner serve` does, for the length of a `with` block, which ends when everything accepted is answered.

    asked: a pipeline's folder or name, None for the one that `cloudner.load()` finds, or settings, whose `host` and
    `port` are those of 127.0.0.1 and a free port here. Raises ConfigError where the extra `serve` is not installed, InputError
    where the service does not start, and what `cloudner.load` raises.
    """
    from cloudner.serving.service import Service

    check_extra()
    if not isinstance(asked, ServiceSettings):
        if asked is not None:
            of_kind(asked, (str, os.PathLike), "a pipeline", "its folder or name, or ServiceSettings")
        asked = ServiceSettings(models=((None, None if asked is None else str(asked)),))
    service = Service(asked)
    service.open()
    with listen("127.0.0.1", 0) as listening:
        server = make_server(service)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="cloudner-serve")
        thread.start()
        try:
            while not server.started:
                if not thread.is_alive():
                    raise InputError("the service ended as it started", fix="cloudner serve, which says why")
                time.sleep(0.005)
            yield InThread(address(listening), service, server)
        finally:
            server.should_exit = True
            thread.join()

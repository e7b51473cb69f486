"""`serve`: sockets, processes, signals."""

from __future__ import annotations

import logging
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cloudner.errors import CloudnerError, ConfigError, InputError
from cloudner.orphans import end_with_parent
from cloudner.serving.settings import ServiceSettings
from cloudner.serving.workers import Workers

if TYPE_CHECKING:
    import uvicorn

    from cloudner.serving.service import Service

logger = logging.getLogger("cloudner")
_HEAD_SECONDS = 10.0  # for the head of a request
_LOOPBACK = ("127.", "::1", "localhost")


def serve(settings: ServiceSettings) -> None:
    """Serve until SIGTERM or Ctrl-C, then answer what was accepted and return.

    Raises ConfigError where the extra is not installed, InputError for an address that cannot be had, and what
    `cloudner.load` raises.
    """
    check_extra()
    if not settings.tokens and not settings.host.startswith(_LOOPBACK):
        logger.warning("%s:%d is open to whoever reaches it: no --token-file", settings.host, settings.port)
    listening = listen(settings.host, settings.port)
    with listening:
        if settings.workers > 1:
            code = Workers(worker, (settings.to_json(),), listening).run(settings.workers)
            if code:
                sys.exit(code)
        else:
            _one(settings, listening)


def check_extra() -> None:
    """Raises ConfigError where a package of the extra is missing."""
    from importlib.util import find_spec

    missing = [name for name in ("fastapi", "uvicorn", "prometheus_client") if find_spec(name) is None]
    if missing:
        raise ConfigError(f"not installed: {', '.join(missing)}", fix='pip install "cloudner[serve]"')


def listen(host: str, port: int) -> socket.socket:
    """A socket bound to the address. Raises InputError where it cannot be."""
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        made = socket.socket(family, kind, proto)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(address)
        except OSError:
            made.close()
            raise
    except (OSError, OverflowError) as error:
        raise InputError(
            f"cannot listen on {host}:{port}: {getattr(error, 'strerror', None) or error}",
            fix="another --port, or --port 0 for a free one",
        ) from error
    made.set_inheritable(True)
    return made


def address(listening: socket.socket) -> str:
    """As a URL."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _one(settings: ServiceSettings, listening: socket.socket) -> None:
    """In this process."""
    from cloudner.serving.service import Service

    service = Service(settings)
    service.open()
    names = ", ".join(f"{served.name} ({served.place})" for served in service.models.values())
    server = make_server(service)
    print(f"{address(listening)} serves {names}", flush=True)
    with _signals_stop(server):
        server.run(sockets=[listening])


def worker(settings: str, listening: socket.socket) -> None:
    """In a process of its own, with the settings as JSON."""
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C while it loads: the first process tells of it
    try:
        _one(ServiceSettings.from_json(settings), listening)
    except CloudnerError as error:
        print(f"cloudner: {error}", file=sys.stderr)
        sys.exit(1)


def make_server(service: Service) -> uvicorn.Server:
    """uvicorn's server of an opened service; its `run` takes sockets."""
    import uvicorn

    from cloudner.serving.app import create_app
    from cloudner.serving.protocol import punctual
    from cloudner.serving.service import GRACE

    class Server(uvicorn.Server):
        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            service.begin_stop()
            await super().shutdown(sockets)

    seconds = service.limits.timeout
    return Server(
        uvicorn.Config(
            create_app(service),
            http=punctual(min(_HEAD_SECONDS, seconds)),
            ws="none",
            access_log=False,
            log_level="warning",
            server_header=False,
            backlog=2048,
            timeout_graceful_shutdown=int(seconds) + GRACE,
        )
    )


@contextmanager
def _signals_stop(server: uvicorn.Server) -> Iterator[None]:
    """Around the server's run, whose own handlers hold from its first request on. A signal before them stops it too, and
    that which ended it ends nothing more when uvicorn sends it again. Until here, while pipelines load, a signal kills.
    """

    def stop(number: int, frame: object) -> None:
        server.should_exit = True

    before = {each: signal.signal(each, stop) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)

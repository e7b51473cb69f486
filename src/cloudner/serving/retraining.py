"""`--retrain`: a command that trains, started from outside; what it has trained is served when it succeeds."""

from __future__ import annotations

import asyncio
import json
import logging
import shlex
from typing import Any

from cloudner.errors import CloudnerError, ConfigError
from cloudner.serving.service import Service

logger = logging.getLogger("cloudner")


def parse_command(command: str) -> list[str]:
    """Its words; no shell reads it. Raises ConfigError where it has none, or an open quote."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise ConfigError(f"--retrain {command!r}: {error}") from error
    if not words:
        raise ConfigError("--retrain is empty", expected="a command, such as 'make train'")
    return words


class Retraining:
    """One run at a time. The event that started it is on the command's standard input, as JSON."""

    def __init__(self, service: Service, command: str) -> None:
        self.service, self.command = service, parse_command(command)
        self._running: asyncio.Task[None] | None = None
        self._process: asyncio.subprocess.Process | None = None

    def start(self, event: dict[str, Any]) -> bool:
        """False where it runs already."""
        if self._running is not None and not self._running.done():
            return False
        self._running = asyncio.ensure_future(self._run(event))
        return True

    def terminate(self) -> None:
        """SIGTERM to a command that runs; `cloudner train` then writes a checkpoint."""
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()

    async def stop(self, seconds: float) -> None:
        """The same, and SIGKILL to one that still runs after so many seconds."""
        self.terminate()
        if self._process is None or self._process.returncode is not None:
            return
        try:
            await asyncio.wait_for(self._process.wait(), seconds)
        except asyncio.TimeoutError:
            logger.error("--retrain %s does not end and is killed", self.command[0])
            self._process.kill()
            await self._process.wait()

    async def _run(self, event: dict[str, Any]) -> None:
        try:
            self._process = await asyncio.create_subprocess_exec(*self.command, stdin=asyncio.subprocess.PIPE)
            await self._process.communicate(json.dumps(event).encode())
        except OSError as error:
            logger.error("--retrain %s: %s", self.command[0], error.strerror or error)
            return
        if self._process.returncode != 0:
            logger.error("--retrain ended with exit code %s; nothing changes", self._process.returncode)
            return
        for served in self.service.models.values():
            try:
                await asyncio.get_running_loop().run_in_executor(None, self.service.reload, served)
            except CloudnerError as error:
                logger.error("%s is served as before: %s", served.name, error)
            else:
                logger.warning("%s is served anew from %s", served.name, served.place)

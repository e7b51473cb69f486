"""Several processes behind one socket, each with pipelines of its own."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import socket
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess

logger = logging.getLogger("cloudner")
_STARTUP = 5.0  # a process that ends sooner ends the service: it would end again


class Workers:
    """Starts processes, starts one again that dies, passes SIGTERM and Ctrl-C on.

    target: a function of a module, called in each process with its arguments and the socket.
    """

    def __init__(self, target: Callable[..., None], arguments: tuple, listening: socket.socket) -> None:
        self._target, self._arguments, self._listening = target, (*arguments, listening), listening
        self._running: dict[BaseProcess, float] = {}
        self._stopping = self._starting = False

    def run(self, number: int) -> int:
        """Until a signal, or a process that cannot start. Returns the exit code."""
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, self._stop)
        with tempfile.TemporaryDirectory(prefix="cloudner-metrics-") as folder:
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = (
                folder  # read as prometheus_client is imported, over there
            )
            for _ in range(number):
                self._start()  # none any more once a signal has come
            code = 0
            while self._running:
                code = max(code, self._look())
            return code

    def _start(self) -> None:
        if self._stopping:
            return
        # spawn: torch's threads and CUDA do not survive a fork
        process = multiprocessing.get_context("spawn").Process(target=self._target, args=self._arguments)
        self._starting = True
        process.start()
        self._starting = False
        self._running[process] = time.monotonic()
        if self._stopping:  # the signal came before it could be passed on to this one
            self._end(process)
            self._listening.close()

    def _look(self) -> int:
        """Waits for a process to end, and starts another in its place; 1 where that makes no sense."""
        wait([process.sentinel for process in self._running], timeout=1.0)
        code = 0
        for process in [process for process in self._running if process.exitcode is not None]:
            started = self._running.pop(process)
            if self._stopping:
                continue
            from prometheus_client.multiprocess import mark_process_dead

            mark_process_dead(process.pid)
            logger.error("a process ended with exit code %s", process.exitcode)
            if time.monotonic() - started < _STARTUP or process.exitcode == 1:
                code = 1
                self._stop(signal.SIGTERM, None)
            else:
                self._start()
        return code

    def _stop(self, number: int, frame: object) -> None:
        self._stopping = True
        for process in list(self._running):
            self._end(process)
        if not self._starting:  # a process that is being started is handed it
            self._listening.close()  # while it is open here, clients still connect, and nobody answers them

    @staticmethod
    def _end(process: BaseProcess) -> None:
        if process.exitcode is None and process.pid is not None:
            os.kill(process.pid, signal.SIGTERM)

"""Processes of this machine: each loads the pipeline once; one that is killed is started again, and its piece is done
anew."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections import deque
from typing import Any

from cloudner.bulk.contract import PieceResult
from cloudner.bulk.engines.run import Run, reason_of
from cloudner.errors import InputError

# Processes that end before they have loaded the pipeline, one after another.
_STARTS = 5
_END_SECONDS = 10
# Libraries and a batch in work; the pipeline's files come on top, three times: as read, as loaded, and its copy to predict with.
_PROCESS_BYTES = 1 << 30


def run_here(run: Run) -> None:
    """In this process."""
    from cloudner.bulk.piece import PieceWorker

    worker = PieceWorker(
        run.target, run.model, run.plan.key, run.device, keep_going=run.keep_going, code=run.code
    )
    run.progress.loaded()
    waiting = deque(run.numbers)
    while waiting:
        number = waiting.popleft()
        try:
            result = worker.do(number, run.advance)
        except Exception as error:
            if run.again(number, reason_of(error)):
                waiting.appendleft(number)
        else:
            run.finished(result)


def run_processes(run: Run) -> None:
    """In `run.workers` processes. Raises InputError where the pipeline cannot be loaded."""
    crew = _Crew(run)
    try:
        crew.work()
    finally:
        crew.close()


class _Process:
    """A worker process. Its messages, and None at its end, go into a queue with itself."""

    def __init__(
        self, place: int, run: Run, messages: queue.Queue[tuple[_Process, dict[str, Any] | None]]
    ) -> None:
        self.place, self.piece, self.ready = place, -1, False
        threads = max(1, usable_cores() // run.workers)
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "TOKENIZERS_PARALLELISM": "false"}
        environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        # A session of its own: Ctrl-C reaches the one that started it, which then ends this one.
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cloudner.bulk.engines.worker", run.target, run.model, run.plan.key, device_of(place, run.device), str(threads),
             *(["--keep-going"] if run.keep_going else []), *(["--code", run.code] if run.code else [])],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True, encoding="utf-8",
            start_new_session=True,
        )  # fmt: skip
        threading.Thread(target=self._read, args=(messages,), daemon=True).start()

    def _read(self, messages: queue.Queue[tuple[_Process, dict[str, Any] | None]]) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            try:
                messages.put((self, json.loads(line)))
            except ValueError:  # the half of a line that a killed process leaves
                continue
        self.process.wait()
        messages.put((self, None))

    def give(self, number: int) -> None:
        self.piece = number
        try:
            assert self.process.stdin is not None
            self.process.stdin.write(f"{number}\n")
            self.process.stdin.flush()
        except OSError:  # it has ended; its last message says so
            pass

    def close(self) -> None:
        try:
            assert self.process.stdin is not None
            self.process.stdin.close()
        except OSError:
            pass
        try:
            self.process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class _Crew:
    """All processes of a run, and the pieces that wait."""

    def __init__(self, run: Run) -> None:
        self.run, self.waiting = run, deque(run.numbers)
        self.messages: queue.Queue[tuple[_Process, dict[str, Any] | None]] = queue.Queue()
        self.processes = [
            _Process(place, run, self.messages) for place in range(min(run.workers, len(run.numbers)))
        ]
        self._starts = 0

    def work(self) -> None:
        while self.waiting or any(process.piece >= 0 for process in self.processes):
            process, message = self.messages.get()
            if message is None:
                self._ended(process)
            elif "fatal" in message:
                raise InputError(message["fatal"])
            elif "ready" in message:
                process.ready, self._starts = True, 0
                self.run.progress.loaded()
                self._next(process)
            elif "rows" in message:
                self.run.advance(message["number"], message["rows"], message["failed"])
            else:
                self._over(process, message)

    def _over(self, process: _Process, message: dict[str, Any]) -> None:
        process.piece = -1
        if "done" in message:
            self.run.finished(PieceResult(message["number"], *message["done"]))
        elif self.run.again(message["number"], message["error"]):
            self.waiting.appendleft(message["number"])
        self._next(process)

    def _next(self, process: _Process) -> None:
        if self.waiting:
            process.give(self.waiting.popleft())

    def _ended(self, process: _Process) -> None:
        code = process.process.returncode
        if not process.ready:
            self._starts += 1
            if self._starts >= _STARTS:
                raise InputError(
                    f"the processes end before they have loaded the pipeline ({_end(code)})",
                    expected="memory for each of them",
                    fix=f"--workers {max(1, self.run.workers // 2)}",
                )
        self.processes.remove(process)
        if process.piece >= 0 and self.run.again(
            process.piece, f"its process was ended ({_end(code)})", ended=True
        ):
            self.waiting.appendleft(process.piece)
        if self.waiting:
            self.processes.append(_Process(process.place, self.run, self.messages))
            self._wake()

    def _wake(self) -> None:
        """Give what waits to those that had nothing left."""
        for process in self.processes:
            if process.ready and process.piece < 0:
                self._next(process)

    def close(self) -> None:
        for process in self.processes:
            process.close()


def _end(code: int | None) -> str:
    return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"


def usable_cores() -> int:
    """Cores that this process may use, a container's limit counted."""
    from cloudner.hardware.machine.cpu import cgroup_folders, cpu_limit, usable_cpus

    return max(1, int(usable_cpus(cpu_limit(cgroup_folders("cpu")))))


def gpus() -> int:
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def device_of(place: int, device: str) -> str:
    """The device of the process in that place: the cards in turn, where none is asked for by name."""
    return f"cuda:{place % gpus()}" if device == "auto" and gpus() else device


def default_workers(device: str, pipeline_bytes: int) -> int:
    """One a GPU, else one a core, as far as the memory that is left reaches."""
    if device != "cpu" and gpus():
        return gpus() if device == "auto" else 1
    import psutil

    from cloudner.hardware.machine.cpu import cgroup_folders, memory_limit

    left = psutil.virtual_memory().available
    limit = memory_limit(cgroup_folders("memory"))[1]
    left = left if limit is None else min(left, limit)
    return max(1, min(usable_cores(), left // (_PROCESS_BYTES + 3 * pipeline_bytes)))

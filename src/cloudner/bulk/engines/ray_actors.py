"""Ray: a pool of actors, each with the pipeline loaded once; what goes through Ray is numbers of pieces."""

from __future__ import annotations

import os
from collections import deque
from typing import Any

from cloudner.bulk.contract import PieceResult
from cloudner.bulk.engines.local import gpus
from cloudner.bulk.engines.run import Run
from cloudner.errors import CloudnerError, ConfigError, InputError


def run_ray(run: Run) -> None:
    """On the cluster that RAY_ADDRESS names or this process is connected to, else on this machine.

    Raises ConfigError where Ray is not installed, InputError where no actor can load the pipeline.
    """
    try:
        import ray
    except ImportError as error:
        raise ConfigError(
            "engine = 'ray' and Ray is not installed", fix='pip install "cloudner[ray]"'
        ) from error
    own = not ray.is_initialized()
    if own:
        _connect(ray, run)
    try:
        _work(ray, run)
    finally:
        if own:
            ray.shutdown()


def _connect(ray: Any, run: Run) -> None:
    if os.environ.get("RAY_ADDRESS"):
        ray.init(log_to_driver=False)
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # Logical CPUs: an actor is to start whatever else this machine does.
    ray.init(address="local", num_cpus=run.workers, include_dashboard=False, log_to_driver=False)


def _work(ray: Any, run: Run) -> None:
    cards = 1 if run.device != "cpu" and (gpus() or ray.cluster_resources().get("GPU")) else 0
    # One that dies is replaced here: an actor that Ray restarts refuses pieces until it has loaded the pipeline again.
    remote = ray.remote(num_cpus=1, num_gpus=cards, max_restarts=0, max_task_retries=0)(_Actor)
    waiting, key = deque(run.numbers), run.plan.key
    working: dict[Any, tuple[Any, int]] = {}

    def give(actor: Any) -> None:
        if waiting:
            number = waiting.popleft()
            actor = actor or remote.remote(run.target, run.model, key, run.device, run.keep_going, run.code)
            working[actor.do.remote(number)] = (actor, number)

    for _ in range(run.workers):
        give(None)
    while working:
        (ready,), _ = ray.wait(list(working), num_returns=1)
        actor, number = working.pop(ready)
        try:
            result = PieceResult(*ray.get(ready))
        except ray.exceptions.RayActorError as error:
            if "creation task" in str(error):
                raise InputError(
                    f"an actor cannot load the pipeline: {_told(error)}", file=run.target
                ) from error
            actor = None
            if run.again(number, _told(error), ended=True):
                waiting.appendleft(number)
        except ray.exceptions.RayTaskError as error:
            if run.again(number, _told(error)):
                waiting.appendleft(number)
        else:
            run.finished(result)
        give(actor)


def _told(error: BaseException) -> str:
    cause = getattr(error, "cause", None)
    if isinstance(cause, CloudnerError):
        return str(cause)
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__


class _Actor:
    """A process of Ray with the pipeline loaded."""

    def __init__(
        self, target: str, model: str, key: str, device: str, keep_going: bool, code: str | None
    ) -> None:
        import torch

        from cloudner.bulk.piece import PieceWorker

        torch.set_num_threads(1)
        self._worker = PieceWorker(target, model, key, device, keep_going=keep_going, code=code)

    def do(self, number: int) -> tuple[int, int, int, int]:
        result = self._worker.do(number)
        return result.number, result.rows, result.failed, result.entities

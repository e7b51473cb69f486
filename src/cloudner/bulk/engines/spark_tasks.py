"""Spark: one task a piece, through `mapInArrow`; what goes through Spark is numbers of pieces and their counts."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any

from cloudner.bulk.contract import PieceResult
from cloudner.bulk.engines.run import Run
from cloudner.errors import ConfigError, InputError

_COLUMNS = ("number", "rows", "failed", "entities")
_ATTEMPTS = 4  # of a task, in a session of our own; Spark's own default on a cluster


def run_spark(run: Run) -> None:
    """In the session that is active or that spark-submit gives, else on this machine.

    Raises ConfigError where PySpark or Java is not installed, InputError where the job fails.
    """
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise ConfigError(
            "engine = 'spark' and PySpark is not installed", fix='pip install "cloudner[spark]"'
        ) from error
    active = SparkSession.getActiveSession()
    session = active or _session(SparkSession, run)
    try:
        for row in _collect(session, run):
            run.finished(PieceResult(*(int(row[name]) for name in _COLUMNS)))
    finally:
        if active is None:
            session.stop()


def _session(builder: Any, run: Run) -> Any:
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    made = builder.builder.appName("cloudner annotate")
    if "SPARK_ENV_LOADED" not in os.environ and "PYSPARK_GATEWAY_PORT" not in os.environ:
        made = made.master(f"local[{run.workers},{_ATTEMPTS}]")
        made = made.config("spark.ui.enabled", "false").config("spark.ui.showConsoleProgress", "false")
    try:
        return made.getOrCreate()
    except Exception as error:
        raise ConfigError(
            f"Spark does not start: {str(error).splitlines()[0] if str(error) else type(error).__name__}",
            expected="Java 17 or later in JAVA_HOME or on the path",
            fix="apt-get install openjdk-17-jre-headless",
        ) from error


def _collect(session: Any, run: Run) -> list[Any]:
    target, model, device, numbers = run.target, run.model, run.device, list(run.numbers)
    key, keep_going, code = run.plan.key, run.keep_going, run.code

    def annotate(batches: Iterator[Any]) -> Iterator[Any]:
        import pyarrow as pa

        for batch in batches:
            for index in batch.column(0).to_pylist():
                result = _worker(target, model, key, device, keep_going, code).do(numbers[index])
                values = [result.number, result.rows, result.failed, result.entities]
                yield pa.RecordBatch.from_arrays(
                    [pa.array([v], pa.int64()) for v in values], names=list(_COLUMNS)
                )

    schema = ", ".join(f"{name} long" for name in _COLUMNS)
    try:
        return list(session.range(0, len(numbers), 1, len(numbers)).mapInArrow(annotate, schema).collect())
    except Exception as error:  # py4j's, and those of Spark's own exceptions
        lines = [line.strip() for line in str(error).splitlines()]
        ours = next(
            (line for line in lines if line.startswith("cloudner.errors.")), lines[0] if lines else ""
        )
        raise InputError(
            f"the job on Spark failed: {ours.partition(': ')[2] or ours}",
            file=target,
            fix="the same command again once that is mended: pieces that are finished stay",
        ) from error


# Of this process: Spark keeps its Python processes from one task to the next, and from one job to the next.
_kept: dict[tuple[str, str, str, str, bool, str | None], Any] = {}


def _worker(target: str, model: str, key: str, device: str, keep_going: bool, code: str | None) -> Any:
    import torch

    from cloudner.bulk.piece import PieceWorker

    asked = (target, model, key, device, keep_going, code)
    if asked not in _kept:
        torch.set_num_threads(1)
        _kept.clear()
        _kept[asked] = PieceWorker(target, model, key, device, keep_going=keep_going, code=code)
    return _kept[asked]

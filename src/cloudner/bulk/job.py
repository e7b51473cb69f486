"""`annotate`: a plan, the pieces of it that are missing, `_SUCCESS`."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from cloudner.bulk.contract import OUTPUTS, Options, PieceResult
from cloudner.bulk.engines.run import Run
from cloudner.bulk.in_use import in_use
from cloudner.bulk.outputs.finished import find_finished
from cloudner.bulk.pipeline import fingerprint
from cloudner.bulk.plan import SUCCESS, Plan
from cloudner.bulk.planning import planned, refuse_others
from cloudner.bulk.progress import Progress
from cloudner.bulk.store import Store
from cloudner.corpus.files.sources import as_paths
from cloudner.errors import ConfigError, InputError, of_kind

ENGINES = ("local", "ray", "spark")


@dataclass(frozen=True)
class Annotation:
    """What a run of `annotate` has done.

    target: its address. rows, failed, entities: of this shard's documents, those of earlier runs included. pieces: of this
    shard; before: how many of them were there already. complete: are the pieces of all shards there? seconds: of this run.
    """

    target: str
    rows: int
    failed: int
    entities: int
    pieces: int
    before: int
    complete: bool
    seconds: float


def annotate(
    source: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    target: str | os.PathLike[str],
    *,
    model: str | Path | None = None,
    code: str | Path | None = None,
    text_column: str = "text",
    id_column: str | None = None,
    columns: Iterable[str] = (),
    rows_per_piece: int = 50_000,
    to: str | None = None,
    format: str = "auto",
    text_unit: str = "line",
    encoding: str | None = None,
    engine: str = "local",
    workers: int | None = None,
    shard: tuple[int, int] | None = None,
    restart: bool = False,
    device: str = "auto",
    threshold: float | None = None,
    precision: str = "auto",
    backend: str = "auto",
    keep_going: bool = False,
    log: IO[str] | bool = True,
) -> Annotation:
    """Entities of files of any number and size, in pieces. What is interrupted goes on where it was when the same is called
    again, and every document is in the target once.

    source: Parquet, JSON lines, CSV, text or `.spacy` files: paths, patterns, folders, and URLs that fsspec opens.
    target: a folder, new or of the same job, or a URL of one.
    model: as for `cloudner.load`.
    code: a Python file with registered functions that the pipeline names, imported in each process.
    text_column, id_column: the columns, or keys, of the text and of the document's id; without the latter an id is FILE:NUMBER.
    columns: that are kept beside id, entities and error.
    rows_per_piece: documents a file of the target.
    to: "parquet", "jsonl" or "spacy"; None for the target's ending, else Parquet.
    format: of all sources: "parquet", "jsonl", "csv", "text", "spacy"; "auto" for their endings.
    text_unit: what is a document in a text file, "line" or "file".
    encoding: of text files; None to find out.
    engine: "local" (processes), "ray" or "spark".
    workers: processes, actors, or Spark's local tasks; None for one a GPU, else one a core. A single local one is this process.
    shard: (i, n): every n-th piece from the i-th on, counted from 0, for n machines that share a target.
    restart: delete what an earlier job wrote there.
    device, threshold, precision, backend: as for `cloudner.load`.
    keep_going: make a piece of it too where the pipeline fails on every document, instead of ending.
    log: where progress goes: True for standard error, False for nowhere.

    Raises InputError for a source, pipeline, file of code or target that cannot be used, for a job in the target that is another or that
    another run works at while this one is to restart it, for a pipeline that is changed meanwhile, and for pieces that
    could not be made; ConfigError for options that cannot work.
    """
    started = time.monotonic()
    texts = as_paths(source)
    of_kind(target, (str, os.PathLike), "a target", "a folder or a URL")
    options = Options(
        text_column=text_column, id_column=id_column, columns=tuple(columns), rows_per_piece=rows_per_piece,
        to=to or _ending(os.fspath(target)), format=format, text_unit=text_unit, encoding=encoding, threshold=threshold,
        precision=precision, backend=backend,
    )  # fmt: skip
    _check(engine, workers, shard, restart)
    options.check()
    store = Store(os.fspath(target))
    name, print_ = fingerprint(model, code)
    if store.local:
        refuse_others(store)
    with in_use(store, alone=restart) as lock:
        plan = planned(texts, store, print_, options, restart=restart)
        lock.take(alone=False)
        run, before = _prepared(plan, store, name, device, engine, workers, shard, log)
        run.keep_going = keep_going
        run.code = None if code is None else str(Path(code).absolute())
        if run.numbers:
            store.remove(SUCCESS)
            try:
                _engine(engine, store, run)
                run.check()
            finally:
                run.progress.close()
            _check_own(store, plan, {**before, **run.results})
        mine = {**before, **run.results}
        complete = _conclude(store, plan, mine)
    done = list(mine.values())
    return Annotation(
        store.url,
        sum(result.rows for result in done),
        sum(result.failed for result in done),
        sum(result.entities for result in done),
        len(done),
        len(before),
        complete,
        time.monotonic() - started,
    )


def _ending(target: str) -> str:
    ending = target.rstrip("/").rpartition(".")[2]
    return ending if ending in OUTPUTS else "parquet"


def _check(engine: str, workers: int | None, shard: tuple[int, int] | None, restart: bool) -> None:
    if engine not in ENGINES:
        raise ConfigError(f"engine = {engine!r}", expected=", ".join(ENGINES))
    if workers is not None and workers < 1:
        raise ConfigError(f"workers = {workers}", expected="1 or more")
    if shard is not None and not 0 <= shard[0] < shard[1]:
        raise ConfigError(f"shard = {shard[0]}/{shard[1]}", expected="i/n, with i from 0 to n - 1")
    if shard is not None and restart:
        raise ConfigError(
            "a shard that restarts would delete what the other shards write",
            fix="an empty target, without --restart",
        )


def _prepared(
    plan: Plan,
    store: Store,
    model: str,
    device: str,
    engine: str,
    workers: int | None,
    shard: tuple[int, int] | None,
    log: IO[str] | bool,
) -> tuple[Run, dict[int, PieceResult]]:
    """The run of what is missing, and the pieces that are there."""
    mine = range(len(plan.pieces)) if shard is None else range(shard[0], len(plan.pieces), shard[1])
    before = find_finished(store, plan, mine)
    numbers = [number for number in mine if number not in before]
    progress = Progress(
        sum(plan.pieces[number].rows for number in mine),
        sum(result.rows for result in before.values()),
        sum(result.failed for result in before.values()),
        stream=(sys.stderr if log else None) if isinstance(log, bool) else log,
    )
    count = _workers(store, model, device, engine, workers, len(numbers))
    progress.say(
        f"{progress.total:,} documents in {len(mine):,} {'piece' if len(mine) == 1 else 'pieces'}, {len(before):,} of them done; "
        f"{engine}, {count} {'worker' if count == 1 else 'workers'}"
    )
    return Run(store.url, model, device, plan, numbers, count, progress), before


def _workers(store: Store, model: str, device: str, engine: str, workers: int | None, pieces: int) -> int:
    from cloudner.bulk.engines.local import default_workers

    if store.private:
        if (workers or 1) > 1 or engine != "local":
            raise ConfigError(
                f"{store.url} is in the memory of one process", expected="--engine local --workers 1"
            )
        return 1
    if workers is None:
        folder = Path(model)
        size = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) if folder.is_dir() else 0
        workers = default_workers(device, size)
    return max(1, min(workers, pieces))


def _engine(engine: str, store: Store, run: Run) -> None:
    if engine == "ray":
        from cloudner.bulk.engines.ray_actors import run_ray

        run_ray(run)
    elif engine == "spark":
        from cloudner.bulk.engines.spark_tasks import run_spark

        run_spark(run)
    else:
        from cloudner.bulk.engines.local import run_here, run_processes

        (run_here if run.workers == 1 else run_processes)(run)


def _check_own(store: Store, plan: Plan, known: dict[int, PieceResult]) -> None:
    """Raises InputError where a piece that this run has written or found is not there any more."""
    gone = sorted(known.keys() - find_finished(store, plan, known, digests=False).keys())
    if gone:
        more = f", nor are {len(gone) - 1} others" if len(gone) > 1 else ""
        raise InputError(
            f"{plan.pieces[gone[0]].name} is not what this run has left there{more}",
            file=store.url,
            expected="a target that nothing else writes into",
            fix="the same command again once nothing does: pieces that are finished stay",
        )


def _conclude(store: Store, plan: Plan, known: dict[int, PieceResult]) -> bool:
    """Writes `_SUCCESS` once the pieces of all shards are there. known: this shard's. The last one to end finds them all."""
    others = [number for number in range(len(plan.pieces)) if number not in known]
    done = {**known, **(find_finished(store, plan, others) if others else {})}
    if len(done) < len(plan.pieces):
        return False
    counts = {
        "pieces": len(done),
        "rows": sum(result.rows for result in done.values()),
        "failed": sum(result.failed for result in done.values()),
        "entities": sum(result.entities for result in done.values()),
    }
    text = json.dumps(counts, indent=1).encode()
    if store.read(SUCCESS) != text:
        store.write(SUCCESS, text)
    return True

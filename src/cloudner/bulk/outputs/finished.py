"""Which pieces are complete. A Parquet file says so itself, by a footer that can be read; beside the others lies a file
with their documents, size and SHA-256."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cloudner.bulk.contract import PieceResult
from cloudner.bulk.plan import DONE, FAILED, Plan
from cloudner.bulk.store import Store

_THREADS = 16  # a footer in an object store takes one or two requests


def sidecar_name(piece: str) -> str:
    return f"{DONE}/{piece.partition('.')[0]}.json"


def failed_name(piece: str) -> str:
    return f"{FAILED}/{piece.partition('.')[0]}.jsonl"


def write_sidecar(store: Store, plan: Plan, result: PieceResult, path: Path) -> None:
    """path: the piece's file, as it is uploaded or renamed."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    value = {
        "rows": result.rows, "failed": result.failed, "entities": result.entities, "size": path.stat().st_size,
        "sha256": digest.hexdigest(), "plan": plan.key,
    }  # fmt: skip
    store.write(sidecar_name(plan.pieces[result.number].name), json.dumps(value).encode())


def find_finished(
    store: Store, plan: Plan, numbers: Iterable[int], *, digests: bool = True
) -> dict[int, PieceResult]:
    """The pieces among `numbers` that are complete. digests: compare them, which reads JSON lines and .spacy whole."""
    sizes = store.names()
    asked = [number for number in numbers if plan.pieces[number].name in sizes]
    with ThreadPoolExecutor(_THREADS) as pool:
        check = _parquet if plan.options.to == "parquet" else _sidecar
        results = pool.map(lambda number: check(store, plan, number, sizes, digests), asked)
        return {result.number: result for result in results if result is not None}


def _parquet(store: Store, plan: Plan, number: int, *_: object) -> PieceResult | None:
    import pyarrow
    import pyarrow.parquet as pq

    piece = plan.pieces[number]
    try:
        with store.open(piece.name) as file:
            metadata = pq.read_metadata(file)
    except (OSError, pyarrow.ArrowException):
        return None
    own = metadata.metadata or {}
    if metadata.num_rows != piece.rows or own.get(b"cloudner.plan", b"").decode() != plan.key:
        return None
    try:
        counts = {name: int(own[f"cloudner.{name}".encode()]) for name in ("failed", "entities")}
    except (KeyError, ValueError):
        return None
    return PieceResult(number, piece.rows, **counts)


def _sidecar(
    store: Store, plan: Plan, number: int, sizes: dict[str, int], digests: bool
) -> PieceResult | None:
    piece = plan.pieces[number]
    raw = store.read(sidecar_name(piece.name)) if sidecar_name(piece.name) in sizes else None
    try:
        value = json.loads(raw or b"")
        same = (value["rows"], value["size"], value["plan"]) == (piece.rows, sizes[piece.name], plan.key)
        if not same or (digests and store.local and _digest(store, piece.name) != value["sha256"]):
            return None
        return PieceResult(number, piece.rows, int(value["failed"]), int(value["entities"]))
    except (ValueError, KeyError, TypeError, OSError):
        return None


def _digest(store: Store, name: str) -> str:
    digest = hashlib.sha256()
    with store.open(name) as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()

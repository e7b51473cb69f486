"""One piece: read, annotated, written aside, put in place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from cloudner.bulk.contract import ERROR, ID, Batch, PieceResult
from cloudner.bulk.inputs.listing import describe
from cloudner.bulk.inputs.reading import read
from cloudner.bulk.inputs.values import dumps
from cloudner.bulk.outputs.finished import failed_name, write_sidecar
from cloudner.bulk.outputs.writers import Writer, writer
from cloudner.bulk.pipeline import Annotator, fingerprint
from cloudner.bulk.plan import Plan, open_plan
from cloudner.bulk.store import Store
from cloudner.errors import InputError

# Piece, documents done and failed since the last call.
Tell = Callable[[int, int, int], None]


class PieceWorker:
    """What every engine makes in each of its processes: it needs the target's address and the pipeline's name, no more."""

    def __init__(
        self, target: str, model: str, device: str = "auto", *, check: bool = False, keep_going: bool = False
    ) -> None:
        """check: compare the pipeline with the plan's, where this may be another machine. keep_going: see `Annotator`.
        Raises InputError."""
        self.store = Store(target)
        plan = open_plan(self.store)
        if plan is None:
            raise InputError("there is no plan", file=target)
        if check and fingerprint(model)[1] != plan.pipeline:
            raise InputError(
                f"the pipeline {model!r} is another on this machine", expected="the same files on each"
            )
        self.plan: Plan = plan
        self.annotator = Annotator(model, plan.options, device, keep_going=keep_going)

    def do(self, number: int, tell: Tell = lambda number, rows, failed: None) -> PieceResult:
        """Write a piece. tell: called with its number, documents done and documents failed since the last call.

        Raises InputError where a source has changed since the plan was made, or the target takes no file.
        """
        plan, piece = self.plan, self.plan.pieces[number]
        self._check_sources(number)
        failed: list[dict[str, Any]] = []
        with self.store.writing(piece.name) as path:
            entities = self._fill(path, number, failed, tell)
            result = PieceResult(number, piece.rows, len(failed), entities)
            self._set_aside(piece.name, failed)
            if plan.options.to != "parquet":
                write_sidecar(self.store, plan, result, path)
        return result

    def _check_sources(self, number: int) -> None:
        for index in {part.file for part in self.plan.pieces[number].parts}:
            file = self.plan.files[index]
            if describe(file.url) != (file.size, file.etag):
                raise InputError(
                    "it has changed since the plan was made",
                    file=file.name,
                    expected="the file as it was",
                    fix="--restart, which annotates everything again",
                )

    def _fill(self, path: Path, number: int, failed: list[dict[str, Any]], tell: Tell) -> int:
        plan, entities = self.plan, 0
        with writer(path, plan.options, plan.kept_schema(), plan.key) as out:
            for part in plan.pieces[number].parts:
                for batch in read(plan.files[part.file], part, plan.options):
                    before = len(failed)
                    entities += self._add(out, batch, failed)
                    tell(number, len(batch.records), len(failed) - before)
            out.finish(len(failed), entities)
        return entities

    def _add(self, out: Writer, batch: Batch, failed: list[dict[str, Any]]) -> int:
        count = 0
        for docs in self.annotator.annotate(batch.records):
            count = out.add(batch, docs, self.annotator.group)
            for record, doc in zip(batch.records, docs, strict=True):
                if isinstance(doc, str):
                    failed.append({ID: record.id, ERROR: doc})
        return count

    def _set_aside(self, piece: str, failed: list[dict[str, Any]]) -> None:
        """The documents without annotation, with the reason, in a file of their own."""
        if failed:
            self.store.write(failed_name(piece), "".join(dumps(row) + "\n" for row in failed).encode("utf-8"))
        else:
            self.store.remove(failed_name(piece))

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
from cloudner.bulk.plan import PLAN, Plan, open_plan
from cloudner.bulk.store import Store
from cloudner.errors import InputError
from cloudner.own_code import import_code

# Piece, documents done and failed since the last call.
Tell = Callable[[int, int, int], None]


class PieceWorker:
    """What every engine makes in each of its processes: it needs the target's address, the pipeline's name and the plan's
    key, no more."""

    def __init__(
        self,
        target: str,
        model: str,
        key: str,
        device: str = "auto",
        *,
        keep_going: bool = False,
        code: str | None = None,
    ) -> None:
        """key: of the plan that the run was begun with. keep_going: see `Annotator`. code: imported before the pipeline is
        loaded.

        Raises InputError where the target holds another plan, and where the pipeline is not the plan's: this may be another
        machine, and a later moment.
        """
        self.store = Store(target)
        self._version: tuple[int, str] | None = None
        self.plan: Plan = self._same_plan(key)
        self._offsets = self.plan.offsets()
        import_code(code)
        self.annotator = Annotator(model, self.plan.options, device, keep_going=keep_going)
        if fingerprint(model, code)[1] != self.plan.pipeline:  # looked at once loaded: what is loaded stays
            own = "" if code is None else f", or its code {code!r},"
            raise InputError(
                f"the pipeline {model!r}{own} is not what the job was begun with",
                expected="the same files on every machine, until the job has ended",
                fix="annotate with a copy that no training writes to",
            )

    def do(self, number: int, tell: Tell = lambda number, rows, failed: None) -> PieceResult:
        """Write a piece. tell: called with its number, documents done and documents failed since the last call.

        Raises InputError where a source or the plan in the target has changed, or the target takes no file.
        """
        plan, piece = self.plan, self.plan.pieces[number]
        self._check_sources(number)
        failed: list[dict[str, Any]] = []
        with self.store.writing(piece.name) as path:
            entities = self._fill(path, number, failed, tell)
            result = PieceResult(number, piece.rows, len(failed), entities)
            self._same_plan(plan.key)
            self._set_aside(piece.name, failed)
            if plan.options.to != "parquet":
                write_sidecar(self.store, plan, result, path)
        return result

    def _same_plan(self, key: str) -> Plan:
        """The plan in the target, read again where it was written again. Raises InputError where it is another."""
        version = describe(f"{self.store.url}/{PLAN}")
        if version == self._version:
            return self.plan
        plan = open_plan(self.store)
        if plan is None or plan.key != key:
            raise InputError(
                "another job has been begun in the target",
                file=self.store.url,
                expected="the plan that this run was begun with",
                fix="another target for one of them",
            )
        self._version = version
        return plan

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
                beyond = self._offsets.get((part.file, part.first + part.rows))
                for batch in read(plan.files[part.file], part, plan.options, beyond):
                    before = len(failed)
                    entities += self._add(out, batch, failed)
                    tell(number, len(batch.records), len(failed) - before)
            out.finish(len(failed), entities)
        return entities

    def _add(self, out: Writer, batch: Batch, failed: list[dict[str, Any]]) -> int:
        count = 0
        for docs in self.annotator.annotate(batch.records):
            count = out.add(batch, docs, self.annotator.groups)
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

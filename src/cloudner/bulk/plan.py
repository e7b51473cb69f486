"""The plan of a job: which records of which files make which piece. Kept in the target as `_plan.json`."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import asdict, dataclass, fields
from typing import Any

from cloudner.bulk.contract import InputFile, Options, Part, Piece
from cloudner.bulk.store import Store
from cloudner.errors import InputError
from cloudner.json_files import json_of

PLAN, SUCCESS, DONE, FAILED = "_plan.json", "_SUCCESS", "_done", "_failed"
_FORMAT = 1
# Where a difference of options is told by the option's name on the command line.
_TYPED = {"text_column": "--text-column", "id_column": "--id-column", "rows_per_piece": "--rows-per-piece", "text_unit": "--text-unit"}  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """files: the sources as they were. pipeline: its fingerprint, and that of the file of code. schema: the kept columns' Arrow schema in IPC's form,
    base64; empty where the target is not Parquet."""

    files: tuple[InputFile, ...]
    pipeline: str
    options: Options
    pieces: tuple[Piece, ...]
    schema: str = ""

    @property
    def rows(self) -> int:
        return sum(piece.rows for piece in self.pieces)

    @property
    def key(self) -> str:
        """Of what is asked for: files, pipeline and options."""
        return asked_key(self.files, self.pipeline, self.options)

    def offsets(self) -> dict[tuple[int, int], int]:
        """Where the parts of CSV files begin, by file and first record."""
        parts = (part for piece in self.pieces for part in piece.parts)
        return {
            (part.file, part.first): part.offset for part in parts if self.files[part.file].format == "csv"
        }

    def kept_schema(self) -> Any:
        if not self.schema:
            return None
        import pyarrow as pa

        return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(self.schema)))

    def save(self, store: Store) -> None:
        value = {
            "format": _FORMAT,
            "key": self.key,
            "pipeline": self.pipeline,
            "options": asdict(self.options),
            "files": [file._asdict() for file in self.files],
            "schema": self.schema,
            "pieces": [[piece.name, piece.rows, piece.parts] for piece in self.pieces],
        }
        store.write(PLAN, json.dumps(value, ensure_ascii=False, indent=1).encode("utf-8", errors="replace"))


def asked_key(files: tuple[InputFile, ...], pipeline: str, options: Options) -> str:
    text = json.dumps([files, pipeline, asdict(options)], ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def open_plan(store: Store) -> Plan | None:
    """The plan in a target, None where there is none. Raises InputError for one that is damaged or of a later version."""
    raw = store.read(PLAN)
    if raw is None:
        return None
    try:
        value = json_of(raw)
        if value["format"] != _FORMAT:
            raise ValueError(f"format {value['format']}")
        known = {field.name for field in fields(Options)}
        options = {name: each for name, each in value["options"].items() if name in known}
        plan = Plan(
            tuple(InputFile(**file) for file in value["files"]),
            value["pipeline"],
            Options(**{**options, "columns": tuple(options["columns"])}),
            tuple(_piece(*piece) for piece in value["pieces"]),
            value["schema"],
        )
        plan.kept_schema()
        return plan
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"the plan is damaged or of another version: {error}",
            file=f"{store.url}/{PLAN}",
            fix="--restart, which annotates everything again",
        ) from error


def _piece(name: str, rows: int, parts: list[list[Any]]) -> Piece:
    made = (
        Part(file, first, count, offset, line, tuple(groups))
        for file, first, count, offset, line, groups in parts
    )
    return Piece(name, rows, tuple(made))


def differences(before: Plan, files: tuple[InputFile, ...], pipeline: str, options: Options) -> list[str]:
    """What is asked for now and was not then, in words; empty where nothing differs."""
    found = []
    old, new = {file.url: file for file in before.files}, {file.url: file for file in files}
    for url in sorted({*old, *new}):
        if url not in new:
            found.append(f"{old[url].name} is gone")
        elif url not in old:
            found.append(f"{new[url].name} is new")
        elif old[url][:4] != new[url][:4]:
            found.append(f"{new[url].name} has changed")
        elif old[url] != new[url]:
            found.append(f"{new[url].name} is read otherwise ({new[url].format}, {new[url].encoding})")
    if len(found) > 3:
        found = [*found[:3], f"{len(found) - 3} more files"]
    then_files, _, then_code = before.pipeline.partition(":")
    now_files, _, now_code = pipeline.partition(":")
    if then_files != now_files:
        found.append("the pipeline is another")
    if then_code != now_code:
        word = "is new" if not then_code else "is missing" if not now_code else "has other contents"
        found.append(f"the file of --code {word}")
    for name, value in asdict(options).items():
        then = getattr(before.options, name)
        if then != value:
            found.append(f"{_TYPED.get(name, '--' + name)} was {_shown(then)} and is {_shown(value)}")
    return found


def _shown(value: Any) -> str:
    return ",".join(value) or "nothing" if isinstance(value, tuple) else str(value)

"""A plan made of the sources, or the one that is there, if it is of the same job."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from cloudner.bulk.contract import InputFile, Options, Part, Piece
from cloudner.bulk.inputs.columnar import pyarrow
from cloudner.bulk.inputs.listing import list_files
from cloudner.bulk.inputs.reading import check_file, cut, schema_of
from cloudner.bulk.inputs.values import Kinds
from cloudner.bulk.plan import DONE, FAILED, PLAN, SUCCESS, Plan, differences, open_plan
from cloudner.bulk.schema import kept_schema
from cloudner.bulk.store import Store
from cloudner.errors import InputError

_OURS = re.compile(
    rf"{SUCCESS}|(?:{DONE}|{FAILED})/part-\d+\.jsonl?|part-\d+\.(?:parquet|jsonl|spacy)"
    r"|(?:.*/)?\.part-\d+\.\w+\.[\w-]+\.tmp"
)


def planned(sources: list[str], store: Store, pipeline: str, options: Options, *, restart: bool) -> Plan:
    """The plan that is in the target, or a new one. pipeline: the fingerprint.

    Raises InputError where the target holds something else, or a job that asks for something else, unless restart
    is set: then what the earlier job wrote is deleted. Raises ConfigError where Parquet cannot be written.
    """
    if options.to == "parquet":
        pyarrow()
    before = None if restart else open_plan(store)
    if before is None and not refuse_others(store) and not restart:
        before = open_plan(store)  # another shard has written it since
    files = tuple(list_files(sources, options, without=store.root))
    if before is not None:
        found = differences(before, files, pipeline, options)
        if found:
            raise InputError(
                f"the job in the target is another: {'; '.join(found)}",
                file=store.url,
                expected="the sources, pipeline and options that it was begun with",
                fix="--restart, which deletes its pieces and annotates everything again, or another target",
            )
        return before
    plan = make_plan(files, pipeline, options)
    if restart:
        _delete(store)
    plan.save(store)
    return plan


def make_plan(files: tuple[InputFile, ...], pipeline: str, options: Options) -> Plan:
    """The same for the same files, pipeline and options. Raises InputError for a file that cannot be annotated."""
    schemas = [check_file(file, options) for file in files]
    typed = options.to == "parquet" and bool(options.columns)
    parts: list[Part] = []
    for number, file in enumerate(files):
        kinds = Kinds(options.columns) if typed and schemas[number] is None else None
        parts += cut(number, file, options, kinds)
        if kinds is not None:
            schemas[number] = schema_of(file, options, kinds)
    schema = kept_schema(files, schemas, options) if options.to == "parquet" else ""
    return Plan(files, pipeline, options, tuple(_pieces(parts, options)), schema)


def _pieces(parts: Iterable[Part], options: Options) -> Iterator[Piece]:
    """Small files together; where there is no document at all, one empty piece, so that the target can be read."""
    number, rows = 0, 0
    taken: list[Part] = []
    for part in parts:
        if taken and rows + part.rows > options.rows_per_piece:
            yield Piece(_name(number, options), rows, tuple(taken))
            number, taken, rows = number + 1, [], 0
        taken.append(part)
        rows += part.rows
    if taken or not number:
        yield Piece(_name(number, options), rows, tuple(taken))


def _name(number: int, options: Options) -> str:
    return f"part-{number:05d}.{options.to}"


def refuse_others(store: Store) -> bool:
    """Is there nothing in the target? False where a job has been begun there. Raises InputError for anything else."""
    names = [name for name in store.names() if not name.rpartition("/")[2].startswith(".")]
    if names and PLAN not in names:
        raise InputError(
            f"it holds {min(names)!r} and no {PLAN}",
            file=store.url,
            expected="a folder that is new, empty or of the same job",
            fix="another target",
        )
    return not names


def _delete(store: Store) -> None:
    """What an earlier job wrote, `_SUCCESS` first. The plan stays until the new one takes its place."""
    names = [name for name in store.names() if _OURS.fullmatch(name)]
    for name in sorted(names, key=lambda name: name != SUCCESS):
        store.remove(name)

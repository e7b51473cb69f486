"""Documents of a piece into its file, a batch at a time."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Protocol

from cloudner.bulk.contract import ENTITIES, ERROR, ID, Batch, Options
from cloudner.bulk.inputs.columnar import pyarrow
from cloudner.bulk.inputs.lines import clean
from cloudner.bulk.inputs.values import as_text, dumps
from cloudner.inference.entities import entities_of

if TYPE_CHECKING:
    from spacy.tokens import Doc


class Writer(Protocol):
    """Used as a context: the file is complete at its end."""

    def __enter__(self) -> Writer: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def add(self, batch: Batch, docs: list[Doc | str], groups: list[str]) -> int:
        """Write a batch; a text in `docs` is why there is no annotation. Returns the number of entities."""
        ...

    def finish(self, failed: int, entities: int) -> None:
        """The piece's counts, once its last batch is written."""
        ...


def writer(path: Path, options: Options, schema: Any, key: str) -> Writer:
    """schema: of the kept columns, for Parquet. key: the plan's, kept in a Parquet file's metadata."""
    if options.to == "parquet":
        return ParquetWriter(path, schema, key)
    return JsonWriter(path, options) if options.to == "jsonl" else SpacyWriter(path, options)


def full_schema(kept: Any) -> Any:
    """The target's Arrow schema: id, entities, error, and the kept columns."""
    pa = pyarrow()
    entity = pa.struct(
        [
            ("start", pa.int32()),  # characters of the text, as Python counts them
            ("end", pa.int32()),
            ("label", pa.string()),
            ("text", pa.string()),
            ("confidence", pa.float32()),
        ]
    )
    own = [(ID, pa.string()), (ENTITIES, pa.list_(entity)), (ERROR, pa.string())]
    return pa.schema([*(pa.field(name, kind) for name, kind in own), *kept])


class ParquetWriter:
    """A row group a batch."""

    def __init__(self, path: Path, kept: Any, key: str) -> None:
        self._pa = pyarrow()
        self._schema = full_schema(kept).with_metadata({"cloudner.plan": key})
        self._writer = self._pa.parquet.ParquetWriter(str(path), self._schema, compression="zstd")

    def __enter__(self) -> ParquetWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()

    def finish(self, failed: int, entities: int) -> None:
        self._writer.add_key_value_metadata(
            {"cloudner.failed": str(failed), "cloudner.entities": str(entities)}
        )

    def add(self, batch: Batch, docs: list[Doc | str], groups: list[str]) -> int:
        found = [None if isinstance(doc, str) else entities_of(doc, groups) for doc in docs]
        values: dict[str, Any] = {
            ID: [record.id for record in batch.records],
            ENTITIES: found,
            ERROR: [clean(doc) if isinstance(doc, str) else None for doc in docs],
        }
        arrays = []
        for field in self._schema:
            if field.name in values:
                arrays.append(self._pa.array(values[field.name], type=field.type))
            elif field.name in batch.arrays:
                arrays.append(batch.arrays[field.name].cast(field.type))
            else:
                arrays.append(self._column(batch.column(field.name), field.type))
        self._writer.write_table(self._pa.Table.from_arrays(arrays, schema=self._schema))
        return sum(len(each) for each in found if each is not None)

    def _column(self, values: Any, kind: Any) -> Any:
        if self._pa.types.is_string(kind) or self._pa.types.is_large_string(kind):
            values = [None if value is None else as_text(value) for value in values]
        elif self._pa.types.is_floating(kind):  # Arrow takes no whole number beyond 2 ** 53 for one
            values = [None if value is None else float(value) for value in values]
        return self._pa.array(values, type=kind)


class JsonWriter:
    """A JSON object a line."""

    def __init__(self, path: Path, options: Options) -> None:
        self._columns = options.columns
        self._file: IO[bytes] = open(path, "wb")  # noqa: SIM115

    def __enter__(self) -> JsonWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def finish(self, failed: int, entities: int) -> None:
        pass

    def add(self, batch: Batch, docs: list[Doc | str], groups: list[str]) -> int:
        kept = {name: batch.column(name) for name in self._columns}
        count = 0
        for number, (record, doc) in enumerate(zip(batch.records, docs, strict=True)):
            failed = isinstance(doc, str)
            found = None if isinstance(doc, str) else entities_of(doc, groups)
            count += len(found or ())
            row = {ID: record.id, ENTITIES: found, ERROR: doc if failed else None}
            row.update((name, values[number]) for name, values in kept.items())
            self._file.write(dumps(row).encode("utf-8") + b"\n")
        return count


class SpacyWriter:
    """A DocBin of the documents that were annotated; id and kept columns are in `doc.user_data["meta"]`."""

    def __init__(self, path: Path, options: Options) -> None:
        from cloudner.corpus.docbin.whole import DocWriter

        self._path, self._columns, self._docs = path, options.columns, DocWriter()

    def __enter__(self) -> SpacyWriter:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self._docs.write(self._path)

    def finish(self, failed: int, entities: int) -> None:
        pass

    def add(self, batch: Batch, docs: list[Doc | str], groups: list[str]) -> int:
        import json

        kept = {name: batch.column(name) for name in self._columns}
        count = 0
        for number, (record, doc) in enumerate(zip(batch.records, docs, strict=True)):
            if not isinstance(doc, str):
                columns = {name: values[number] for name, values in kept.items()}
                doc.user_data["meta"] = {ID: record.id, **json.loads(dumps(columns))}
                self._docs.add(doc)
                count += len(entities_of(doc, groups))
        return count

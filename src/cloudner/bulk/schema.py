"""One type for each kept column of the target, where the files differ in it: one that every value of theirs fits."""

from __future__ import annotations

import base64
from typing import Any

from cloudner.bulk.contract import InputFile, Options
from cloudner.bulk.inputs.columnar import fits, pyarrow
from cloudner.errors import InputError

_EXACT = {"halffloat": 11, "float": 24, "double": 53}  # bits of a whole number that these hold


def kept_schema(files: tuple[InputFile, ...], schemas: list[Any], options: Options) -> str:
    """The kept columns' Arrow schema in IPC's form, base64. schemas: each file's, None where nothing is known of it.

    Raises InputError where files do not agree on a column. A Parquet column is read where its type alone does not say that
    every value can become one of the common type.
    """
    pa = pyarrow()
    fields = [pa.field(name, _common(pa, name, files, schemas)) for name in options.columns]
    return base64.b64encode(pa.schema(fields).serialize().to_pybytes()).decode("ascii")


def _common(pa: Any, name: str, files: tuple[InputFile, ...], schemas: list[Any]) -> Any:
    known = [
        (file, schema.field(name)) for file, schema in zip(files, schemas, strict=True) if schema is not None
    ]
    if not known:
        return pa.string()
    one = _promoted(pa, [field for _, field in known])
    for file, field in known:
        kind = field.type
        if one is None or not _may_become(pa, kind, one, file):
            raise _disagreement(name, known)
        if file.format != "parquet" or _always_fits(pa, kind, one):
            continue
        if not fits(file, name, one):
            raise _disagreement(name, known, f", and {one} cannot hold every value of {file.name}")
    return pa.string() if pa.types.is_null(one) else one


def _promoted(pa: Any, fields: list[Any]) -> Any:
    try:
        schemas = [pa.schema([field.remove_metadata().with_nullable(True)]) for field in fields]
        return pa.unify_schemas(schemas, promote_options="permissive").field(0).type
    except pa.ArrowException:
        return None


def _may_become(pa: Any, kind: Any, one: Any, file: InputFile) -> bool:
    """Is there a way from one type to the other that does not round?"""
    if kind == one or pa.types.is_null(kind):
        return True
    if file.format != "parquet":  # values of Python: text, whole numbers, numbers, truth values
        number = pa.types.is_integer(kind) and one == pa.float64()
        return bool(number or (pa.types.is_string(kind) and pa.types.is_large_string(one)))
    if "decimal" in str(kind) and any(name in str(one) for name in _EXACT):
        return False
    try:
        pa.array([], kind).cast(one)
    except (pa.ArrowException, NotImplementedError):
        return False
    return True


def _always_fits(pa: Any, kind: Any, one: Any) -> bool:
    """Does the type alone say so?"""
    types = pa.types
    if kind == one or types.is_null(kind):
        return True
    if types.is_integer(kind) and types.is_integer(one):
        signed = types.is_signed_integer(kind)
        if signed == types.is_signed_integer(one):
            return bool(kind.bit_width <= one.bit_width)
        return not signed and kind.bit_width < one.bit_width
    if types.is_integer(kind) and types.is_floating(one):
        return bool(kind.bit_width <= _EXACT[str(one)])
    if types.is_floating(kind) and types.is_floating(one):
        return bool(kind.bit_width <= one.bit_width)
    texts = (types.is_string, types.is_large_string, types.is_binary, types.is_large_binary)
    return any(is_it(kind) for is_it in texts) and any(is_it(one) for is_it in texts)


def _disagreement(name: str, known: list[tuple[InputFile, Any]], more: str = "") -> InputError:
    first = {str(field.type): file.name for file, field in reversed(known)}
    told = ", ".join(
        f"{kind} in {file}" for kind, file in sorted(first.items(), key=lambda item: item[1])[:4]
    )
    return InputError(
        f"the files do not agree on the column {name!r}: {told}{more}",
        expected="one type a column",
        fix="leave it out of --columns, or --to jsonl, whose rows need not agree",
    )

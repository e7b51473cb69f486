"""Arrow's values as Python's: one that Python cannot hold costs itself, not its column."""

from __future__ import annotations

from typing import Any


def python_values(array: Any) -> list[Any]:
    """Of an Arrow array. A byte that is not UTF-8 in a text becomes half of a surrogate pair; a time that is beyond Python's
    becomes text."""
    try:
        return list(array.to_pylist())
    except (ValueError, OverflowError):  # UnicodeDecodeError among them
        return [_value(scalar) for scalar in array]


def _value(scalar: Any) -> Any:
    try:
        return scalar.as_py()
    except (ValueError, OverflowError):
        pass
    import pyarrow as pa

    if isinstance(scalar, pa.StructScalar):
        return {name: _value(scalar[name]) for name in scalar}
    if isinstance(scalar, pa.MapScalar):
        return [(_value(pair[0]), _value(pair[1])) for pair in scalar.values]
    if hasattr(scalar, "values"):  # of lists
        return [_value(each) for each in scalar.values]
    if isinstance(scalar, pa.DictionaryScalar):
        return _value(scalar.value)
    if hasattr(scalar, "as_buffer"):
        return scalar.as_buffer().to_pybytes().decode("utf-8", errors="surrogateescape")
    return str(scalar.cast(pa.string()).as_py())

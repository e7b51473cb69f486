"""Kept columns whose types differ from file to file: one type that holds every value, or an error before anything is
computed."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bulk import jobs
from cloudner.bulk.contract import Options
from cloudner.bulk.inputs.listing import list_files
from cloudner.bulk.planning import make_plan
from cloudner.errors import InputError

pa = pytest.importorskip("pyarrow", reason="needs the extra cloudner[parquet]")

BIG = 1234567890123456789


def write(path: Path, values: list[Any], kind: Any) -> None:
    jobs.write_parquet(path, {"text": ["Paris"] * len(values), "n": pa.array(values, kind)})


def planned_type(folder: Path) -> Any:
    """Of the column `n` in the target."""
    options = Options(columns=("n",))
    plan = make_plan(tuple(list_files([str(folder)], options, without="/nowhere")), "", options)
    return plan.kept_schema().field("n").type


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (([1, None], pa.int64()), ([0.5], pa.float64()), "double"),
        (([2**53], pa.int64()), ([None], pa.float64()), "double"),
        (([1], pa.int32()), ([2], pa.int64()), "int64"),
        (([1], pa.uint64()), ([-2], pa.int64()), "int64"),
        (([datetime(2024, 5, 6)], pa.timestamp("us")), ([datetime(2024, 5, 7)], pa.timestamp("ns")), "timestamp[ns]"),
        (([[1]], pa.list_(pa.int64())), ([[0.5]], pa.list_(pa.float64())), "list<element: double>"),
        (([{"a": 1}], pa.struct([("a", pa.int64())])), ([{"a": 1, "b": 2}], pa.struct([("a", pa.int64()), ("b", pa.int64())])), None),
        ((["x"], pa.string()), (["y"], pa.large_string()), "large_string"),
        (([None], pa.null()), (["y"], pa.string()), "string"),
    ],
)  # fmt: skip
def test_types_that_hold_both(one: Any, other: Any, both: str | None, tmp_path: Path) -> None:
    write(tmp_path / "in/a.parquet", *one)
    write(tmp_path / "in/b.parquet", *other)
    kind = planned_type(tmp_path / "in")
    assert both is None or str(kind) == both
    values = [pa.array(*each).cast(kind).to_pylist() for each in (one, other)]  # as the writer does
    assert values == [[{"a": 1, "b": None}] if both is None else one[0], other[0]]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (([1, BIG], pa.int64()), ([None, 2.0], pa.float64())),
        (([[BIG]], pa.list_(pa.int64())), ([[2.0]], pa.list_(pa.float64()))),
        (([datetime(9999, 12, 31)], pa.timestamp("us")), ([datetime(2024, 5, 7)], pa.timestamp("ns"))),
        (([2**63], pa.uint64()), ([-1], pa.int64())),
        (([Decimal("0.10")], pa.decimal128(10, 2)), ([0.5], pa.float64())),
        (([1], pa.int64()), ([[1]], pa.list_(pa.int64()))),
        ((["x"], pa.string()), ([1], pa.int64())),
    ],
)
def test_types_that_do_not(one: Any, other: Any, tmp_path: Path) -> None:
    write(tmp_path / "in/a.parquet", *one)
    write(tmp_path / "in/b.parquet", *other)
    said = r"do not agree on the column 'n': .* in a\.parquet, .* in b\.parquet.*--to jsonl"
    with pytest.raises(InputError, match=said):
        planned_type(tmp_path / "in")


def test_what_the_error_says_to_type(run: Any, ruler: Any, tmp_path: Path) -> None:
    write(tmp_path / "in/a.parquet", [1, BIG], pa.int64())
    write(tmp_path / "in/b.parquet", [2.5], pa.float64())
    model = ruler("model", "Paris")
    said = r"int64 in a\.parquet, double in b\.parquet, and double cannot hold every value of a\.parquet"
    with pytest.raises(InputError, match=said):
        run(tmp_path / "in", columns=["n"], model=model)
    assert not (tmp_path / "out").exists()
    run(tmp_path / "in", columns=["n"], model=model, to="jsonl")
    assert [row["n"] for row in jobs.rows_of(tmp_path / "out")] == [1, BIG, 2.5]
    assert run(tmp_path / "in", tmp_path / "without", model=model).complete


@pytest.mark.parametrize(
    ("kind", "value", "agree"),
    [(pa.float64(), 0.5, True), (pa.int32(), 1, True), (pa.decimal128(20, 2), Decimal("0.50"), False), (pa.string(), "x", False)],
)  # fmt: skip
def test_json_beside_parquet(kind: Any, value: Any, agree: bool, tmp_path: Path) -> None:
    write(tmp_path / "in/a.parquet", [value], kind)
    jobs.write_jsonl(tmp_path / "in/b.jsonl", [{"text": "Paris", "n": 2**40}])
    if agree:
        pa.array([value, 2**40], planned_type(tmp_path / "in"))
    else:
        with pytest.raises(InputError, match="do not agree on the column 'n'"):
            planned_type(tmp_path / "in")


def damaged(values: list[bytes]) -> Any:
    """An array of texts, some of them no UTF-8, as other writers leave them."""
    array = pa.array(values, pa.binary())
    return pa.StringArray.from_buffers(len(values), *array.buffers()[1:])


@pytest.mark.parametrize("to", ["parquet", "jsonl", "spacy"])
@pytest.mark.parametrize("coded", [False, True])
def test_a_text_that_is_no_utf8_fails_alone(
    coded: bool, to: str, run: Any, ruler: Any, tmp_path: Path
) -> None:
    raw = damaged([b"Paris", b"caf\xe9", b"in Paris"])
    array = raw.dictionary_encode() if coded else raw
    nested = pa.StructArray.from_arrays([raw], ["a"])
    source = jobs.write_parquet(tmp_path / "a.parquet", {"text": array, "key": raw, "nested": nested})
    model = ruler("model", "Paris")
    done = run(source, to=to, model=model, id_column="key", columns=["text", "nested"])
    assert (done.rows, done.failed, done.entities, done.complete) == (3, 1, 2, True)
    (failed,) = jobs.rows_of_lines(tmp_path / "out/_failed/part-00000.jsonl")
    assert failed == {"id": "caf?", "error": "the byte 0xe9 is not utf-8"}
    if to == "jsonl":
        rows = jobs.rows_of(tmp_path / "out")
        assert [row["nested"] for row in rows] == [{"a": "Paris"}, {"a": "caf?"}, {"a": "in Paris"}]
        assert [row["error"] is None for row in rows] == [True, False, True]
    elif to == "parquet":  # kept as it is
        import pyarrow.parquet as pq

        kept = pq.read_table(tmp_path / "out/part-00000.parquet")["nested"].combine_chunks().field("a")
        assert kept.cast(pa.binary()).to_pylist() == [b"Paris", b"caf\xe9", b"in Paris"]


def test_a_time_beyond_pythons_costs_itself(run: Any, ruler: Any, tmp_path: Path) -> None:
    kept = pa.array([0, 10**15], pa.int64()).cast(pa.timestamp("ms"))
    source = jobs.write_parquet(tmp_path / "a.parquet", {"text": ["Paris", "Paris"], "when": kept})
    run(source, to="jsonl", model=ruler("model", "Paris"), columns=["when"])
    first, second = [row["when"] for row in jobs.rows_of(tmp_path / "out")]
    assert first == "1970-01-01T00:00:00"
    assert str(10**15) in second

"""Every source format: the same documents, whatever the pieces are cut to."""

from __future__ import annotations

import bz2
import gzip
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
import spacy
from spacy.tokens import DocBin

from bulk import jobs
from cloudner.bulk.contract import InputFile, Options, Record, Words
from cloudner.bulk.inputs.lines import lines
from cloudner.bulk.inputs.listing import list_files
from cloudner.bulk.inputs.reading import check_file, cut, read
from cloudner.errors import InputError

TEXTS = [
    "Marie Curie lived in Paris.",
    "王小明在北京大学工作。",
    'He said "yes",\nthen left',
    "وصل الوزير",
    "é🙂 Lyon",
]


def listed(*sources: Path, **options: Any) -> tuple[list[InputFile], Options]:
    chosen = Options(**options)
    return list_files([str(source) for source in sources], chosen, without="/nowhere"), chosen


def read_all(*sources: Path, **options: Any) -> list[Record]:
    """The documents, read part by part."""
    files, chosen = listed(*sources, **options)
    found = []
    for number, file in enumerate(files):
        check_file(file, chosen)
        for part in cut(number, file, chosen, None):
            for batch in read(file, part, chosen):
                found += batch.records
    return found


def write(kind: str, folder: Path) -> Path:
    if kind == "parquet":
        pytest.importorskip("pyarrow", reason="needs the extra cloudner[parquet]")
        return jobs.write_parquet(
            folder / "a.parquet", {"text": TEXTS, "key": list("abcde")}, row_group_size=2
        )
    if kind == "spacy":
        docs = [spacy.blank("en").make_doc(text) for text in TEXTS]
        for doc, key in zip(docs, "abcde", strict=True):
            doc.user_data["meta"] = {"key": key}
        DocBin(docs=docs, store_user_data=True).to_disk(folder / "a.spacy")
        return folder / "a.spacy"
    if kind == "csv":
        import csv

        with open(folder / "a.csv", "w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([["key", "text"], *zip("abcde", TEXTS, strict=True)])
        return folder / "a.csv"
    return jobs.write_jsonl(
        folder / "a.jsonl", [{"text": text, "key": key} for text, key in zip(TEXTS, "abcde", strict=True)]
    )


def text_of(record: Record) -> str | None:
    if isinstance(record.text, Words):
        return "".join(w + " " * s for w, s in zip(record.text.words, record.text.spaces, strict=True))
    return record.text


@pytest.mark.parametrize("most", [1, 2, 3, 100])
@pytest.mark.parametrize("kind", ["parquet", "jsonl", "csv", "spacy"])
def test_every_format_in_parts(kind: str, most: int, tmp_path: Path) -> None:
    path = write(kind, tmp_path)
    found = read_all(path, id_column="key", rows_per_piece=most)
    assert [text_of(record) for record in found] == TEXTS
    assert [record.id for record in found] == list("abcde")
    ids = [record.id for record in read_all(path, rows_per_piece=most)]
    assert ids == [f"{path.name}:{number}" for number in range(1, 6)]


@pytest.mark.parametrize("most", [1, 2, 100])
@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_compressed_files(pack: Any, most: int, tmp_path: Path) -> None:
    for kind in ("jsonl", "csv"):
        path = write(kind, tmp_path)
        path.with_name(path.name + ".packed").write_bytes(pack(path.read_bytes()))
        found = read_all(path.with_name(path.name + ".packed"), format=kind, rows_per_piece=most)
        assert [text_of(record) for record in found] == TEXTS


def test_text_files_by_line_and_whole(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("\ufeffAda slept\r\n\r\n王小明\nlast".encode())
    (tmp_path / "b.txt").write_bytes(b"one\ntwo\n")
    found = read_all(tmp_path, rows_per_piece=1)
    assert [(record.id, record.text) for record in found] == [
        ("a.txt:1", "Ada slept"), ("a.txt:3", "王小明"), ("a.txt:4", "last"), ("b.txt:1", "one"), ("b.txt:2", "two"),
    ]  # fmt: skip
    whole = read_all(tmp_path, text_unit="file")
    assert [(record.id, record.text) for record in whole] == [
        ("a.txt", "Ada slept\r\n\r\n王小明\nlast"),
        ("b.txt", "one\ntwo\n"),
    ]


def test_an_encoding_is_found_or_given(tmp_path: Path) -> None:
    text = "François a reçu les maires de Nîmes"
    (tmp_path / "a.txt").write_text(text, encoding="cp1252")
    (found,) = read_all(tmp_path / "a.txt")
    assert found.text == text
    (tmp_path / "b.txt").write_text("東京都の知事", encoding="shift_jis")
    (found,) = read_all(tmp_path / "b.txt", encoding="shift_jis")
    assert found.text == "東京都の知事"
    (tmp_path / "c.txt").write_text(text, encoding="utf-16")
    with pytest.raises(InputError, match=r"c\.txt: the text is utf-16; .* iconv"):
        read_all(tmp_path / "c.txt")


def test_bad_records_fail_alone(tmp_path: Path) -> None:
    good = '{"text": "Ada slept"}'
    raw = [
        good, '{"text": null}', '{"text": 7}', '{"body": "x"}', "[1, 2]", "{broken", '{"text": "\\ud83d"}', good,
    ]  # fmt: skip
    path = jobs.write_jsonl(tmp_path / "a.jsonl", raw)
    with open(path, "ab") as file:
        file.write(b'{"text": "caf\xff"}\n' + good.encode())
    reasons = [record.problem for record in read_all(path, rows_per_piece=3, encoding="utf-8")]
    assert reasons[0] is reasons[7] is reasons[9] is None
    for reason, said in zip(
        [*reasons[1:7], reasons[8]],
        ["'text' is null", "'text' is int", "no 'text'", "list and no object", "not JSON", "surrogate", "the byte 0xff is not utf-8"],
        strict=True,
    ):  # fmt: skip
        assert said in str(reason)


def test_a_csv_row_with_other_cells_fails_alone(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('id;text\n1;Ada slept\n2\n3;a;b\n\n4;"x;y"\n', encoding="utf-8")
    found = read_all(tmp_path / "a.csv", id_column="id", rows_per_piece=2)
    assert [(record.id, record.text) for record in found] == [
        ("1", "Ada slept"), ("2", None), ("3", None), ("4", "x;y"),
    ]  # fmt: skip
    assert "3 cells where the header has 2" in str(found[2].problem)


@pytest.mark.parametrize("most", [1, 2, 100])
@pytest.mark.parametrize(
    ("raw", "texts"),
    [
        ('1,"Apple\n2,Paris\n3,Beats\n4,Paris\n', [None, "Paris", "Beats", "Paris"]),
        (
            '1,"Apple\n2,"Paris"\n3,Beats\n4,"Paris',
            [None, "Paris", "Beats", None],
        ),  # the next quote closes none
        ('"1","Apple\n"2","Paris"\n', [None, "Paris"]),
        ('1,"Apple\nand more"\n2,"""yes"", she said"\n', ["Apple\nand more", '"yes", she said']),
        ('1,"he said "hi" there"\n2,5" disk\n3,"x" \n', ['he said hi" there"', '5" disk', "x "]),  # as ever
    ],
)
def test_a_quote_that_is_not_closed_costs_its_line(
    raw: str, texts: list[str | None], most: int, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text("id,text\n" + raw, encoding="utf-8")
    found = read_all(tmp_path / "a.csv", rows_per_piece=most)
    assert [record.text for record in found] == texts
    assert {record.problem for record in found if record.text is None} <= {"a quote that is not closed"}


@pytest.mark.parametrize("most", [1, 2, 100])
@pytest.mark.parametrize("size", [101, 3 << 20])
def test_a_csv_row_without_end_fails_alone(
    most: int, size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("lines", "tables"):
        monkeypatch.setattr(f"cloudner.bulk.inputs.{module}.MAX_LINE", 100)
    long = "x" * size
    (tmp_path / "a.csv").write_text(f'id,text\na,Apple\nb,{long}\nc,"Par\nis"\nd,"\n{long}\ne,Beats\n')
    found = read_all(tmp_path / "a.csv", id_column="id", rows_per_piece=most, encoding="utf-8")
    assert [record.text for record in found] == ["Apple", None, "Par\nis", None, None, "Beats"]
    told = [str(record.problem) for record in found]
    assert [told[1][:19], told[3], told[4][:19]] == [
        "a line of more than", "a quote that is not closed", "a line of more than",
    ]  # fmt: skip


def test_a_text_file_that_is_too_long_is_not_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloudner.bulk.inputs.jsonl.MAX_LINE", 100)
    (tmp_path / "a.txt").write_text("x" * 101)
    (tmp_path / "b.txt").write_text("x" * 100)
    found = read_all(tmp_path, text_unit="file")
    assert [record.text for record in found] == [None, "x" * 100]
    assert found[0].problem == "a file of more than 100 bytes"


@pytest.mark.parametrize("size", [101, 3 << 20])
def test_a_line_without_end_fails_alone(size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloudner.bulk.inputs.lines.MAX_LINE", 100)
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "one"}\n' + b"x" * size + b'\n{"text": "two"}\n')
    found = read_all(path, rows_per_piece=2, encoding="utf-8")
    assert [record.text for record in found] == ["one", None, "two"]
    assert "a line of more than" in str(found[1].problem)


def test_offsets_are_those_of_the_file(tmp_path: Path) -> None:
    raw = b"".join(b"%d " % n * (n % 7 * 3000) + b"\n" for n in range(200))
    (tmp_path / "a.txt").write_bytes(raw)
    (file,), _ = listed(tmp_path / "a.txt")
    found = list(lines(file))
    assert [line.raw for line in found] == raw.split(b"\n")[:-1]
    for line in found[::17]:
        again = next(lines(file, line.offset, line.number - 1))
        assert again == line


def test_patterns_and_folders(tmp_path: Path) -> None:
    for name in ("x/a.jsonl", "x/y/b.jsonl", "x/_done/c.jsonl", "x/.hidden.jsonl", "x/readme.md"):
        jobs.write_jsonl(tmp_path / name, [{"text": name}])
    assert [r.text for r in read_all(tmp_path / "x")] == ["x/a.jsonl", "x/y/b.jsonl"]
    assert [r.id for r in read_all(tmp_path / "x" / "**" / "b.jsonl")] == ["y/b.jsonl:1"]
    # Two sources with files of one name: ids differ all the same.
    twice = [r.id for r in read_all(tmp_path / "x" / "a.jsonl", tmp_path / "x" / "_done" / "c.jsonl")]
    assert len(set(twice)) == 2
    jobs.write_jsonl(tmp_path / "z" / "a.jsonl", [{"text": "z"}])
    assert len({r.id for r in read_all(tmp_path / "x" / "a.jsonl", tmp_path / "z")}) == 2


@pytest.mark.parametrize(
    ("name", "raw", "said"),
    [
        ("a.jsonl", b'{"body": "x"}\n', "no column 'text'; expected one of body; try: --text-column"),
        ("a.csv", b"body,n\nx,1\n", "no column 'text'; expected one of body, n"),
        ("a.csv", b"text,text\nx,1\n", "'text' comes twice"),
        (
            "a.csv",
            b"id,text\r1,Apple\r2,Paris\r",
            r"its lines end in CR alone; expected LF or CR LF; try: tr",
        ),
        ("a.csv", b"id,text\r1,Apple\n2,Paris\n", r"a\.csv:1: a CR inside a line; expected a header"),
        ("a.csv", b'id,"text\n1,Apple\n', r"a\.csv:1: a quote that is not closed; expected a header"),
        ("a.txt", b"Apple\rParis\r", "its lines end in CR alone"),
        ("a.json", b'[{"text": "x"}]', "a JSON list; expected one JSON object a line; try: jq"),
        (
            "a.json",
            b'\n{\n  "text": "x"\n}',
            "JSON objects that go over several lines; .* try: jq -c [.] FILE",
        ),
        ("a.parquet", b"PAR1 not", "not a complete Parquet file"),
        ("a.spacy", b"nothing", "not a complete .spacy file"),
        ("a.doc", b"x", "nothing known ends like this; .* --format"),
    ],
)
def test_one_clear_error(name: str, raw: bytes, said: str, tmp_path: Path) -> None:
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow", reason="needs the extra cloudner[parquet]")
    (tmp_path / name).write_bytes(raw)
    with pytest.raises(InputError, match=said):
        read_all(tmp_path / name)


def test_an_archive_is_refused(tmp_path: Path) -> None:
    path = jobs.write_jsonl(tmp_path / "a.jsonl", [{"text": "x"}])
    with tarfile.open(tmp_path / "b.jsonl", "w") as archive:
        archive.add(path)
    with pytest.raises(InputError, match=r"an archive; .* unpack it"):
        read_all(tmp_path / "b.jsonl")


def test_a_parquet_column_of_another_type(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="needs the extra cloudner[parquet]")
    path = jobs.write_parquet(tmp_path / "a.parquet", {"text": [1, 2]})
    with pytest.raises(InputError, match="'text' holds int64; expected texts"):
        read_all(path)


def test_row_groups_are_put_together_or_cut(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="needs the extra cloudner[parquet]")
    texts = [str(number) for number in range(25)]
    path = jobs.write_parquet(tmp_path / "a.parquet", {"text": texts}, row_group_size=4)
    for most, sizes in ((8, [8, 8, 8, 1]), (9, [8, 8, 9]), (3, [3, 1] * 6 + [1]), (100, [25])):
        (file,), options = listed(path, rows_per_piece=most)
        assert [part.rows for part in cut(0, file, options, None)] == sizes
        assert [record.text for record in read_all(path, rows_per_piece=most)] == texts


def test_a_source_with_fewer_records_than_planned(tmp_path: Path) -> None:
    path = jobs.write_jsonl(tmp_path / "a.jsonl", [{"text": "x"}] * 3)
    (file,), options = listed(path)
    (part,) = cut(0, file, options, None)
    path.write_text(json.dumps({"text": "x"}))
    with pytest.raises(InputError, match="1 records where the plan has 3"):
        list(read(file, part, options))


def test_a_column_that_a_parquet_file_has_twice(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow", reason="needs the extra cloudner[parquet]")
    import pyarrow.parquet as pq

    table = pa.Table.from_arrays([pa.array(["x"]), pa.array([1]), pa.array([2])], names=["text", "n", "n"])
    pq.write_table(table, tmp_path / "a.parquet")
    assert [r.text for r in read_all(tmp_path / "a.parquet")] == ["x"]
    for asked in ({"columns": ("n",)}, {"id_column": "n"}):
        with pytest.raises(InputError, match=r"a\.parquet: the column 'n' comes twice; expected it once"):
            read_all(tmp_path / "a.parquet", **asked)


def test_an_empty_cell_is_no_id(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,text\n7,x\n,y\n,z\n")
    assert [r.id for r in read_all(tmp_path / "a.csv", id_column="id")] == ["7", "a.csv:2", "a.csv:3"]
    jobs.write_jsonl(tmp_path / "a.jsonl", [{"id": "", "text": "x"}, {"id": 0, "text": "y"}])
    assert [r.id for r in read_all(tmp_path / "a.jsonl", id_column="id")] == ["a.jsonl:1", "0"]


def test_a_delimiter_inside_a_quoted_name_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('"a, b, c";"text"\n1;Paris, Lyon\n')
    assert [r.text for r in read_all(tmp_path / "a.csv")] == ["Paris, Lyon"]


def test_a_pattern_reads_what_is_hidden_only_where_it_names_it(tmp_path: Path) -> None:
    for name in ("a", ".b", "_c", "sub/d", "_failed/e", "sub/_done/f", ".git/g"):
        jobs.write_jsonl(tmp_path / f"{name}.jsonl", [{"text": name}])

    def read_by(pattern: str) -> set[str]:
        return {r.text for r in read_all(tmp_path / pattern)}  # type: ignore[misc]

    assert read_by("**/*.jsonl") == {"a", "_c", "sub/d"}
    assert read_by("*.jsonl") == {"a", "_c"}
    assert read_by("_failed/*.jsonl") == {"_failed/e"}
    assert read_by("*/_done/*.jsonl") == {"sub/_done/f"}
    assert read_by(".*.jsonl") == {".b"}

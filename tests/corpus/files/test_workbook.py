"""Excel workbooks: each sheet with rows is a table, as a CSV file is."""

import datetime
import gzip
import io
import re
import sys
import zipfile

import fsspec
import pytest

from cloudner.corpus.convert.convert import convert
from cloudner.corpus.files import compression
from cloudner.corpus.files.sources import open_sources
from cloudner.errors import InputError
from corpus.converting import docs_at, entities

openpyxl = pytest.importorskip("openpyxl")

TABLE = [["文本", "人名", "地点"], ["沈从文去了成都。", "沈从文", "成都"], ["下雨。"]]
FOUND = [[("沈从文", "人名"), ("成都", "地点")], []]
CSV = "文本,人名,地点\r\n沈从文去了成都。,沈从文,成都\r\n下雨。,,\r\n"


def workbook(path, hidden=(), **sheets):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        sheet.sheet_state = "hidden" if name in hidden else "visible"
        for row in rows:
            sheet.append(row)
    path.parent.mkdir(exist_ok=True, parents=True)
    book.save(path)
    return path


def rewritten(path, change):
    """The workbook with the text of its first sheet changed."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    members[sheet] = change(members[sheet].decode()).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def texts(*sources):
    return [source.text() for source in open_sources(sources)]


def test_a_sheet_is_a_table(tmp_path):
    path = workbook(tmp_path / "a.xlsx", 数据=TABLE, empty=[])
    (source,) = open_sources(path)
    assert source.name == f"{path}/数据.csv"
    assert source.text() == CSV
    report = convert(path, tmp_path / "out.spacy", lang="zh")
    assert entities(docs_at(tmp_path / "out.spacy")) == FOUND
    assert not report.issues


def test_a_workbook_that_is_compressed_once_more(tmp_path):
    raw = workbook(tmp_path / "a.xlsx", s=TABLE).read_bytes()
    (tmp_path / "b.xlsx.gz").write_bytes(gzip.compress(raw))
    fsspec.filesystem("memory").pipe("/books/b.xlsx.gz", gzip.compress(raw))
    assert texts(tmp_path / "b.xlsx.gz", "memory://books/b.xlsx.gz") == [CSV, CSV]


def test_cells(tmp_path):
    day, moment = datetime.date(2024, 2, 29), datetime.datetime(2024, 2, 29, 13, 5, 6)
    rows = [
        ["a", "b", None, "d", ""],
        [7, 7.0, 0.5, True, None],
        [],
        [day, moment, datetime.time(13, 5), False],
        ['say "x", y', "two\nlines", "  kept ", "_x000D_ _x005F_x000D_ _x0041_"],
        ["", None],
        [],
    ]
    (text,) = texts(workbook(tmp_path / "a.xlsx", s=rows))
    assert text == (
        "a,b,,d\r\n7,7,0.5,TRUE\r\n\r\n2024-02-29,2024-02-29T13:05:06,13:05:00,FALSE\r\n"
        '"say ""x"", y","two\nlines",  kept ,"\r _x000D_ _x0041_"\r\n'
    )


def test_the_size_that_a_sheet_says_it_has_is_not_believed(tmp_path):
    path = rewritten(
        workbook(tmp_path / "a.xlsx", s=TABLE),
        lambda xml: re.sub(r'<dimension ref="[^"]*"', '<dimension ref="A1:B2"', xml),
    )
    assert texts(path) == [CSV]


def test_merged_cells_have_their_value_once(tmp_path):
    path = workbook(tmp_path / "a.xlsx", s=[["text", "person"], ["Ann met Bob.", "Ann"], ["x", "Bob"]])
    book = openpyxl.load_workbook(path)
    book.active.merge_cells("A2:A3")
    book.save(path)
    assert texts(path) == ["text,person\r\nAnn met Bob.,Ann\r\n,Bob\r\n"]


def test_rows_of_tokens_and_blank_rows(tmp_path):
    rows = [["字", "标签"], ["成", "B-LOC"], ["都", "I-LOC"], [], ['"', "O"], ["丁", "B-PER"]]
    convert(workbook(tmp_path / "a.xlsx", s=rows), tmp_path / "out.spacy", lang="zh")
    assert entities(docs_at(tmp_path / "out.spacy")) == [[("成都", "LOC")], [("丁", "PER")]]


def test_a_named_column(tmp_path):
    rows = [["nr", "lyric", "marks"], [1, "Ann was here.", '[[0, 3, "PER"]]']]
    path = workbook(tmp_path / "a.xlsx", s=rows)
    convert(path, tmp_path / "out.spacy", text_column="lyric", entities_column="marks")
    assert entities(docs_at(tmp_path / "out.spacy")) == [[("Ann", "PER")]]


def test_errors_name_the_row_of_the_sheet(tmp_path):
    rows = [["text", "entities"], ["Two\nlines", "[]"], [], ["Bob", '[[0, 3, "PER"]]'], ["Ann", "[[0,"]]
    with pytest.raises(InputError) as caught:
        convert(workbook(tmp_path / "a.xlsx", s=rows), tmp_path / "out.spacy")
    assert (caught.value.file, caught.value.line) == (f"{tmp_path / 'a.xlsx'}/s.csv", 5)
    report = convert(tmp_path / "a.xlsx", tmp_path / "out.spacy", skip_bad=1)
    assert report.docs == 2
    assert report.examples["bad-record"].line == 5


def test_sheets_are_files_of_their_own(tmp_path):
    path = workbook(tmp_path / "a.xlsx", ("old",), one=TABLE, notes=[["ask Ann"]], two=TABLE, old=TABLE)
    report = convert(path, tmp_path / "out.spacy", lang="zh")
    assert entities(docs_at(tmp_path / "out.spacy")) == FOUND * 2
    assert report.issues["not-a-document", "noted"] == 2
    written = report.issues_path.read_text(encoding="utf-8")
    assert "a.xlsx/old.csv" in written
    assert "a hidden sheet" in written
    assert "a.xlsx/notes.csv" in written


def test_only_hidden_rows(tmp_path):
    path = workbook(tmp_path / "a.xlsx", ("old",), seen=[], old=TABLE)
    with pytest.raises(InputError, match="without rows but in the hidden sheet 'old'"):
        texts(path)


def test_chart_sheets_are_passed_over(tmp_path):
    path = workbook(tmp_path / "a.xlsx", s=TABLE)
    book = openpyxl.load_workbook(path)
    book.create_chartsheet("chart", 0).add_chart(openpyxl.chart.BarChart())
    book.save(path)
    assert texts(path) == [CSV]


def test_wherever_it_lies(tmp_path, monkeypatch):
    path = workbook(tmp_path / "in" / "a.xlsx", s=TABLE)
    (tmp_path / "in" / "b.csv").write_bytes(CSV.encode())
    assert texts(tmp_path / "in") == texts(f"{tmp_path}/in/*") == [CSV, CSV]
    with fsspec.open("memory://books/a.xlsx", "wb") as stream:
        stream.write(path.read_bytes())
    assert texts("memory://books/a.xlsx") == [CSV]
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.write(path, "x/a.xlsx")
    (member,) = open_sources(tmp_path / "all.zip")
    assert (member.name, member.text()) == (f"{tmp_path / 'all.zip'}!x/a.xlsx/s.csv", CSV)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(path.read_bytes())))
    assert [(source.name, source.text()) for source in open_sources("-")] == [("-/s.csv", CSV)]


def test_formulas(tmp_path):
    path = workbook(tmp_path / "a.xlsx", s=[["text", "person"], ["Ann was here.", '="A"&"nn"'], ["x", "y"]])
    with pytest.raises(InputError, match="the formula in B2 has no value") as caught:
        texts(path)
    assert caught.value.line == 2
    rewritten(
        path,
        lambda xml: re.sub(r"(</f>)<v\s*/>|(</f>)<v></v>", "</f><v>Ann</v>", xml).replace(
            'r="B2"', 'r="B2" t="str"'
        ),
    )
    assert texts(path) == ["text,person\r\nAnn was here.,Ann\r\nx,y\r\n"]
    rewritten(path, lambda xml: xml.replace("<v>Ann</v>", "<v></v>"))
    assert texts(path) == ["text,person\r\nAnn was here.,\r\nx,y\r\n"]


def test_damaged(tmp_path):
    path = rewritten(workbook(tmp_path / "in" / "a.xlsx", s=TABLE), lambda xml: xml[: len(xml) // 2])
    with pytest.raises(
        InputError, match=r"cannot be read as a workbook: .*save it again, or save its sheets as CSV"
    ):
        texts(path)
    (tmp_path / "in" / "b.csv").write_bytes(CSV.encode())
    report = convert(tmp_path / "in", tmp_path / "out.spacy", lang="zh")
    assert (report.docs, report.issues) == (2, {("not-a-document", "noted"): 1})


def test_rows_without_end(tmp_path):
    path = rewritten(
        workbook(tmp_path / "a.xlsx", s=TABLE), lambda xml: xml.replace('<row r="3"', '<row r="999999999"')
    )
    with pytest.raises(InputError, match="a row beyond the last"):
        texts(path)


def test_decompression_bombs(tmp_path, monkeypatch):
    path = workbook(tmp_path / "a.xlsx", s=TABLE)
    monkeypatch.setattr(compression, "RATIO_FREE_BYTES", 10)
    monkeypatch.setattr(compression, "MAX_RATIO", 1)
    with pytest.raises(InputError, match="bomb"):
        texts(path)


def test_without_openpyxl(tmp_path, monkeypatch):
    workbook(tmp_path / "in" / "a.xlsx", s=TABLE)
    (tmp_path / "in" / "b.csv").write_bytes(CSV.encode())
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(InputError, match=r'pip install "cloudner\[xlsx\]", or save its sheets as CSV'):
        convert(tmp_path / "in" / "a.xlsx", tmp_path / "out.spacy")
    report = convert(tmp_path / "in", tmp_path / "out.spacy", lang="zh")
    assert report.docs == 2
    assert "openpyxl" in report.examples["not-a-document"].done

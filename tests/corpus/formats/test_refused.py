"""Files that hold nothing to convert, however they are called: one line that says what to do."""

import json
import zipfile

import pytest

from cloudner.corpus.convert.convert import convert
from cloudner.errors import InputError
from corpus.reading import put, read_all
from corpus.samples.words import CELL, TEXT


def workbook(path, folder="xl"):
    """As much of a spreadsheet (xl) or of a text document (word) as tells the programs what it is."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("_rels/.rels", "<Relationships/>")
        archive.writestr(f"{folder}/document.xml", "<sheetData><row><c><v>1</v></c></row></sheetData>")
    return path


def test_files_of_office_programs_are_refused(tmp_path):
    for called in ("a.xlsx", "a.csv"):
        for given in ("auto", "csv"):
            with pytest.raises(InputError, match=r"a spreadsheet .*; try: save the sheet as CSV"):
                convert(workbook(tmp_path / called), tmp_path / "out.spacy", format=given)
    with pytest.raises(InputError, match="an office program"):
        convert(workbook(tmp_path / "a.docx", "word"), tmp_path / "out.spacy")
    ods = tmp_path / "a.ods"
    with zipfile.ZipFile(ods, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", "<x/>")
        archive.writestr("META-INF/manifest.xml", "<x/>")
    with pytest.raises(InputError, match="a spreadsheet"):
        convert(ods, tmp_path / "out.spacy")
    with pytest.raises(InputError, match="a PDF"):
        convert(put(tmp_path, "a.pdf", b"%PDF-1.4\n\xe2\xe3\n"), tmp_path / "out.spacy")
    with pytest.raises(InputError, match="an older Excel"):
        convert(
            put(tmp_path, "a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)), tmp_path / "out.spacy"
        )


def test_a_spreadsheet_in_a_folder_is_noted(tmp_path):
    folder = tmp_path / "in"
    put(folder, "a.csv", f'text,entities\n{TEXT},"{CELL}"\n')
    workbook(folder / "b.xlsx")
    report = convert(folder, tmp_path / "out.spacy")
    assert (report.docs, report.issues) == (1, {("not-a-document", "noted"): 1})
    assert "spreadsheet" in report.examples["not-a-document"].done


@pytest.mark.parametrize(
    "content",
    [
        json.dumps({"Entities": [{"Type": "PERSON", "Text": "Ann", "BeginOffset": 0, "EndOffset": 3}]}),
        json.dumps([{"entity_group": "PER", "word": "Ann", "start": 0, "end": 3}]),
    ],
)
def test_spans_without_their_text(content, tmp_path):
    with pytest.raises(InputError, match="no text that they count in"):
        read_all(tmp_path, "a.json", content)


@pytest.mark.parametrize("label", ["B-person", "No entity in it"])
def test_rows_of_offsets_without_text(label, tmp_path):
    with pytest.raises(InputError, match="no text that they count in"):
        read_all(tmp_path, "a.ner", f"8551\t42\t48\tPERSON\n8552\t0\t4\t{label}\n")


def test_labels_that_count_tokens_are_no_spans_of_characters(tmp_path):
    """Datasaur's JSON: its s and e were read as characters."""
    label = {"l": "PER", "layer": 0, "sidS": 0, "s": 0, "charS": 0, "sidE": 0, "e": 1, "charE": 4}
    sentence = {"id": 0, "content": TEXT, "tokens": TEXT.split(), "labels": [label]}
    with pytest.raises(InputError, match="no format recognises these JSON objects"):
        read_all(tmp_path, "a.json", json.dumps({"name": "a.txt", "sentences": [sentence]}))

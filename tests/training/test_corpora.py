"""What is said of the corpora that Python hands over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cloudner.encoders.folders import DEFAULT_ENCODER
from cloudner.errors import InputError
from cloudner.training.corpora import write_corpora
from cloudner.training.resolution import resolve

CONFIG = Path(__file__).resolve().parents[2] / "configs" / "cpu.cfg"
TEXT = "Ada Lovelace moved to Turin."


def said(data: Any, folder: Path, **reading: Any) -> str:
    made = write_corpora(data, data, None, folder, split=None, seed=0, reading={"lang": "en", **reading})
    return str(made.rows[0][2])


def test_spans_that_nest_are_counted(tmp_path):
    nested = [(TEXT, [(0, 12, "PER"), (0, 3, "NAME"), (22, 27, "LOC")])]
    assert said(nested, tmp_path, spans="sc") == "3 spans in doc.spans['sc']"
    assert said(nested, tmp_path).startswith("2 entities, 2 labels; 1 annotations dropped or changed")


def test_annotations_that_contradict_each_other_are_told(tmp_path):
    row = said([(TEXT, [(0, 12, "PER")]), (TEXT, []), ("Bo ran.", [(0, 2, "per")])], tmp_path)
    assert "conflicting-documents 1 (identical text with different annotations)" in row
    assert "label-case 1 (labels that differ only in case)" in row


def test_documents_that_nobody_has_annotated_are_told(tmp_path):
    row = said([(TEXT, [(0, 12, "PER")]), ("Bo ran.", {"cats": {}}), ("Al ran.", None)], tmp_path)
    assert "; 1 of the documents not annotated" in row
    assert "in 1 of the documents" in row


@pytest.mark.parametrize(
    ("lang", "advised"), [("zh", "corpus/train.spacy --lang zh"), ("en", "corpus/train.spacy")]
)
def test_a_file_that_spacys_reader_cannot_read_is_converted_in_its_language(tmp_path, lang, advised):
    file = tmp_path / "a.csv"
    file.write_text("text,entities\nBo ran.,[]\n")
    overrides = {"paths.train": str(file), "paths.dev": str(file), "nlp.lang": lang}
    with pytest.warns(UserWarning, match="W090"), pytest.raises(InputError) as caught:
        resolve(CONFIG, gpu_id=-1, overrides=overrides, encoder=DEFAULT_ENCODER)
    assert str(caught.value).endswith(f"try: python -m spacy cloudner convert {file} {advised}")

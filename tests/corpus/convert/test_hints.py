"""Hints on settings that do not suit the texts."""

import json

import pytest
from typer.testing import CliRunner

from cloudner.cli import app
from cloudner.corpus.convert.convert import convert
from cloudner.errors import InputError


def test_splits_of_other_data_get_a_hint(tmp_path):
    def part(name, *labels):
        path = tmp_path / f"{name}.jsonl"
        rows = [{"text": "Ann ran.", "entities": [[0, 3, label]]} for label in labels]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return [f"--{name}", str(path)]

    parts = [*part("train", "PER"), *part("dev", "PER", "LOC"), *part("test", "DRUG")]
    result = CliRunner().invoke(app, ["convert", *parts, str(tmp_path / "corpus")])
    hints = [line for line in result.stdout.splitlines() if line.startswith("hint")]
    assert len(hints) == 2
    assert "dev has labels that train has not and that cannot be learnt: LOC" in hints[0]
    assert "no label of test (DRUG) is one of train's (PER)" in hints[1]
    assert "--vars.test_file" in hints[1]


def test_a_file_without_entities_gets_a_hint(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"text": "Ann ran.", "entities": []}) + "\n")
    assert "not one entity" in convert(path, tmp_path / "a.spacy").hints[0]


def test_a_column_that_is_not_there_gets_the_likeliest_name(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('id,text,entities\n1,Ann ran.,"[[0, 3, ""PER""]]"\n')
    for wrong in ("txt", "phrase"):
        with pytest.raises(InputError, match="try: --text-column text"):
            convert(path, tmp_path / "a.spacy", text_column=wrong)


UNSPACED = {
    "ja": ("東京都知事の小池百合子さんは昨日京都を訪れた。", [[0, 3, "LOC"], [6, 11, "PER"]]),
    "zh": ("北京市长王安顺昨天访问了上海。", [[0, 2, "LOC"], [4, 7, "PER"]]),
    "th": ("นายกรัฐมนตรีประยุทธ์เดินทางไปกรุงเทพ", [[12, 20, "PER"], [29, 36, "LOC"]]),
}


@pytest.mark.parametrize("lang", UNSPACED)
def test_a_language_that_does_not_part_the_texts_is_told(lang, tmp_path):
    text, spans = UNSPACED[lang]
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"text": text, "entities": spans}) + "\n")
    report = convert(path, tmp_path / "a.spacy")
    assert [hint.endswith(f"--lang {lang}") for hint in report.hints] == [True]
    assert report.lines()[-1] == f"hint: {report.hints[0]}"
    assert report.as_dict()["hints"] == report.hints
    with pytest.raises(InputError, match=f"try: .*--lang {lang};"):
        convert(path, tmp_path / "b.spacy", strict=True)
    # a token a character
    report = convert(path, tmp_path / "a.spacy", lang="zh")
    assert (report.hints, report.lost, report.entities) == ([], 0, 2)


def test_texts_of_words_get_no_hint(tmp_path):
    rows = [{"text": "Ann met 王安顺 in Oslo.", "entities": [[0, 3, "PER"]]}] * 6
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert convert(path, tmp_path / "a.spacy").hints == []
    # tokens of the file stay as they are
    path.write_text(json.dumps({"tokens": ["北京", "很", "大"], "ner_tags": ["B-LOC", "O", "O"]}))
    assert convert(path, tmp_path / "a.spacy").hints == []


def test_spans_that_nearly_all_cut_tokens_get_a_hint(tmp_path):
    rows = [{"text": f"Doctor {name} lives in Oslo.", "entities": [[8, 13, "PER"]]} for name in "ABCDE"]
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows).replace("Doctor ", "Doctor Smith-"))
    report = convert(path, tmp_path / "a.spacy", align="strict")
    assert report.entities == 0
    assert "count characters" in report.hints[0]

"""One table of column and key names: what one family of formats knows, the others know too."""

import json

import pytest

from cloudner.corpus.contract import ReadOptions
from cloudner.corpus.files.sources import open_sources
from cloudner.corpus.formats.detect import detect
from cloudner.corpus.formats.keys import SPANS, TAG, TAGS, TEXT, TOKEN, TOKENS
from corpus.reading import put, surfaces

SPAN = [[0, 3, "PER"]]


def found(tmp_path, name, content):
    source = next(open_sources(put(tmp_path, name, content)))
    fmt = detect(source.sample(), source.name).format
    return [pair for record in fmt.read(source, ReadOptions()) for pair in surfaces(record)]


def as_csv(**row):
    cells = [json.dumps(value) if isinstance(value, list) else value for value in row.values()]
    quoted = ",".join('"' + cell.replace('"', '""') + '"' for cell in cells)
    return ",".join(row) + "\n" + quoted + "\n"


@pytest.mark.parametrize("name", TEXT)
def test_every_name_of_a_text_in_tables_and_objects(tmp_path, name):
    row = {name: "Ann left", "entities": SPAN}
    assert found(tmp_path, "a.csv", as_csv(**row)) == [("Ann", "PER")]
    assert found(tmp_path, "a.jsonl", json.dumps(row)) == [("Ann", "PER")]


@pytest.mark.parametrize("name", SPANS)
def test_every_name_of_spans_in_tables_and_objects(tmp_path, name):
    row = {"text": "Ann left", name: SPAN}
    assert found(tmp_path, "a.csv", as_csv(**row)) == [("Ann", "PER")]
    assert found(tmp_path, "a.jsonl", json.dumps(row)) == [("Ann", "PER")]


@pytest.mark.parametrize("name", TOKENS)
def test_every_name_of_tokens_in_tables_and_objects(tmp_path, name):
    row = {name: ["Ann", "left"], "ner_tags": ["B-PER", "O"]}
    assert found(tmp_path, "a.csv", as_csv(**row)) == [("Ann", "PER")]
    assert found(tmp_path, "a.jsonl", json.dumps(row)) == [("Ann", "PER")]
    assert found(tmp_path, "b.csv", f"{name},tag\nAnn,B-PER\nleft,O\n") == [("Ann", "PER")]


@pytest.mark.parametrize("name", TAGS)
def test_every_name_of_tags_in_tables_and_objects(tmp_path, name):
    row = {"tokens": ["Ann", "left"], name: ["B-PER", "O"]}
    assert found(tmp_path, "a.csv", as_csv(**row)) == [("Ann", "PER")]
    assert found(tmp_path, "a.jsonl", json.dumps(row)) == [("Ann", "PER")]
    assert found(tmp_path, "b.csv", f"word,{name}\nAnn,B-PER\nleft,O\n") == [("Ann", "PER")]


def test_rows_of_one_token_and_of_a_sentence_have_the_same_names_in_another_order():
    assert set(TOKEN) == set(TOKENS)
    assert set(TAG) == set(TAGS)
    assert (TOKEN[0], TAG[0]) == ("word", "tag")
    assert (TOKENS[0], TAGS[0]) == ("tokens", "ner_tags")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", '文本,实体\n王明走了,"[[0, 2, ""人名""]]"\n'),
        ("b.csv", "文本,实体,标签\n王明走了,王明,人名\n"),
        ("c.csv", "编号,文本,开始,结束,标签\n1,王明走了,0,2,人名\n"),
        ("d.csv", "句子编号,字,标签\n1,王,B-人名\n1,明,I-人名\n2,走,O\n"),
        ("e.jsonl", '{"文本": "王明走了", "实体": [[0, 2, "人名"]], "标签": "体育"}\n'),
        (
            "f.jsonl",
            '{"原文": "王明走了", "标注": [{"实体": "王明", "类型": "人名", "起始": 0, "结束": 2}]}\n',
        ),
        ("g.jsonl", '{"文本": "王明走了", "实体": [{"实体": "王明", "类型": "人名"}]}\n'),
    ],
)
def test_chinese_names_are_known_by_the_english_ones(tmp_path, name, content):
    assert found(tmp_path, name, content) == [("王明", "人名")]


def test_the_column_that_is_asked_for_is_read_and_not_its_translation(tmp_path):
    path = put(tmp_path, "a.csv", "text,文本,start,end,label\nx,王明走了,0,2,人名\n")
    source = next(open_sources(path))
    options = ReadOptions(text_column="文本")
    (record,) = detect(source.sample(), source.name).format.read(source, options)
    assert surfaces(record) == [("王明", "人名")]


CHINESE_BESIDE_ENGLISH = {"text": "Marie was there", "文本": "张三在北京"}


@pytest.mark.parametrize(
    ("more", "read"),
    [
        ({"实体": [[0, 2, "PER"], [3, 5, "LOC"]]}, [("张三", "PER"), ("北京", "LOC")]),
        ({"实体": "张三:PER；北京:LOC"}, [("张三", "PER"), ("北京", "LOC")]),
        ({"entities": [[0, 5, "PER"]]}, [("Marie", "PER")]),
    ],
)
def test_of_two_texts_the_one_in_the_language_of_the_entities_heading(tmp_path, more, read):
    row = CHINESE_BESIDE_ENGLISH | more
    assert found(tmp_path, "a.csv", as_csv(**row)) == read
    if not isinstance(row.get("实体"), str):
        assert found(tmp_path, "a.jsonl", json.dumps(row, ensure_ascii=False)) == read


def test_a_second_text_beside_chinese_entities_without_offsets(tmp_path):
    row = CHINESE_BESIDE_ENGLISH | {"实体": [{"实体": "张三", "类型": "PER"}]}
    assert found(tmp_path, "a.jsonl", json.dumps(row, ensure_ascii=False)) == [("张三", "PER")]

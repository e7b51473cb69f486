"""MASSIVE and SLURP: slots in brackets."""

import json
import time

import pytest

from cloudner.corpus.convert.convert import convert
from cloudner.errors import InputError
from corpus.converting import converted, docs_at, entities
from corpus.reading import read_all, surfaces
from corpus.samples.words import lines

ROWS = [
    {"id": "0", "locale": "en-US", "intent": "alarm_set", "utt": "wake me at five am this week", "annot_utt": "wake me at [time : five am] [date : this week]"},
    {"id": "1", "locale": "zh-CN", "intent": "alarm_set", "utt": "早上五点叫我", "annot_utt": "[time : 早上五点]叫我"},
    {"id": "2", "locale": "en-US", "intent": "stop", "utt": "stop", "annot_utt": "stop"},
]  # fmt: skip
SLURP = {"slurp_id": 7, "sentence": "one american dollar in yen", "sentence_annotation": "one [currency_name : american dollar] in [currency_name : yen]",
         "tokens": [{"surface": "one", "id": 0}], "entities": [{"span": [1, 2], "type": "currency_name"}, {"span": [4], "type": "currency_name"}]}  # fmt: skip


def test_slots_are_entities(tmp_path):
    name, records = read_all(tmp_path, "a.jsonl", lines(*ROWS))
    assert name == "massive"
    assert [record.text for record in records] == [row["utt"] for row in ROWS]
    assert [surfaces(record) for record in records] == [
        [("five am", "time"), ("this week", "date")],
        [("早上五点", "time")],
        [],
    ]
    assert [record.meta["id"] for record in records] == ["0", "1", "2"]


@pytest.mark.parametrize(("file", "between"), [("a.csv", ","), ("a.tsv", "\t"), ("a.csv", ";")])
def test_a_table(tmp_path, file, between):
    content = "".join(between.join(row) + "\n" for row in (ROWS[0], *(row.values() for row in ROWS)))
    name, records = read_all(tmp_path, file, content)
    assert name == "massive"
    assert [record.text for record in records] == [row["utt"] for row in ROWS]
    assert surfaces(records[0]) == [("five am", "time"), ("this week", "date")]
    assert [record.meta["id"] for record in records] == ["0", "1", "2"]
    with pytest.raises(InputError, match=rf"{file}:5: a row of 2 cells under a header of 5"):
        read_all(tmp_path, file, content + f"3{between}x\n")


def test_slurp_whose_spans_count_words(tmp_path):
    name, (record,) = read_all(tmp_path, "a.jsonl", lines(SLURP))
    assert (name, record.text, record.meta) == ("massive", SLURP["sentence"], {"id": 7})
    assert surfaces(record) == [("american dollar", "currency_name"), ("yen", "currency_name")]


def test_rows_in_memory(tmp_path):
    convert(ROWS, tmp_path / "a.spacy", lang="zh")
    assert entities(docs_at(tmp_path / "a.spacy")) == [
        [("five am", "time"), ("this week", "date")],
        [("早上五点", "time")],
        [],
    ]


@pytest.mark.parametrize("marked", ["at [time : nine", "at time : nine]", "at [nine am]"])
def test_a_bracket_that_is_no_slot_is_one_line(tmp_path, marked):
    content = lines(*ROWS, {"utt": "x", "annot_utt": marked})
    with pytest.raises(
        InputError, match=r"a.jsonl:4: utterance: a bracket that is no slot in '.*; expected wake me at"
    ):
        read_all(tmp_path, "a.jsonl", content)
    _, docs = converted(tmp_path, "a.jsonl", content, skip_bad=1)
    assert entities(docs)[0] == [("five am", "time"), ("this week", "date")]
    with pytest.raises(InputError, match="utterance: none among 'utt'"):
        read_all(tmp_path, "a.json", json.dumps([*ROWS, {"utt": "x"}]))


def test_a_bracket_that_nothing_closes_costs_no_time(tmp_path):
    blanks = " " * 50_000
    row = {"annot_utt": f"wake me at [time : nine am] [a{blanks}b [a : {blanks}["}
    began = time.perf_counter()
    with pytest.raises(InputError, match="a bracket that is no slot"):
        read_all(tmp_path, "a.jsonl", json.dumps(row))
    assert time.perf_counter() - began < 5

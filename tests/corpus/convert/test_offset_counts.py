"""Offsets counted otherwise: believed where many spans of a file agree, or where the user says so."""

import csv
import json
import re
from pathlib import Path

import pytest

from cloudner.corpus.inspection.inspect import inspect_corpus
from cloudner.errors import ConfigError
from corpus.converting import converted, entities, issue_texts

PLACES = ["Oslo", "Bergen", "Turku", "Malmö"]


def rows(count, extra=0, sentences=4, before="é 😀 in "):
    """Sentences with a place each; count: how many units a text has, extra: what is added to the end."""
    made = []
    for number in range(sentences):
        place = PLACES[number % 4]
        text = f"{before}{place} she stayed"
        start = text.index(place)
        made.append(
            {
                "text": text,
                "entities": [[count(text[:start]), count(text[: start + len(place)]) + extra, "LOC"]],
            }
        )
    return "".join(json.dumps(row) + "\n" for row in made)


def utf16(text):
    return len(text.encode("utf-16-le")) // 2


def utf8(text):
    return len(text.encode())


@pytest.mark.parametrize(("count", "cause"), [(utf16, "offsets-utf16"), (utf8, "offsets-bytes")])
def test_many_spans_of_a_file_agree_on_a_unit(tmp_path, count, cause):
    report, docs = converted(tmp_path, "a.jsonl", rows(count))
    assert entities(docs) == [[(place, "LOC")] for place in PLACES]
    assert report.issues == {(cause, "repaired"): 4}
    assert "--offsets characters" in issue_texts(report)[0]


def test_one_span_proves_nothing(tmp_path):
    report, docs = converted(tmp_path, "a.jsonl", rows(utf8, sentences=1))
    assert [ent.text for doc in docs for ent in doc.ents] != ["Oslo"]
    assert not any(cause == "offsets-bytes" for cause, _ in report.issues)


def test_a_span_that_fits_already_keeps_all_as_they_are(tmp_path):
    content = rows(utf8) + json.dumps({"text": "é 😀 in Oslo", "entities": [[7, 11, "LOC"]]}) + "\n"
    report, docs = converted(tmp_path, "a.jsonl", content)
    assert entities(docs)[-1] == [("Oslo", "LOC")]
    assert ("offsets-bytes", "repaired") not in report.issues


def test_the_words_of_a_particle_language_are_not_moved(tmp_path):
    """Right offsets of Korean nouns, which end before a particle; in bytes they would fall on other words."""
    texts = [("부산 해운대의 바다가 좋다.", 6), ("이순 신장군의 배가 왔다.", 6), ("9시간 30분이 걸렸다.", 7)]
    content = "".join(json.dumps({"text": text, "entities": [[0, end, "X"]]}) + "\n" for text, end in texts)
    report, docs = converted(tmp_path, "a.jsonl", content)
    assert report.issues == {("misaligned", "changed"): 3}
    assert [doc.ents[0].text for doc in docs] == ["부산 해운대의", "이순 신장군의", "9시간 30분이"]


def test_a_cut_word_is_never_another_word(tmp_path):
    text = "1\n2\n3\n4\nthe Hof Müller Tor"
    start = text.index("Müll")
    content = json.dumps({"text": text, "entities": [[start, start + 4, "LOC"]]}) + "\n"
    _, docs = converted(tmp_path, "a.jsonl", content)
    assert entities(docs) == [[("Müller", "LOC")]]


def test_spans_on_given_tokens_are_never_counted_anew(tmp_path):
    content = "".join(
        json.dumps({"tokens": ["é", "😀😀", "Oslo"], "ner": [[2, 2, "LOC"]], "id": n}) + "\n"
        for n in range(5)
    )
    report, docs = converted(tmp_path, "a.jsonl", content)
    assert entities(docs) == [[("Oslo", "LOC")]] * 5
    assert not report.issues


def test_inclusive_ends_of_a_whole_file(tmp_path):
    report, docs = converted(tmp_path, "a.jsonl", rows(len, -1, sentences=12))
    assert entities(docs) == [[(place, "LOC")] for place in PLACES * 3]
    assert report.issues == {("offsets-inclusive", "repaired"): 12}


def test_the_user_says_how_offsets_are_counted(tmp_path):
    for count, extra, name in ((utf16, 0, "utf16"), (utf8, 0, "bytes"), (len, -1, "inclusive")):
        report, docs = converted(tmp_path, "a.jsonl", rows(count, extra, 1), offsets=name)
        assert entities(docs) == [[("Oslo", "LOC")]], name
        assert not report.issues
    one = json.dumps({"text": "Oslo ran", "entities": [[1, 4, "LOC"]]}) + "\n"
    assert entities(converted(tmp_path, "a.jsonl", one, offsets="one-based")[1]) == [[("Oslo", "LOC")]]


def test_given_a_count_misfits_are_told_and_not_repaired(tmp_path):
    row = {"text": "In Oslo now", "entities": [{"start": 0, "end": 2, "label": "LOC", "text": "Oslo"}]}
    report, docs = converted(tmp_path, "a.jsonl", json.dumps(row) + "\n", offsets="characters")
    assert entities(docs) == [[("In", "LOC")]]
    assert report.issues == {("surface-mismatch", "noted"): 1}


def test_a_count_that_does_not_exist(tmp_path):
    with pytest.raises(
        ConfigError, match="expected one of auto, characters, inclusive, utf16, bytes, one-based"
    ):
        converted(tmp_path, "a.jsonl", rows(len), offsets="words")


def zh_assets(start: int, end: int, count=len) -> str:
    """The Chinese training documents as JSON lines, with starts and ends moved, or counted otherwise."""
    with (Path(__file__).resolve().parents[3] / "assets/zh/train.csv").open(encoding="utf-8", newline="") as file:  # fmt: skip
        rows = [(row["text"], json.loads(row["entities"])) for row in csv.DictReader(file)]
    return "".join(
        json.dumps(
            {
                "text": t,
                "entities": [[count(t[:a]) + start, count(t[:b]) + end, label] for a, b, label in spans],
            }
        )
        + "\n"
        for t, spans in rows
    )


@pytest.mark.parametrize(
    ("start", "end", "says"),
    [
        (0, 0, None),
        (0, -1, r"lack their last character .* --offsets inclusive"),
        (1, 0, r"lack their first character .* --offsets one-based"),
        (1, 1, r"end with a comma or a full stop"),
    ],
)
def test_offsets_counted_otherwise_where_no_space_parts_words(tmp_path, start, end, says):
    report, _ = converted(tmp_path, "a.jsonl", zh_assets(start, end), lang="zh")
    notes = [
        inspect_corpus([path], encoder=None, lang="zh").notes
        for path in (str(tmp_path / "a.jsonl"), str(tmp_path / "out.spacy"))
    ]
    if says is None:
        assert report.hints == []
        assert not any("seem to lack" in note or "end with" in note for each in notes for note in each)
    else:
        assert re.search(says, report.hints[0])
        assert all(any(re.search(says, note) for note in each) for each in notes)


def test_what_the_hint_says_gives_the_right_entities(tmp_path):
    _, right = converted(tmp_path, "a.jsonl", zh_assets(0, 0), lang="zh")
    for start, end, count in ((0, -1, "inclusive"), (1, 0, "one-based")):
        report, docs = converted(tmp_path, "b.jsonl", zh_assets(start, end), lang="zh", offsets=count)
        assert report.hints == []
        assert entities(docs) == entities(right)


def test_bytes_are_recognised_where_no_space_parts_words(tmp_path):
    _, right = converted(tmp_path, "a.jsonl", zh_assets(0, 0), lang="zh")
    report, docs = converted(tmp_path, "b.jsonl", zh_assets(0, 0, utf8), lang="zh")
    assert entities(docs) == entities(right)
    assert set(report.issues) == {("offsets-bytes", "repaired")}

"""Train, dev and test: shares, stratification, repeatability, nothing on both sides."""

import json
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import DocBin
from spacy.vocab import Vocab

from cloudner.corpus.convert.convert import convert
from cloudner.corpus.convert.split import assign, parse_split
from cloudner.errors import ConfigError, InputError


def test_splits_are_parsed():
    assert parse_split("80/10/10") == [("train", 0.8), ("dev", 0.1), ("test", 0.1)]
    assert parse_split((3, 1)) == [("train", 0.75), ("dev", 0.25)]
    for bad in ("80", "80/0/20", "a/b", "1/1/1/1", "inf/1", "nan/1", ""):
        with pytest.raises(ConfigError, match="the split"):
            parse_split(bad)


def test_rare_labels_are_on_every_side():
    labels = [Counter({1: 1}) for _ in range(970)] + [Counter({1: 1, 2: 1}) for _ in range(30)]
    parts = assign(list(range(1000)), labels, [0.8, 0.1, 0.1], seed=0)
    sizes = Counter(parts)
    rare = Counter(part for part, label in zip(parts, labels, strict=True) if label[2])
    assert [sizes[p] for p in range(3)] == [800, 100, 100]
    assert [rare[p] for p in range(3)] == [24, 3, 3]


@given(
    st.lists(st.tuples(st.integers(0, 30), st.lists(st.integers(0, 3), max_size=3)), min_size=1, max_size=60),
    st.integers(0, 5),
)
@settings(max_examples=50, deadline=None)
def test_groups_stay_together_and_the_seed_repeats(docs, seed):
    groups = [group for group, _ in docs]
    labels = [Counter(content) for _, content in docs]
    parts = assign(groups, labels, [0.6, 0.2, 0.2], seed)
    assert parts == assign(groups, labels, [0.6, 0.2, 0.2], seed)
    assert all(
        len({p for p, g in zip(parts, groups, strict=True) if g == group}) == 1 for group in set(groups)
    )
    if len(set(groups)) >= 3:
        assert set(parts) == {0, 1, 2}


def corpus(path):
    docs = DocBin().from_disk(path).get_docs(Vocab())
    return [doc.text for doc in docs]


def test_a_corpus_is_split(tmp_path):
    rows = [f"Doc {i % 90} about Marie,0:3:{'RARE' if i % 30 == 0 else 'X'},g{i % 20}\n" for i in range(100)]
    (tmp_path / "a.csv").write_text("text,entities,writer\n" + "".join(rows))
    report = convert(tmp_path / "a.csv", tmp_path / "out", split="80/10/10")
    train, dev, test = (corpus(tmp_path / "out" / f"{name}.spacy") for name in ("train", "dev", "test"))
    assert len(train) + len(dev) + len(test) == report.docs == 100
    assert sum(report.outputs.values()) == 100
    assert abs(len(train) - 80) <= 2
    assert not set(train) & set(dev) | set(train) & set(test) | set(dev) & set(test)
    assert train != sorted(train)[: len(train)] or dev
    before = [p.read_bytes() for p in sorted((tmp_path / "out").glob("*.spacy"))]
    convert(tmp_path / "a.csv", tmp_path / "out", split="80/10/10")
    assert before == [p.read_bytes() for p in sorted((tmp_path / "out").glob("*.spacy"))]
    convert(tmp_path / "a.csv", tmp_path / "out", split="80/10/10", seed=1)
    assert before != [p.read_bytes() for p in sorted((tmp_path / "out").glob("*.spacy"))]


def test_groups_of_a_column(tmp_path):
    rows = [f"Doc {i},[],g{i % 20}\n" for i in range(100)]
    (tmp_path / "a.csv").write_text("text,entities,writer\n" + "".join(rows))
    convert(tmp_path / "a.csv", tmp_path / "a.spacy", split="60/40", group_by="writer")
    sides = []
    for name in ("a-train.spacy", "a-dev.spacy"):
        docs = DocBin().from_disk(tmp_path / name).get_docs(Vocab())
        sides.append({doc.user_data["meta"]["group"] for doc in docs})
    assert len(sides[0]) == 12
    assert len(sides[1]) == 8
    assert not sides[0] & sides[1]


def test_the_labels_of_a_group_of_spans_count(tmp_path):
    """INNER lies inside of OUTER everywhere: no entity of doc.ents has it."""
    rows = [
        {"text": f"Doc {i} about Marie Curie", "entities": [[0, 24, "OUTER"], *([[12, 17, "INNER"]] if i % 30 == 0 else [])]}
        for i in range(90)
    ]  # fmt: skip
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    for seed in range(4):
        convert(tmp_path / "a.jsonl", tmp_path / "out", split="34/33/33", seed=seed, spans="sc")
        for part in ("train", "dev", "test"):
            docs = DocBin().from_disk(tmp_path / "out" / f"{part}.spacy").get_docs(Vocab())
            assert sum(span.label_ == "INNER" for doc in docs for span in doc.spans["sc"]) == 1


def sides(folder, key="group"):
    """What the documents on either side of a split have under a key of their meta data."""
    files = [DocBin().from_disk(folder / f"{part}.spacy") for part in ("train", "dev")]
    return [{doc.user_data["meta"].get(key) for doc in file.get_docs(Vocab())} for file in files]


REPORTS = [f"Case {i} of Ada" for i in range(8)]
WARDS = ["north", "south", "east", "west"] * 2
GROUPED = [
    ("a.conll", "".join(f"# ward = {w}\nCase{i} O\nAda B-PER\n\n" for i, w in enumerate(WARDS)), "ward"),
    ("a.conllu", "".join(f"# ward = {w}\n1\tCase{i}\t_\t_\t_\t_\t_\t_\t_\tO\n2\tAda\t_\t_\t_\t_\t_\t_\t_\tB-PER\n\n"
                         for i, w in enumerate(WARDS)), "ward"),
    ("a.jsonl", "".join(json.dumps({"text": t, "entities": [], "meta": {"ward": w}}) + "\n"
                        for t, w in zip(REPORTS, WARDS, strict=True)), "ward"),
    ("a.json", json.dumps([{"data": {"text": t, "meta": {"ward": w}}, "annotations": []}
                           for t, w in zip(REPORTS, WARDS, strict=True)]), "meta.ward"),
    ("b.json", json.dumps([{"externalId": t, "content": t, "labels": [{"jsonResponse": {}}], "ward": w}
                           for t, w in zip(REPORTS, WARDS, strict=True)]), "ward"),
    ("a.csv", "text,start,end,label,ward\n" + "".join(f"{t},10,13,PER,{w}\n"
                                                      for t, w in zip(REPORTS, WARDS, strict=True)), "ward"),
    ("b.csv", "word,tag,sent_id,ward\n" + "".join(f"Case{i},O,s{i},{w}\nAda,B-PER,s{i},\n"
                                                  for i, w in enumerate(WARDS)), "ward"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content", "key"), GROUPED, ids=[each[0] for each in GROUPED])
def test_groups_of_any_format_stay_together(tmp_path, name, content, key):
    """What a reader keeps with its documents can group them, whatever the format."""
    (tmp_path / name).write_text(content)
    for seed in range(3):
        report = convert(tmp_path / name, tmp_path / "out", split="50/50", group_by=key, seed=seed)
        train, dev = sides(tmp_path / "out")
        assert report.docs == 8
        assert train | dev == set(WARDS)
        assert not train & dev


@pytest.mark.parametrize("key", ["Ward", "wards"])
def test_a_group_that_no_document_has_is_an_error(tmp_path, key):
    (tmp_path / "a.jsonl").write_text(GROUPED[2][1].replace('"meta": ', '"note": '))
    with pytest.raises(InputError, match=f"no document has a value under '{key}'"):
        convert(tmp_path / "a.jsonl", tmp_path / "out", split="50/50", group_by=key)
    assert not list(tmp_path.glob("out*"))
    (tmp_path / "a.csv").write_text(GROUPED[5][1])
    with pytest.raises(InputError, match=r"no column 'wards'.*--group-by ward$"):
        convert(tmp_path / "a.csv", tmp_path / "out", split="50/50", group_by="wards")


def test_documents_without_a_group_are_told(tmp_path):
    rows = [{"text": t, "entities": [], "ward": w} for t, w in zip(REPORTS, WARDS, strict=True)]
    rows[2]["ward"] = ""
    del rows[5]["ward"]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    report = convert(tmp_path / "a.jsonl", tmp_path / "out", split="50/50", group_by="ward")
    assert report.issues == {("no-group", "noted"): 1}
    assert report.examples["no-group"].line == 3
    assert report.examples["no-group"].done == "2 documents have no value under 'ward': in no group"


def test_the_groups_of_an_earlier_conversion_are_not_those_asked_for(tmp_path):
    (tmp_path / "a.jsonl").write_text(GROUPED[2][1])
    convert(tmp_path / "a.jsonl", tmp_path / "a.spacy", group_by="ward")
    convert(tmp_path / "a.spacy", tmp_path / "out", split="50/50", group_by="group")
    assert not set.intersection(*sides(tmp_path / "out"))
    with pytest.raises(InputError, match="no document has a value under 'doctor'; expected meta or"):
        convert(tmp_path / "a.spacy", tmp_path / "out", split="50/50", group_by="doctor")

"""The whole way: sources in, a corpus out, a report of what happened."""

import json
import subprocess
import sys

import pytest
import spacy
from spacy.training import Corpus

from cloudner.corpus.convert.convert import convert
from cloudner.corpus.formats.registry import format_for_output
from cloudner.errors import ConfigError, InputError
from corpus.converting import CSV, docs_at, entities


def test_csv_to_spacy(source, tmp_path):
    report = convert(source, tmp_path / "x.spacy", lang="en")
    assert entities(docs_at(tmp_path / "x.spacy")) == [[("Marie Curie", "PER"), ("Warsaw", "LOC")], []]
    assert (report.docs, report.entities, report.labels) == (2, 2, {"PER": 1, "LOC": 1})
    assert report.detected == [(str(source), "csv", "columns 'text' and 'entities', comma between")]
    assert report.outputs == {tmp_path / "x.spacy": 2}
    assert report.issues_path is None
    assert {p.name for p in tmp_path.iterdir()} == {"x.csv", "x.spacy"}


def test_spacy_trains_on_it(source, tmp_path):
    convert(source, tmp_path / "x.spacy")
    nlp = spacy.blank("en")
    nlp.add_pipe("ner")
    examples = list(Corpus(tmp_path / "x.spacy")(nlp))
    nlp.initialize(lambda: examples)
    losses = nlp.update(examples)
    assert losses["ner"] > 0
    assert nlp.get_pipe("ner").labels == ("LOC", "PER")


def test_conll_columns(tmp_path):
    (tmp_path / "a.conll").write_text("Marie\tB-PER\nCurie\tI-PER\nsang\tO\n\nRome\tB-LOC\n.\tO\n")
    report = convert(tmp_path / "a.conll", tmp_path / "a.spacy", n_sents=2)
    (doc,) = docs_at(tmp_path / "a.spacy")
    assert [t.text for t in doc] == ["Marie", "Curie", "sang", "Rome", "."]
    assert [len(sentence) for sentence in doc.sents] == [3, 2]
    assert [(e.text, e.label_) for e in doc.ents] == [("Marie Curie", "PER"), ("Rome", "LOC")]
    assert report.docs == 1


def test_n_sents_cuts_long_documents(tmp_path):
    record = {"tokens": ["a", "b", "c", "d"], "ner_tags": ["O", "B-X", "O", "O"]}
    (tmp_path / "a.jsonl").write_text(f"{json.dumps(record)}\n" * 3)
    convert(tmp_path / "a.jsonl", tmp_path / "a.spacy", n_sents=2)
    assert [len(doc) for doc in docs_at(tmp_path / "a.spacy")] == [8, 4]
    convert(tmp_path / "a.spacy", tmp_path / "b.spacy", n_sents=1)
    assert [len(doc) for doc in docs_at(tmp_path / "b.spacy")] == [4, 4, 4]


def test_a_folder_of_different_formats(source, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    source.rename(folder / "x.csv")
    (folder / "y.jsonl").write_text(json.dumps({"text": "Bob sings", "entities": [[0, 3, "PER"]]}) + "\n")
    (folder / "notes").write_text("only words in here\n")
    report = convert(folder, tmp_path / "all.spacy")
    assert [name for _, name, _ in report.detected] == ["csv", "jsonl"]
    assert report.issues == {("not-a-document", "noted"): 1}
    assert len(entities(docs_at(tmp_path / "all.spacy"))) == 3


def test_issues_are_counted_and_written(tmp_path):
    rows = [
        {"text": "Ann met Bob", "entities": [[0, 2, "PER"], [8, 11, "Per"]]},
        {"text": "Ann met Bob", "entities": [[0, 4, "PER"], [0, 3, "PER"]]},
        {"text": "Ann met Bob", "entities": [[0, 7, "PER"], [4, 11, "X"], [30, 31, "X"]]},
    ]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    report = convert(tmp_path / "a.jsonl", tmp_path / "a.spacy")
    assert report.issues == {
        ("misaligned", "changed"): 1,
        ("whitespace", "repaired"): 1,
        ("duplicate", "noted"): 1,
        ("overlapping", "dropped"): 1,
        ("outside-text", "dropped"): 1,
        ("conflicting-documents", "noted"): 2,
        ("label-case", "noted"): 1,
    }
    assert report.lost == 3
    written = [json.loads(line) for line in report.issues_path.read_text().splitlines()]
    assert report.issues_path == tmp_path / "a.spacy.issues.jsonl"
    assert len(written) == sum(report.issues.values())
    assert set(written[0]) == {"cause", "action", "file", "line", "excerpt", "label", "done", "record"}
    assert written[0]["line"] == 1
    assert any("misaligned" in line for line in report.lines())
    json.dumps(report.as_dict())
    with pytest.raises(InputError, match="3 annotations would be dropped or changed"):
        convert(tmp_path / "a.jsonl", tmp_path / "b.spacy", strict=True)
    assert not (tmp_path / "b.spacy").exists()
    assert (tmp_path / "b.spacy.issues.jsonl").exists()
    # a later run without issues leaves no stale list
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": "Ann", "entities": []}) + "\n")
    convert(tmp_path / "a.jsonl", tmp_path / "a.spacy", strict=True)
    assert not (tmp_path / "a.spacy.issues.jsonl").exists()


def test_shards(tmp_path):
    rows = [f"word{i} here,0:{len(f'word{i}')}:X\n" for i in range(1500)]
    (tmp_path / "a.csv").write_text("text,entities\n" + "".join(rows))
    convert(tmp_path / "a.csv", tmp_path / "a.spacy", shard_tokens=1000)
    assert sorted(p.name for p in (tmp_path / "a.spacy").iterdir()) == [
        "00000.spacy",
        "00001.spacy",
        "00002.spacy",
    ]
    nlp = spacy.blank("en")
    assert len(list(Corpus(tmp_path / "a.spacy")(nlp))) == 1500
    convert(tmp_path / "a.spacy", tmp_path / "b.spacy")
    assert [e[0][0] for e in entities(docs_at(tmp_path / "b.spacy"))] == [f"word{i}" for i in range(1500)]
    # one file takes the place of the folder, but never that of a folder with other files in it
    convert(tmp_path / "a.csv", tmp_path / "a.spacy")
    assert (tmp_path / "a.spacy").is_file()
    (tmp_path / "mine.spacy").mkdir()
    (tmp_path / "mine.spacy" / "thesis.txt").write_text("precious")
    with pytest.raises(InputError, match="other files in it"):
        convert(tmp_path / "a.csv", tmp_path / "mine.spacy")
    assert (tmp_path / "mine.spacy" / "thesis.txt").read_text() == "precious"


@pytest.mark.slow
def test_two_processes_give_the_same_file(tmp_path):
    rows = [f"Ann{i} met Bob{i},0:2:PER\n" for i in range(1200)]
    (tmp_path / "a.csv").write_text("text,entities\n" + "".join(rows))
    one = convert(tmp_path / "a.csv", tmp_path / "one.spacy")
    two = convert(tmp_path / "a.csv", tmp_path / "two.spacy", n_process=2)
    assert (tmp_path / "one.spacy").read_bytes() == (tmp_path / "two.spacy").read_bytes()
    assert one.issues == two.issues == {("misaligned", "changed"): 1200}
    first = (tmp_path / "one.spacy.issues.jsonl").read_text()
    assert first == (tmp_path / "two.spacy.issues.jsonl").read_text()


def test_output_formats(source, tmp_path):
    assert format_for_output("a.spacy").name == "spacy"
    assert format_for_output("a.csv").name == "csv"
    assert format_for_output("a.jsonl").name == "jsonl"
    assert format_for_output("a.parquet").name == "parquet"
    assert format_for_output("a.jsonl", "prodigy").name == "prodigy"
    for name in ("x.csv2", "x"):
        with pytest.raises(ConfigError, match="no writable format"):
            convert(source, tmp_path / name)
    with pytest.raises(ConfigError, match="can be read but not written"):
        convert(source, tmp_path / "a.json", to="ubiai")
    convert(source, tmp_path / "a.jsonl", split="50/50")
    rows = []
    for name in ("train", "dev"):
        rows += [json.loads(line) for line in (tmp_path / f"a-{name}.jsonl").read_text().splitlines()]
    assert sorted(row["text"] for row in rows) == ["Marie Curie was in Warsaw.", "Nobody."]


def test_nothing_is_left_of_a_failed_run(source, tmp_path):
    source.write_text(CSV + "ragged\n")
    with pytest.raises(InputError, match="a row of 1 cells"):
        convert(source, tmp_path / "new" / "deep" / "x.spacy")
    assert [p.name for p in tmp_path.iterdir()] == ["x.csv"]
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written: "):
        convert(source, tmp_path / "file" / "x.spacy")


def test_a_source_is_not_written_over(tmp_path, monkeypatch):
    """Its other columns would be lost: no output has them."""
    monkeypatch.chdir(tmp_path)
    text = 'text,entities,author\n"Ada slept.","[[0, 3, ""PER""]]",me\n"Bo ran.","[[0, 2, ""PER""]]",me\n'
    for name in ("all.csv", "train.csv"):
        (tmp_path / name).write_text(text)
    for sources, output, split in (
        ("all.csv", tmp_path / "all.csv", None),
        (tmp_path / "all.csv", "./all.csv", None),
        (["all.csv", "train.csv"], ".", "80/20"),
    ):
        with pytest.raises(InputError, match=r"the output is one of the sources.*try: .*-converted\.csv"):
            convert(sources, output, to="csv", split=split)
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["all.csv", "train.csv"]
    assert {path.read_text() for path in tmp_path.iterdir()} == {text}


def test_a_split_into_the_folder_one_is_in(source, tmp_path, monkeypatch):
    (tmp_path / "here" / "deeper").mkdir(parents=True)
    wrong = tmp_path / "wrong.csv"
    wrong.write_text('text,entities\n"Ada slept.","[[0, 2, ""PER""]]"\n"Bo ran.","[[0, 2, ""PER""]]"\n')
    monkeypatch.chdir(tmp_path / "here" / "deeper")
    for output in (".", ".."):
        report = convert(wrong, output, split="50/50", to="csv")
        assert report.issues_path is not None
        assert (
            report.issues_path.resolve()
            == (tmp_path / "here" / "deeper" / output / "corpus.issues.jsonl").resolve()
        )
        assert (tmp_path / "here" / "deeper" / output / "train.csv").is_file()


def put_rows(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_an_id_with_two_texts_is_an_error(tmp_path):
    ann, bob = ({"id": 7, "text": text, "entities": [[0, 3, "PER"]]} for text in ("Ann left", "Bob left"))
    path = put_rows(tmp_path / "a.jsonl", ann, dict(ann, id=8), bob)
    with pytest.raises(
        InputError, match=r"a.jsonl:3: the id '7' of line 1 again, with another text.*--group-by"
    ):
        convert(path, tmp_path / "a.spacy")
    assert not (tmp_path / "a.spacy").exists()
    # documents may share an id on purpose, and then stay together
    assert convert(path, tmp_path / "a.spacy", group_by="id").issues == {}
    # in two files an id may come again
    put_rows(tmp_path / "b.jsonl", bob)
    put_rows(path, ann)
    both = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    assert convert(both, tmp_path / "both.spacy").issues == {}
    # and what is made of them can be read and written again
    assert convert(tmp_path / "both.spacy", tmp_path / "c.spacy").issues == {("duplicate-id", "noted"): 1}
    for name in ("a.conllu", "a.pubtator", "a.xml"):
        convert(tmp_path / "both.spacy", tmp_path / name)
        assert convert(tmp_path / name, tmp_path / "again.spacy").docs == 2


def test_the_same_document_twice_is_told(tmp_path):
    row = {"id": "x", "text": "Ann", "entities": [[0, 3, "PER"]]}
    (tmp_path / "a.json").write_text(json.dumps([row, row]))
    report = convert(tmp_path / "a.json", tmp_path / "a.spacy", strict=True)
    assert report.docs == 2
    assert report.issues == {("duplicate-id", "noted"): 1}
    assert "the same text has the id 'x'" in report.examples["duplicate-id"].done


def test_labels_are_renamed(source, tmp_path):
    convert(source, tmp_path / "x.spacy", labels={"PER": "PERSON"})
    assert entities(docs_at(tmp_path / "x.spacy"))[0] == [("Marie Curie", "PERSON"), ("Warsaw", "LOC")]


def test_chinese_needs_no_segmenter(tmp_path):
    (tmp_path / "a.csv").write_text('text,entities\n我在北京大学。,"[[2, 6, ""ORG""]]"\n')
    convert(tmp_path / "a.csv", tmp_path / "a.spacy", lang="zh")
    assert entities(docs_at(tmp_path / "a.spacy")) == [[("北京大学", "ORG")]]
    assert len(docs_at(tmp_path / "a.spacy")[0]) == 7


def test_newlines_in_cells_stay_as_they_are(tmp_path):
    """Offsets count what the file has: a normalised line end would move every span after it."""
    (tmp_path / "a.csv").write_bytes(
        b'text,entities\r\n"One\r\n\r\nMarie Curie\r\n","[[7, 18, ""PER""]]"\r\n'
    )
    report = convert(tmp_path / "a.csv", tmp_path / "a.spacy")
    assert entities(docs_at(tmp_path / "a.spacy")) == [[("Marie Curie", "PER")]]
    assert report.issues == {}


def test_character_level_exports_are_words_again(tmp_path):
    """doccano #7: one character a token; label-studio #556: nothing is shifted to the next token."""
    text = "Sodali Ayran here"
    tags = ["B-PER" if i == 0 else "I-PER" if i < 12 else "O" for i in range(len(text))]
    row = {"tokens": list(text), "ner_tags": tags}
    (tmp_path / "a.jsonl").write_text(json.dumps(row) + "\n")
    convert(tmp_path / "a.jsonl", tmp_path / "a.spacy")
    docs = docs_at(tmp_path / "a.spacy")
    assert [doc.text for doc in docs] == [text]
    assert entities(docs) == [[("Sodali Ayran", "PER")]]
    row = {"text": "found XTC Pills 200mg", "spans": [{"start": 6, "end": 9, "label": "Drug"}]}
    (tmp_path / "b.jsonl").write_text(json.dumps(row) + "\n")
    convert(tmp_path / "b.jsonl", tmp_path / "b.csv")
    convert(tmp_path / "b.csv", tmp_path / "b.spacy")
    assert entities(docs_at(tmp_path / "b.spacy")) == [[("XTC", "Drug")]]


@pytest.mark.slow
def test_a_hundred_thousand_documents_stay_small(tmp_path):
    """Peak memory of a process that converts 100,000 documents; the same as for ten times as many."""
    code = (
        "import sys, resource\nfrom cloudner.corpus.convert.convert import convert\n"
        "r = convert(sys.argv[1], sys.argv[2], shard_tokens=500_000)\n"
        "print(r.docs, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    with open(tmp_path / "a.jsonl", "w") as stream:
        for i in range(100_000):
            text = f"Person{i} met nobody in the town of Place{i % 977} and went home again"
            stream.write(json.dumps({"text": text, "entities": [[0, len(f"Person{i}"), "PER"]]}) + "\n")
    result = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.jsonl"), str(tmp_path / "a.spacy")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    count, kilobytes = map(int, result.stdout.split())
    assert count == 100_000
    assert kilobytes < 1_000_000

"""What the benchmarks are made of, without training: data, choices, kept runs, ratios."""

import json
import random
import time

import pytest
import spacy
from benchmarks.runs import Runs
from spacy.tokens import Span

from benchmarks import command, data, jobs, peers, recipes, review, suite, summaries
from cloudner.reviewing.suspects import Suspect


def test_lengths_have_the_published_mean_and_ends():
    made = data.lengths(data.SENTENCES["train"], random.Random(0))
    assert sum(made) / len(made) == pytest.approx(203_621 / 14_041, rel=0.02)
    assert min(made) == 1
    assert 105 <= max(made) <= 113
    small = data.lengths(200, random.Random(0))  # a small corpus has the same shape
    assert sum(small) / len(small) == pytest.approx(14.5, rel=0.05)


def test_synthetic_sentences_are_valid_and_repeatable():
    made = data.synthetic("dev", 40)
    assert made == data.synthetic("dev", 40)
    assert sorted(len(words) for words, _ in made) == sorted(data.lengths(40, random.Random(1)))
    for words, tags in made:
        assert len(words) == len(tags)
        for before, tag in zip(["O", *tags], tags, strict=False):
            assert not tag.startswith("I-") or before[2:] == tag[2:]
    assert any(tag.startswith("B-") for _, tags in made for tag in tags)


def test_conll_files_come_back_as_written(tmp_path):
    made = data.synthetic("test", 12)
    data.write_conll(tmp_path / "test.conll", made)
    assert data.read_conll(tmp_path / "test.conll") == made
    assert data.read_conll(tmp_path / "test.conll", 5) == made[:5]
    (tmp_path / "bad.conll").write_text("word\n", encoding="utf-8")
    with pytest.raises(SystemExit, match=r"bad\.conll:1"):
        data.read_conll(tmp_path / "bad.conll")


def test_choices_become_config_names():
    assert recipes.overrides_of("base") == {}
    assert recipes.parsed("hf-grouped:3e-4:5") == {"peer": "hf-grouped", "lr": 3e-4, "epochs": 5}
    assert recipes.overrides_of("head=crf,layer_decay=0.9,case_features=false,lr=1e-4") == {
        "components.cloudner.model.head": "crf",
        "training.optimizer.layer_decay": 0.9,
        "components.cloudner.model.case_features": False,
        "training.optimizer.learn_rate.initial_rate": 1e-4,
    }
    with pytest.raises(SystemExit, match="heads"):
        recipes.overrides_of("heads=crf")


def test_every_name_of_a_choice_is_a_setting_of_the_config():
    from thinc.api import Config

    config = Config().from_disk(data.ROOT / "configs" / "cpu.cfg", interpolate=False)
    for dotted in recipes.HOMES.values():
        section = config
        for part in dotted.split("."):
            assert part in section, dotted
            section = section[part]


def test_a_part_of_a_corpus_is_drawn_once(tmp_path):
    folder = tmp_path / "news"
    folder.mkdir()
    made = {split: data.synthetic(split, 12) for split in data.SPLITS}
    for split, sentences in made.items():
        data.write_conll(folder / f"{split}.conll", sentences)
    part = data.read_folder(recipes.part_of(folder, 5, tmp_path / "work"))
    assert len(part["train"]) == 5
    assert all(sentence in made["train"] for sentence in part["train"])
    assert part["train"] != made["train"][:5]
    assert (part["dev"], part["test"]) == (made["dev"], made["test"])
    assert data.read_folder(recipes.part_of(folder, 5, tmp_path / "work")) == part
    assert recipes.part_of(folder, 0, tmp_path / "work") == folder


def test_a_choice_is_compared_in_pairs():
    def row(choice, corpus, seed, f1, seconds):
        key = {"choice": choice, "data": corpus, "sentences": 300, "seed": seed}
        return {"key": key, "dev": {"f1": f1}, "seconds": seconds}

    rows = [
        row("base", "a", 0, 0.50, 10), row("base", "a", 1, 0.54, 10), row("base", "b", 0, 0.80, 20), row("base", "b", 1, 0.80, 20),
        row("c", "a", 0, 0.53, 20), row("c", "a", 1, 0.55, 20), row("c", "b", 0, 0.80, 20), row("c", "b", 1, 0.78, 60),
        row("alone", "z", 0, 0.9, 1),
    ]  # fmt: skip
    lines = recipes.summarise(rows)
    assert [line["choice"] for line in lines] == ["c", "base"]
    found = lines[0]
    assert (found["corpora"], found["seeds"]) == (2, 2)
    assert found["by_corpus"] == {"a": 2.0, "b": -1.0}
    assert (found["gain"], found["worst"]) == (0.5, -1.0)
    # by seed: (3 + 0) / 2 and (1 - 2) / 2
    assert found["standard_error"] == pytest.approx(1.0)
    assert found["times_the_seconds"] == pytest.approx((2 + 2 + 1 + 3) / 4)
    assert "| 300 | c | dev | 2 x 2 |" in recipes.table(lines)


def test_finished_runs_are_kept_and_found_again(tmp_path):
    path = tmp_path / "runs.json"
    key = {"side": "hf", "rate": 5e-5, "seed": 0}
    first = Runs(path)
    assert first.find(key) is None
    first.add(key, {"f1": 0.5})
    again = Runs(path)
    assert again.find(dict(key)) == {"key": key, "f1": 0.5}
    assert again.find({**key, "seed": 1}) is None
    again.head["summary"] = [1]
    again.add({**key, "seed": 1}, {"f1": 0.6})
    assert len(json.loads(path.read_text())["runs"]) == 2
    assert Runs(path).head == {"summary": [1]}
    path.write_text(path.read_text()[:-20])
    with pytest.raises(SystemExit, match="no JSON"):
        Runs(path)


def test_two_writers_lose_nothing(tmp_path):
    path = tmp_path / "runs.json"
    one, two = Runs(path), Runs(path)
    one.add({"choice": "a"}, {"f1": 0.5})
    two.add({"choice": "b"}, {"f1": 0.6})
    one.add({"choice": "c"}, {"f1": 0.7})
    one.update("summary", [{"choice": "a", "f1": 0.5}, {"choice": "c", "f1": 0.7}], by="choice")
    two.update("summary", [{"choice": "b", "f1": 0.6}], by="choice")
    again = Runs(path)
    assert [row["key"]["choice"] for row in again.rows] == ["a", "b", "c"]
    assert [line["choice"] for line in again.head["summary"]] == ["a", "c", "b"]
    assert two.find({"choice": "c"}) == {"key": {"choice": "c"}, "f1": 0.7}


def test_ratios_and_table():
    def run(speed, f1=0.9):
        return {
            "words_per_second": speed,
            "memory": {"rss": 10**9},
            "test": {"f1": f1, "f1_lenient": f1},
        }

    peers = {
        name: {"what": name, "runs": [run(s) for s in speeds], **summaries.summary([run(s) for s in speeds])}
        for name, speeds in (
            ("cloudner", (900.0, 1000.0, 1500.0)),
            ("cloudner-plain", (1100.0,)),
            ("hf-pipeline-16", (200.0, 250.0)),
        )
    }
    peers["gliner"] = {"what": "gliner", "runs": [], "not_measured": "gliner is not installed"}
    split = {"sentences": 2, "words": 10, "pieces": 15}
    record = {
        "command": "python -m benchmarks predict",
        "kind": "predict",
        "encoder": {"name": "x", "random": True, "without_embeddings": 10**6},
        "data": {"name": "d", "train": split, "dev": split, "test": split},
        "settings": {
            "device": "cpu", "threads": 2, "epochs": 1, "sentences_a_step": 16, "learning_rate": 5e-5, "runs": 3,
        },
        "machine": {"cpu": "c", "cores": 2, "cpu_flags": ["avx2"]},
        "versions": {"torch": "2"},
        "peers": peers,
    }  # fmt: skip
    summaries.compare(record)
    assert record["peers"]["hf-pipeline-16"]["times_as_fast"] == {"cloudner": 4.44, "cloudner-plain": 4.89}
    assert record["confidence_costs_percent"] == 9.1
    assert record["peers"]["cloudner"]["pieces_per_second"] == 1500
    assert record["peers"]["cloudner"]["model_tflops"] == pytest.approx(0.003)
    table = summaries.markdown(record)
    assert "| hf-pipeline-16 | 225 | 200 to 250 | 1.00 GB | 0.9000 | 0.9000 | 4.44x | 4.89x |" in table
    assert "| gliner | not measured: gliner is not installed |" in table
    widths = {line.count("|") for line in table.splitlines() if line.startswith("|")}
    assert widths == {9}


def test_what_would_not_be_done_in_time_is_left_out(tmp_path):
    def made(deadline, runs):
        one = suite.Suite(kind="predict", encoder="x", data=None, work=tmp_path, deadline=deadline)
        one.record = {"peers": {"hf-pipeline-16": {"what": "", "runs": runs}}}
        one.lasted = {"hf-pipeline-16": 60.0}
        one._one(1, peers.find("predict", "hf-pipeline-16"), peers.Job("predict", "hf-pipeline-16", "x", "y"))
        return one.record["peers"]["hf-pipeline-16"]

    assert made(time.monotonic() + 30, []) == {"what": "", "runs": [], "not_measured": "out of time"}
    assert made(time.monotonic() + 30, [{"seconds": 1}]) == {"what": "", "runs": [{"seconds": 1}]}
    job = peers.Job("predict", "hf-pipeline-16", "x", "y")
    assert "out of time" in jobs.run_job(job, tmp_path, 0.01)["not_measured"]


def test_commands_are_shown_without_this_machines_folders():
    shown = command.shown_command(
        ["benchmarks", "train", "--data", "/somewhere/else/wnut17", "--epochs", "1"]
    )
    assert shown == "python -m benchmarks train --data wnut17 --epochs 1"


def test_only_right_suggestions_are_accepted():
    nlp = spacy.blank("en")
    doc = nlp("Marie Curie met Apple in Paris")
    clean = [{(0, 2, "PER"), (3, 4, "ORG"), (5, 6, "LOC")}]
    given = [(0, 1, "PER"), (2, 3, "LOC"), (5, 6, "ORG")]  # a boundary, an invented one, Apple missed, a type
    doc.set_ents([Span(doc, *span) for span in given])

    def about(before, suggested):
        return Suspect(0, "", before, suggested, 0.9, True)

    rows = [
        about((0, 1, "PER"), (0, 2, "PER")),
        about((2, 3, "LOC"), None),
        about(None, (3, 4, "ORG")),
        about((5, 6, "ORG"), (5, 6, "PER")),  # wrong as well
        about(None, (4, 5, "LOC")),
        about((5, 6, "ORG"), None),  # it is an entity, but of another type: a person would not drop it
    ]
    found, accepted = review.corrected([doc], clean, rows)
    assert found == [{(0, 2, "PER"), (3, 4, "ORG"), (5, 6, "ORG")}]
    assert accepted == 3
    assert review.corrected([doc], clean, [about((5, 6, "ORG"), (5, 6, "LOC"))])[1] == 1

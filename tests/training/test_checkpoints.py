"""Checkpoints on disks and in object stores."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys

import pytest
import torch

from cloudner.atomic import beside, take_back
from cloudner.errors import InputError
from cloudner.training.asked import differences, what_is_asked
from cloudner.training.best import due_best, fetch_best, store_best
from cloudner.training.checkpoints import Checkpoints, open_checkpoint
from cloudner.training.output_folder import put_folder


def tensors(value):
    return {"a/weights": torch.full((3, 2), float(value)), "random/torch": torch.arange(4, dtype=torch.uint8)}


@pytest.fixture(params=["disk", "memory://kept"])
def kept(request, tmp_path):
    where = tmp_path / "checkpoints" if request.param == "disk" else f"{request.param}/{tmp_path.name}"
    return Checkpoints(where, keep=2)


def test_the_newest_whole_one_counts_and_old_ones_go(kept):
    assert kept.newest() is None
    for step in (3, 7, 11):
        kept.write(step, tensors(step), {"progress": step}, {"config": "x"})
    kept.wait()
    assert kept.steps() == [11, 7]
    saved = kept.newest()
    assert (saved.step, saved.loop, saved.asked) == (11, {"progress": 11}, {"config": "x"})
    assert torch.equal(saved.tensors["a/weights"], torch.full((3, 2), 11.0))
    assert open_checkpoint(kept.where).step == 11
    assert open_checkpoint(f"{kept.where}/step-00000007").step == 7
    kept.remove()
    assert kept.steps() == []
    with pytest.raises(InputError, match="there is no checkpoint"):
        open_checkpoint(kept.where)


def test_what_a_killed_process_had_begun_to_write_goes(tmp_path):
    """A checkpoint of BERT-base is 1.3 GB, and each kill could leave one."""
    killed = subprocess.Popen([sys.executable, "-c", ""])
    killed.wait()
    folder = tmp_path / "checkpoints"
    mine = beside(folder / "step-00000035")
    mine.mkdir(parents=True)
    mine.with_name(mine.name.replace(f"-{os.getpid()}-", f"-{killed.pid}-")).mkdir()
    kept = Checkpoints(folder)
    kept.begin(34)
    assert list(folder.iterdir()) == [mine]  # this process lives
    kept.write(36, tensors(36), {}, {})
    kept.remove()
    assert not folder.exists()


@pytest.mark.parametrize("part", ["tensors.safetensors", "loop.json", "state.json"])
@pytest.mark.parametrize("damage", ["cut", "gone", "other"])
def test_damage_is_seen(tmp_path, caplog, monkeypatch, part, damage):
    monkeypatch.setattr(logging.getLogger("cloudner"), "propagate", True)
    kept = Checkpoints(tmp_path, keep=3)
    for step in (1, 2):
        kept.write(step, tensors(step), {"progress": step}, {})
    kept.wait()
    path = tmp_path / "step-00000002" / part
    data = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(data[:-3] if damage == "cut" else data[:-3] + b"???")
    assert kept.newest().step == 1
    assert "step 2 is passed over" in caplog.text


def test_a_full_disk_costs_the_checkpoint_alone(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("cloudner"), "propagate", True)
    place = tmp_path / "file"
    place.write_text("no folder can be made here")
    kept = Checkpoints(place / "checkpoints")
    kept.write(1, tensors(1), {}, {})
    kept.wait()
    assert "No checkpoint at step 1" in caplog.text


def test_leftovers_of_a_kill_do_not_count(tmp_path):
    kept = Checkpoints(tmp_path)
    (tmp_path / ".step-00000009.123.tmp").mkdir()
    (tmp_path / "step-00000008").mkdir()  # a folder without a state
    kept.write(4, tensors(4), {}, {})
    kept.wait()
    assert kept.newest().step == 4


def test_a_folder_is_the_old_or_the_new_one(tmp_path):
    target = tmp_path / "model-best"

    def write(text):
        def into(folder):
            folder.mkdir()
            (folder / "a").write_text(text)

        return into

    put_folder(target, write("one"))
    put_folder(target, write("two"))
    assert (target / "a").read_text() == "two"
    # Killed between its two renames:
    target.rename(tmp_path / ".model-best.previous")
    take_back(target)
    assert (target / "a").read_text() == "two"
    with pytest.raises(ZeroDivisionError):
        put_folder(target, lambda folder: 1 / 0)
    assert (target / "a").read_text() == "two"
    assert [p.name for p in tmp_path.iterdir()] == ["model-best"]


def test_what_was_asked_is_told_apart(tmp_path):
    config, corpus = tmp_path / "a.cfg", tmp_path / "train.spacy"
    config.write_text("[nlp]\n")
    corpus.write_bytes(b"one")
    plain = {"paths": {"train": str(corpus)}, "components": {}}
    before = what_is_asked(config, {"training.max_epochs": 3}, None, plain)
    assert differences(before, json.loads(json.dumps(before))) == []
    corpus.write_bytes(b"two")
    after = what_is_asked(config, {"training.max_epochs": 4}, None, plain)
    assert differences(after, before) == ["--training.max_epochs", "the data of paths.train"]


def test_what_initialisation_reads_is_part_of_what_is_asked(tmp_path):
    config, labels, source = tmp_path / "a.cfg", tmp_path / "ner.json", tmp_path / "trained"
    config.write_text("[nlp]\n")
    source.mkdir()
    plain = {
        "initialize": {"components": {"ner": {"labels": {"@readers": "spacy.read_labels.v1", "path": str(labels)}}}},
        "components": {"tagger": {"source": str(source)}, "ner": {"source": "a_package"}},
    }  # fmt: skip
    asked = []
    for text in ("one", "two"):
        for path in (labels, source / "meta.json"):
            path.write_text(text)
            asked.append(what_is_asked(config, {}, None, plain))
    _, first, other_labels, other_source = asked
    told = ["the data of initialize.components.ner.labels.path"]
    assert differences(other_labels, first) == told
    assert differences(other_source, first) == ["the data of components.tagger.source", *told]


def pipeline(folder, text):
    for name in ("meta.json", "cloudner/model/weights"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"{text} {name}")


def test_the_best_pipeline_outlives_the_output_folder(kept, tmp_path):
    output = tmp_path / "training"
    results = []
    for step, score, best in ((3, 0.5, True), (7, 0.5, True), (11, 0.4, False)):
        results.append((score, step))
        if best:
            pipeline(output / "model-best", f"of step {step}")
        aside = due_best(kept, output, results)
        assert (aside is not None) == best  # it is kept once
        kept.write(
            step, tensors(step), {"progress": {}}, {}, aside and (lambda aside=aside: store_best(kept, aside))
        )
        kept.wait()
    assert kept.steps("best-") == [7, 3]  # 3 goes when the next one comes, as its checkpoint has gone
    assert not list(output.glob(".model-best*"))
    saved = kept.newest()
    fetch_best(saved, tmp_path / "another machine")
    found = tmp_path / "another machine" / "model-best"
    assert (found / "cloudner/model/weights").read_text() == "of step 7 cloudner/model/weights"
    (found / "meta.json").write_text("what is there stays")
    fetch_best(saved, tmp_path / "another machine")
    assert (found / "meta.json").read_text() == "what is there stays"
    kept.remove()
    assert kept.steps("best-") == []


def test_a_best_pipeline_that_is_not_whole_is_told(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("cloudner"), "propagate", True)
    kept = Checkpoints(tmp_path / "bucket")
    pipeline(tmp_path / "training" / "model-best", "good")
    results = [(0.5, 3)]
    best = due_best(kept, tmp_path / "training", results)
    kept.write(4, tensors(4), {"progress": {"results": results}}, {}, lambda: store_best(kept, best))
    kept.wait()
    saved = kept.newest()
    (tmp_path / "bucket" / "best-00000003" / "meta.json").write_text("tampered with")
    fetch_best(saved, tmp_path / "new")
    assert "model-best will be the best from here on" in caplog.text
    assert saved.loop["progress"]["results"] == []
    assert not (tmp_path / "new" / "model-best").exists()
    saved.loop["best"]["files"] = {"../outside": {"size": 1, "sha256": ""}}
    fetch_best(saved, tmp_path / "new")
    assert "leads out of the folder" in caplog.text


def test_checkpoints_in_the_output_folder_keep_no_best(tmp_path):
    pipeline(tmp_path / "model-best", "here")
    assert due_best(Checkpoints(tmp_path / "checkpoints"), tmp_path, [(0.5, 3)]) is None


def test_a_best_pipeline_that_was_deleted_is_told(tmp_path, caplog, monkeypatch):
    """It was named at the end of the resumed training, though no later evaluation had written it."""
    monkeypatch.setattr(logging.getLogger("cloudner"), "propagate", True)
    kept = Checkpoints(tmp_path / "training" / "checkpoints")
    best, loop = (
        tmp_path / "training" / "model-best",
        {"progress": {"results": [[0.5, 3], [0.4, 7]]}, "logger": {"run": {"best": [0.5, 3]}}},
    )
    pipeline(best, "good")
    kept.write(8, tensors(8), loop, {})
    kept.wait()

    def counted(output):
        saved = kept.newest()
        fetch_best(saved, output)
        return saved.loop["progress"]["results"], saved.loop["logger"]["run"]["best"]

    assert counted(tmp_path / "training") == ([[0.5, 3], [0.4, 7]], [0.5, 3])
    best.rename(best.with_name(".model-best.previous"))  # killed between two renames
    assert counted(tmp_path / "training") == ([[0.5, 3], [0.4, 7]], [0.5, 3])
    assert caplog.text == ""
    pipeline(tmp_path / "other" / "model-best", "of another training")
    assert counted(tmp_path / "other") == ([], None)
    shutil.rmtree(best)
    assert counted(tmp_path / "training") == ([], None)
    assert caplog.text.count("model-best will be the best from here on") == 2

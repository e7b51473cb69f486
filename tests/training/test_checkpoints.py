"""Checkpoints on disks and in object stores."""

from __future__ import annotations

import json
import logging

import pytest
import torch

from cloudner.atomic import take_back
from cloudner.errors import InputError
from cloudner.training.asked import differences, what_is_asked
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

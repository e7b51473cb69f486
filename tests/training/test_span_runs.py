"""Trainings of `cloudner_spans`: killed and gone on with, and by two processes."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

import spans
import tiny
from cloudner.model.ranks.reduction import checksum
from cloudner.training.ranks.share import mine
from training import runs
from training.pairs import pair

NAME = "cloudner_spans"


# -- one step -----------------------------------------------------------------------------------------------------


def shim_of(nlp):
    return nlp.get_pipe(NAME).model.shims[0]


def gradients(nlp):
    named = shim_of(nlp).network.named_parameters()
    return {name: None if p.grad is None else p.grad.numpy().copy() for name, p in named}


def against_one(ranks, nlps, data):
    """Two steps of a pair and of one process on the same batches: the largest difference of their gradients, the losses, the
    weights after, and how many rows and labels were counted."""
    one, many = nlps
    many.get_pipe(NAME).join(ranks)
    optimizers, apart, losses, counted = (tiny.adamw(1e-3), tiny.adamw(1e-3)), [], [], []
    for _ in range(2):
        mean: dict[str, float] = {}
        one.update(spans.gold(one, data), sgd=False, losses=mean)
        expected, n = gradients(one), shim_of(one).labelled
        sums: dict[str, float] = {}
        ranks.begin(1, sums)
        if own := mine(spans.gold(many, data), ranks.rank, ranks.size):
            many.update(own, sgd=False, losses=sums)
        ranks.exchange()
        ranks.reductions[0].reduce()
        counted.append([n, shim_of(many).step.labelled])
        found = gradients(many)
        assert [name for name in found if (found[name] is None) != (expected[name] is None)] == []
        there = [name for name in found if found[name] is not None]
        apart.append(max(float(np.abs(found[name] - expected[name]).max()) / n for name in there))
        shim_of(many).reduction = None  # summed already
        many.get_pipe(NAME).finish_update(optimizers[1])
        shim_of(many).reduction = ranks.reductions[0]
        one.get_pipe(NAME).finish_update(optimizers[0])
        losses.append([mean[NAME], sums[NAME]])
    return apart, losses, counted, checksum(shim_of(many).network)


@pytest.mark.parametrize("data", [spans.NESTED * 2, spans.NESTED[:1]], ids=["12 documents", "an empty part"])
def test_gradients_of_two_processes_are_those_of_one(bert, tmp_path, data):
    nlps = spans.make_nlp(bert), spans.make_nlp(bert)
    (apart, losses, counted, weights), other = pair(against_one, tmp_path / "pair", nlps, data)
    assert max(apart) < 1e-5
    assert other[3] == weights
    assert counted == [[len(data) * len(spans.LABELS)] * 2] * 2
    for expected, found in losses:
        assert found == pytest.approx(expected, abs=1e-5)


# -- the command --------------------------------------------------------------------------------------------------


def words(folder, encoder, *options, **more):
    return runs.command(folder, encoder, *options, component=NAME, **more)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nested")
    runs.write_nested(folder / "corpus")
    return folder / "corpus"


def place(corpus, folder):
    shutil.copytree(corpus, folder / "corpus")
    return folder


@pytest.mark.slow
def test_kills_leave_no_trace(corpus, tmp_path, encoder_folder):
    bert = encoder_folder("bert")
    whole, folder = place(corpus, tmp_path / "whole"), place(corpus, tmp_path / "killed")
    runs.run(whole, words(whole, bert, "--checkpoint-steps", "1000"))
    command = words(folder, bert, "--checkpoint-steps", "1")
    for step in (13, 27):
        assert runs.killed(folder, command, step) == -9
    assert "checkpoint in" in runs.run(folder, command)
    runs.assert_same(whole, folder)
    assert json.loads((folder / "training" / "run.json").read_text())["resumed_from_step"] > 27


@pytest.mark.slow
def test_two_processes_find_what_one_does(corpus, tmp_path, encoder_folder):
    """Without dropout, whose draws are a process's own."""
    more = {f"components.{NAME}.model.dropout": 0.0, "training.dropout": 0.0}
    bert, logs = encoder_folder("bert"), []
    for name, ranks in (("one", []), ("two", ["--ranks", "2"])):
        folder = place(corpus, tmp_path / name)
        said = runs.run(folder, words(folder, bert, *ranks, "--checkpoint-steps", "1000", **more))
        assert ("2 processes, on the CPU" in said) == (name == "two")
        lines = (folder / "training" / "log.jsonl").read_text().splitlines()
        logs.append([json.loads(line) for line in lines])
    scores = [[row["scores"]["spans_sc_f"] for row in log if row.get("scores")] for log in logs]
    assert scores[0] == scores[1]
    assert scores[0][-1] > 0.5
    losses = [[row["losses"][NAME] for row in log if row.get("losses")] for log in logs]
    assert len(losses[0]) == len(scores[0]) >= 4
    assert losses[1] == pytest.approx(losses[0], rel=1e-3, abs=1e-4)

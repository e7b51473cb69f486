"""Several processes take one step together: as one process would, and nothing hangs where one of them is in trouble."""

from __future__ import annotations

import logging
import os
import sys

import numpy as np
import pytest
import torch

import tiny
from cloudner.errors import ConfigError, NonFiniteLossError, RankError
from cloudner.model.ranks.reduction import checksum
from cloudner.training.ranks.begin import number_format
from cloudner.training.ranks.evaluation import evaluation
from cloudner.training.ranks.join import _quiet, in_company, speaks
from cloudner.training.ranks.launch import how_many
from cloudner.training.ranks.scaling import scale_batch, told
from cloudner.training.ranks.share import mine, parts
from model.test_memory import NoRoomForStates, limit
from training.pairs import pair

DATA = tiny.DATA * 3


@pytest.fixture
def two(tmp_path):
    """Runs a function in two processes."""
    return lambda function, *arguments: pair(function, tmp_path / function.__name__, *arguments)


@pytest.fixture(scope="module")
def nlps(bert):
    """Two alike; each fork has its own of them."""
    return tiny.make_nlp(bert), tiny.make_nlp(bert)


def shim_of(nlp):
    return nlp.get_pipe("cloudner").model.shims[0]


def update(nlp, ranks, data, losses=None):
    """What the loop does up to the exchange: this process's part of the batch."""
    losses = {} if losses is None else losses
    ranks.begin(1, losses)
    if own := mine(tiny.make_examples(nlp, data), ranks.rank, ranks.size):
        nlp.update(own, sgd=False, losses=losses)
    return losses


def gradients(nlp):
    return {
        n: None if p.grad is None else p.grad.numpy().copy()
        for n, p in shim_of(nlp).network.named_parameters()
    }


def together(nlp, ranks):
    nlp.get_pipe("cloudner").join(ranks)
    return nlp


def against_one(ranks, nlps, data):
    """Steps of a pair and of one process on the same batches; the gradients before each, weights and losses after."""
    one, many = nlps[0], together(nlps[1], ranks)
    optimizers, apart, losses = (tiny.adamw(1e-3), tiny.adamw(1e-3)), [], []
    for _ in range(2):
        mean: dict[str, float] = {}
        one.update(tiny.make_examples(one, data), sgd=False, losses=mean)
        expected, n = gradients(one), shim_of(one).labelled
        sums = update(many, ranks, data)
        ranks.exchange()
        ranks.reductions[0].reduce()
        assert shim_of(many).step.labelled == n
        found = gradients(many)
        assert [name for name in found if (found[name] is None) != (expected[name] is None)] == []
        apart.append(
            max(float(np.abs(found[k] - expected[k]).max()) / n for k in found if found[k] is not None)
        )
        shim_of(many).reduction = None  # summed already
        many.get_pipe("cloudner").finish_update(optimizers[1])
        shim_of(many).reduction = ranks.reductions[0]
        one.get_pipe("cloudner").finish_update(optimizers[0])
        losses.append([mean["cloudner"], sums["cloudner"]])
    return apart, losses, checksum(shim_of(many).network), shim_of(many).grad_norm


@pytest.mark.parametrize(
    "data", [DATA, DATA[:1], tiny.DATA], ids=["12 documents", "1: an empty part", "4 documents"]
)
def test_gradients_are_those_of_one_process_and_weights_the_same_in_all(two, nlps, data):
    (apart, losses, weights, norm), other = two(against_one, nlps, data)
    assert max(apart) < 1e-5
    assert other[2:] == [weights, norm]
    for expected, found in losses:
        assert found == pytest.approx(expected, abs=1e-5)


def in_bf16(ranks, nlps):
    one, many = nlps[0], together(nlps[1], ranks)
    ranks.reduce_in = number_format("bf16")
    one.update(tiny.make_examples(one, DATA), sgd=False)
    update(many, ranks, DATA)
    ranks.exchange()
    many.get_pipe("cloudner").finish_update(tiny.adamw(1e-3))
    expected = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(
        [p.grad for p in shim_of(one).network.parameters() if p.grad is not None]
    ))) / shim_of(one).labelled  # fmt: skip
    return shim_of(many).grad_norm / float(expected), checksum(shim_of(many).network)


def test_gradients_summed_in_bf16(two, nlps):
    first, second = two(in_bf16, nlps)
    assert first == second
    assert first[0] == pytest.approx(1.0, abs=1e-2)
    assert first[0] != pytest.approx(1.0, abs=1e-7)
    with pytest.raises(ConfigError, match="--reduce-in fp8"):
        number_format("fp8")


def unused(ranks, nlps):
    """A parameter that no process uses, and one that the first alone uses, with weight decay."""
    nlp = together(nlps[1], ranks)
    step = shim_of(nlp).step
    update(nlp, ranks, DATA)
    step.parameters[3].grad = None
    if not ranks.first:
        step.parameters[5].grad = None
    ranks.exchange()
    nlp.get_pipe("cloudner").finish_update(tiny.adamw(1e-3, weight_decay=0.1))
    return [p in step.adamw.state for p in step.parameters], checksum(step.network)


def test_a_parameter_without_a_gradient_in_any_process_is_left_alone(two, nlps):
    (stepped, weights), other = two(unused, nlps)
    assert other == [stepped, weights]
    assert [i for i, there in enumerate(stepped) if not there] == [3]


def no_memory(ranks, nlps):
    """The second process finds room for 32 pieces at once, which each sentence alone needs less than, whatever pieces the
    tokenizer has learned, and none for the large states of AdamW."""
    plain, nlp = nlps[0], together(nlps[1], ranks)
    for each in (plain, nlp):
        if each is plain:
            each.update(tiny.make_examples(each, DATA), sgd=False)
        else:
            tried = limit(shim_of(nlp).network, 32 if ranks.rank else 10_000)
            update(nlp, ranks, DATA)
            ranks.exchange()
    plain.get_pipe("cloudner").finish_update(tiny.adamw(1e-3, eps=1e-2))
    with NoRoomForStates(shim_of(nlp).network, 1000 if ranks.rank else 1 << 40) as room:
        nlp.get_pipe("cloudner").finish_update(tiny.adamw(1e-3, eps=1e-2))
    apart = tiny.largest_difference(tiny.weights(plain), tiny.weights(nlp))
    moved = sum(p not in shim_of(nlp).step.adamw.state for p in shim_of(nlp).step.parameters)
    return apart, checksum(shim_of(nlp).network), moved, [len(tried), room.refused]


def test_out_of_memory_in_one_process_changes_nothing(two, nlps):
    (apart, weights, moved, first), (_, *others, second) = two(no_memory, nlps)
    assert first == [1, 0]
    assert second[0] > 2
    assert second[1] > 0
    assert others == [weights, moved]
    assert moved > 0
    assert apart < 1e-5


def not_finite(ranks, nlps):
    nlp = together(nlps[1], ranks)
    before = tiny.weights(nlp)
    update(nlp, ranks, DATA)
    if ranks.rank:
        shim_of(nlp).step.parameters[-1].grad[0] = float("inf")
    ranks.exchange()
    with pytest.raises(NonFiniteLossError):
        nlp.get_pipe("cloudner").finish_update(tiny.adamw(1e-3))
    update(nlp, ranks, DATA)  # and the next one works
    ranks.exchange()
    unchanged = tiny.largest_difference(tiny.weights(nlp), before)
    nlp.get_pipe("cloudner").finish_update(tiny.adamw(1e-3))
    return unchanged, checksum(shim_of(nlp).network)


def test_an_infinite_gradient_in_one_process_stops_the_step_in_all(two, nlps):
    first, second = two(not_finite, nlps)
    assert first == second
    assert first[0] == 0.0


def overflow(ranks, nlps):
    """fp16's scaler: the second process alone has an infinity in its scaled gradients."""
    from cloudner.model.training.scaler import LossScaler

    nlp = together(nlps[1], ranks)
    step = shim_of(nlp).step
    step.scaler = LossScaler(step.device)
    before, scale = tiny.weights(nlp), float(step.scaler.scale)
    update(nlp, ranks, DATA)
    if ranks.rank:
        step.parameters[-1].grad[0] = float("inf")
    ranks.exchange()
    nlp.get_pipe("cloudner").finish_update(torch_adam())
    skipped = tiny.largest_difference(tiny.weights(nlp), before)
    return skipped, step.overflows, float(step.scaler.scale) / scale


def torch_adam():
    """thinc's own optimizer, which steps on a CPU with scaled gradients too."""
    from thinc.api import Adam

    return Adam(1e-3)


def test_an_overflow_in_one_process_lowers_the_scale_in_all(two, nlps):
    assert two(overflow, nlps) == [[0.0, 1, 0.5]] * 2


def flags(ranks, nlps):
    """The second wants to stop, the first a checkpoint; then the second fails."""
    nlp = together(nlps[1], ranks)
    ranks.stop, ranks.due = bool(ranks.rank), ranks.first
    update(nlp, ranks, DATA)
    ranks.exchange()
    wanted = ranks.stop, ranks.due
    update(nlp, ranks, DATA)
    if ranks.rank:
        ranks.exchange(failed=True)
        return wanted, ""
    with pytest.raises(RankError) as told:
        ranks.exchange()
    return wanted, str(told.value)


def test_what_one_process_wants_all_hear(two, nlps):
    first, second = two(flags, nlps)
    assert first[0] == second[0] == [True, True]
    assert "1 of 2 processes have failed" in first[1]


def messages(ranks):
    """Bytes and JSON from one to the other, and what happens where they differ or one has none."""
    said = []
    with pytest.raises(RankError, match="the batches differ"):
        ranks.same(ranks.rank, "the batches")
    ranks.same(7, "the batches")
    said.append([each.decode() for each in ranks.gather(f"from {ranks.rank}".encode() * 3)])
    said.append(ranks.broadcast(b"x" * 1000 if ranks.first else b"").decode())
    said.append(ranks.from_first(lambda: {"score": 0.5}))
    for lost in (0, 1):
        data = None if ranks.rank == lost else b"mine"
        if data is None:
            assert ranks.gather(data) == []
            continue
        with pytest.raises(RankError, match=f"process {lost} of 2 has failed"):
            ranks.gather(data)
    with pytest.raises(RankError if ranks.rank else ZeroDivisionError):
        ranks.from_first(lambda: 1 // 0)
    for failing in (0, 1):
        with pytest.raises(ZeroDivisionError if ranks.rank == failing else RankError):
            ranks.together(lambda failing=failing: 1 // abs(ranks.rank - failing))
    return said


def test_messages(two):
    first, second = two(messages)
    assert first == [["from 0" * 3, "from 1" * 3], "x" * 1000, {"score": 0.5}]
    assert second == [[], *first[1:]]


def in_a_group_of_another(ranks):
    """A launcher such as Ray Train has let the processes meet before."""
    from cloudner.model.ranks.group import join

    own = join(ranks.rank, ranks.size, 0, "cpu")
    said = messages(own)
    own.close()
    ranks.wait()  # the launcher's is still there
    return said


def test_processes_that_have_met_already(two):
    assert two(in_a_group_of_another)[0][1:] == ["x" * 1000, {"score": 0.5}]


def scored(ranks, folder):
    import spacy
    from spacy.training.loop import create_evaluation_callback

    nlp = together(spacy.load(folder), ranks)
    data = [*DATA, ("", []), ("Apple", [(0, 5, "ORG")])]

    def corpus(nlp):
        return tiny.make_examples(nlp, data)

    plain = create_evaluation_callback(nlp, corpus, {"ents_f": 0.5, "ents_p": 0.5})
    expected, table = plain()
    evaluate = evaluation(nlp, corpus, plain, ranks)
    found, own = evaluate()
    for scores in (table, own):
        scores.pop("speed", None)
    broken = []
    for rank in (0, 1):  # one cannot predict
        if ranks.rank == rank:
            nlp.get_pipe("cloudner")._emit = None
        with pytest.raises(RankError if ranks.rank != rank else TypeError):
            evaluate()
        if ranks.rank == rank:
            del nlp.get_pipe("cloudner")._emit
        broken.append(evaluate()[0])
    if ranks.rank:  # a weight that is not the other's
        with torch.no_grad():
            shim_of(nlp).network.head.linear.weight[0, 0] += 1e-3
    with pytest.raises(RankError, match="the weights of 'cloudner' differ"):
        evaluate()
    return [expected, found, table, own, broken]


def test_an_evaluation_in_parts_gives_the_scores_of_one(two, trained_folder):
    (expected, found, table, own, broken), second = two(scored, trained_folder)
    assert 0.5 < expected <= 1.0
    assert second[1] == found == expected
    assert own == table
    assert second[3] == {}
    assert broken == [found, found]


def batch_config(**batcher):
    rate = {"@schedules": "cloudner.linear.v1", "initial_rate": 3e-4}
    return {"training": {"batcher": batcher, "optimizer": {"learn_rate": rate}}}


def test_a_scaled_batch():
    config = batch_config(batch_size=16, max_pieces=768)
    rows = scale_batch(config, 4)
    assert config["training"]["batcher"] == {"batch_size": 64, "max_pieces": 3072}
    assert config["training"]["optimizer"]["learn_rate"]["initial_rate"] == pytest.approx(6e-4)
    assert [name for name, _, _ in rows] == ["batcher.batch_size", "batcher.max_pieces", "initial_rate"]
    with pytest.raises(ConfigError, match="no batch_size"):
        scale_batch(batch_config(size={"@schedules": "compounding.v1"}), 4)


@pytest.mark.parametrize(
    ("size", "ranks", "device", "few"),
    [(16, 8, "cuda:0", True), (256, 8, "cuda:0", False), (16, 2, "cpu", False), (3, 2, "cpu", True)],
)
def test_the_table_of_settings_says_what_each_process_computes(size, ranks, device, few):
    _, value, why = told(batch_config(batch_size=size), ranks, device)
    assert value.startswith(f"{ranks} processes")
    assert f"a batch of {size} is {size / ranks:g} documents for each" in why
    assert ("too few to gain time" in why) == few


@pytest.mark.parametrize(
    ("asked", "message"),
    [("0", "--ranks 0"), ("two", "--ranks two"), ("gpus", "torch sees no GPU")],
)
def test_ranks_that_cannot_be(asked, message):
    with pytest.raises(ConfigError, match=message):
        how_many(asked, "-1")


def test_a_process_knows_whether_it_has_company():
    alone = {"WORLD_SIZE": "1", "RANK": "0", "MASTER_ADDR": "localhost", "MASTER_PORT": "29500"}
    assert not in_company({})
    assert not in_company(alone)
    assert not in_company({"WORLD_SIZE": "2"})  # of a scheduler that starts no processes
    assert in_company({**alone, "WORLD_SIZE": "2"})
    assert [speaks({**alone, "WORLD_SIZE": "2", "RANK": rank}) for rank in "01"] == [True, False]


def heard(ranks):
    """What a process prints and warns of."""
    said, lines = [], logging.getLogger("cloudner")
    keep = logging.Handler()
    keep.emit = lambda record: said.append(record.getMessage())
    lines.addHandler(keep)
    with _quiet(ranks):
        lines.warning("The corpus is small: %d documents", 3)
        lines.warning("Out of memory: training goes on")
        print("a table")
        written = sys.stdout.name
    lines.warning("afterwards")
    return said, written == os.devnull


def test_only_the_first_process_speaks(two):
    first, second = two(heard)
    assert first == [
        ["The corpus is small: 3 documents", "Out of memory: training goes on", "afterwards"],
        False,
    ]
    assert second == [["process 1: Out of memory: training goes on", "afterwards"], True]


def test_parts_are_balanced_and_whole():
    lengths = np.array([3, 50, 7, 7, 90, 1, 0, 30])
    found = parts(lengths, 3)
    assert sorted(i for part in found for i in part) == list(range(8))
    loads = [int(lengths[part].sum()) for part in found]
    assert max(loads) == 90
    assert all(part == sorted(part) for part in found)
    assert parts(np.array([5]), 3) == [[0], [], []]
    assert parts(np.array([], dtype=np.int64), 2) == [[], []]


def others(ranks, nlps):
    """A tagger beside the component cannot be trained so; frozen it may be there."""
    from cloudner.training.ranks.begin import begin

    nlp = nlps[1]
    nlp.add_pipe("textcat").add_label("A")
    settings = {"frozen_components": [], "seed": 0}
    with pytest.raises(ConfigError, match="'textcat' cannot be trained over several processes"):
        begin(nlp, settings, ranks, None)
    ranks.reductions.clear()
    begin(nlp, {**settings, "frozen_components": ["textcat"]}, ranks, None)
    return torch.initial_seed()


def test_other_trained_components_are_refused(two, nlps):
    assert two(others, nlps) == [0, 1]

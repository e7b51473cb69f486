"""Streams, threads, processes and devices."""

from __future__ import annotations

import multiprocessing
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import spacy
import torch

import tiny
from cloudner.model.prediction.emissions import Emissions

TEXTS = [text for text, _ in tiny.DATA] * 5


def test_never_reads_more_than_a_batch_ahead(trained):
    read = 0

    def stream():
        nonlocal read
        for text in TEXTS:
            read += 1
            yield text

    given = 0
    for _ in trained.pipe(stream(), batch_size=4):
        given += 1
        assert read - given < 4
    assert given == read == len(TEXTS)


def test_order_and_tuples(trained):
    expected = [tiny.ents(trained(text)) for text in TEXTS]
    for size in (1, 3, 100):
        docs = list(trained.pipe(TEXTS, batch_size=size))
        assert [doc.text for doc in docs] == TEXTS
        assert [tiny.ents(doc) for doc in docs] == expected
    pairs = list(trained.pipe(((text, i) for i, text in enumerate(TEXTS)), as_tuples=True, batch_size=7))
    assert [i for _, i in pairs] == list(range(len(TEXTS)))
    assert [tiny.ents(doc) for doc, _ in pairs] == expected
    docs = [trained.make_doc(text) for text in TEXTS[:3]]
    assert all(a is b for a, b in zip(trained.pipe(docs), docs, strict=True))
    assert list(trained.pipe([])) == []


def test_a_batch_launched_early_gives_the_same(trained, monkeypatch):
    """As on a GPU: the next batch is launched before the one in hand is finished."""
    texts = [*TEXTS, "", " ", *TEXTS[:3]]
    expected = [(tiny.ents(doc), [e._.confidence for e in doc.ents]) for doc in trained.pipe(texts)]
    pipe = trained.get_pipe("cloudner")
    launched, emit = [], pipe._emit
    monkeypatch.setattr(type(pipe), "_ahead", 1)
    monkeypatch.setattr(pipe, "_emit", lambda docs: launched.append(len(docs)) or emit(docs))
    found, at_first = [], None
    for doc in trained.pipe(texts, batch_size=4):
        at_first = at_first or list(launched)
        found.append((tiny.ents(doc), [e._.confidence for e in doc.ents]))
    assert at_first == [4, 4]
    assert [ents for ents, _ in found] == [ents for ents, _ in expected]
    assert [c for _, cs in found for c in cs] == pytest.approx(
        [c for _, cs in expected for c in cs], abs=1e-4
    )
    assert sum(launched) == len(texts) == len(found)


@pytest.mark.parametrize("size", [1, 3, 5])
def test_a_bad_doc_launched_early_costs_one_doc(trained, monkeypatch, size):
    fail_on(trained, "北京")
    monkeypatch.setattr(type(trained.get_pipe("cloudner")), "_ahead", 1)
    failed = []
    trained.set_error_handler(lambda name, pipe, docs, error: failed.append([d.text for d in docs]))
    docs = list(trained.pipe([*TEXTS[:3], "北京", *TEXTS[3:6]], batch_size=size))
    assert [doc.text for doc in docs] == TEXTS[:6]
    assert failed == [["北京"]]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_scores_wait_for_their_own_work_only():
    product = torch.randn(2048, 2048, device="cuda")
    early = Emissions([product[:4] @ product], np.array([0, 4]), np.array([3, 1, 0, 2]))
    for _ in range(200):
        product = torch.tanh(product @ product)
    done = torch.cuda.current_stream().record_event()
    scores = early.scores
    assert not done.query()
    torch.cuda.synchronize()
    assert scores.shape == (4, 2048)


def fail_on(nlp, word: str) -> None:
    """The encoder raises when it is given a piece of this word."""
    shim = nlp.get_pipe("cloudner").model.shims[0]
    runner = shim.runner
    ids = set(runner.tokenizer.encode([nlp.make_doc(word)])[0].ids.tolist())
    others = {i for text in TEXTS for i in runner.tokenizer.encode([nlp.make_doc(text)])[0].ids.tolist()}
    special = ids - others
    assert special

    def check(module, args, kwargs):
        if set(kwargs["input_ids"].flatten().tolist()) & special:
            raise RuntimeError("a bad text")

    shim.network.encoder.register_forward_pre_hook(check, with_kwargs=True)
    shim.forget_predictor()


def test_one_bad_doc_costs_one_doc(trained):
    fail_on(trained, "北京")
    texts = [*TEXTS[:3], "北京", *TEXTS[3:6]]
    failed = []
    trained.set_error_handler(
        lambda name, pipe, docs, error: failed.append((name, [d.text for d in docs], str(error)))
    )
    docs = list(trained.pipe(texts, batch_size=5))
    assert [doc.text for doc in docs] == TEXTS[:6]
    assert failed == [("cloudner", ["北京"], "a bad text")]
    assert docs[0].ents
    failed.clear()
    pairs = list(trained.pipe([(t, i) for i, t in enumerate(texts)], as_tuples=True, batch_size=5))
    assert [i for _, i in pairs] == [0, 1, 2, 4, 5, 6]


def test_without_a_handler_the_error_is_raised(trained):
    fail_on(trained, "北京")
    with pytest.raises(RuntimeError, match="a bad text"):
        list(trained.pipe([*TEXTS[:3], "北京"]))
    with pytest.raises(RuntimeError, match="a bad text"):
        trained("北京")


def test_ignoring_handler(trained):
    fail_on(trained, "北京")
    trained.set_error_handler(spacy.util.ignore_error)
    assert len(list(trained.pipe([*TEXTS[:3], "北京"]))) == 3


def test_from_other_threads(trained):
    """thinc's active ops are thread-local; where the model computes is not."""
    expected = [tiny.ents(trained(text)) for text in TEXTS]
    found = []
    thread = threading.Thread(target=lambda: found.extend(tiny.ents(d) for d in trained.pipe(TEXTS)))
    thread.start()
    thread.join(60)
    assert found == expected
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda text: tiny.ents(trained(text)), TEXTS)) == expected


def test_the_device_is_that_of_the_parameters(trained):
    shim = trained.get_pipe("cloudner").model.shims[0]
    seen = []
    thread = threading.Thread(target=lambda: seen.append(shim.device.type))
    thread.start()
    thread.join()
    assert seen == [shim.device.type] == [next(shim.network.parameters()).device.type]


def test_memory_zone(trained):
    before = len(trained.vocab)
    expected = [tiny.ents(trained(text)) for text in TEXTS[:4]]
    for round_ in range(2):
        with trained.memory_zone():
            docs = list(trained.pipe(f"{text} Xyzzy{round_}{i}" for i, text in enumerate(TEXTS[:4])))
            assert [ents[0] for doc in docs if (ents := tiny.ents(doc))]
            assert all(e.label_ in tiny.LABELS for doc in docs for e in doc.ents)
            del docs
    assert len(trained.vocab) <= before + 30
    assert [tiny.ents(trained(text)) for text in TEXTS[:4]] == expected


PROCESSES = """
import sys, spacy, torch
torch.set_num_threads(2)
nlp = spacy.load(sys.argv[1])
texts = sys.argv[2:] * 20
torch.randn(700, 700) @ torch.randn(700, 700)  # starts torch's threads
if __name__ == "__main__":
    one = [[(e.start, e.end, e.label_, round(e._.confidence, 4)) for e in d.ents] for d in nlp.pipe(texts)]
    two = [[(e.start, e.end, e.label_, round(e._.confidence, 4)) for e in d.ents]
           for d in nlp.pipe(texts, n_process=2, batch_size=10)]
    assert one == two
    print("same", sum(map(len, two)))
"""


def test_two_processes_after_torch_has_run(fresh, trained_folder):
    """A forked child that inherits torch's used thread pool waits for ever; ours goes on with one thread."""
    done = fresh.run("-c", PROCESSES, trained_folder, *TEXTS[:4])
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith("same ")


@pytest.fixture
def spawning():
    """Processes are started as Windows and macOS do it."""
    before = multiprocessing.get_start_method()
    multiprocessing.set_start_method("spawn", force=True)
    yield
    multiprocessing.set_start_method(before, force=True)


@pytest.mark.slow
def test_two_spawned_processes(spawning, trained):
    """They begin anew, and the pipeline is pickled for them."""
    docs = list(trained.pipe(["Marie Curie lived in Paris."] * 3, n_process=2, batch_size=1))
    assert [len(doc.ents) for doc in docs] == [2, 2, 2]


def test_a_device_setting_is_kept_in_the_config(bert, tmp_path):
    nlp = tiny.make_nlp(bert, device="cpu")
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    assert loaded.config["components"]["cloudner"]["model"]["device"] == "cpu"
    assert loaded.get_pipe("cloudner").model.shims[0].device.type == "cpu"

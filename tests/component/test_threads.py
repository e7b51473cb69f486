"""Threads that share one pipeline: what they find, and what is left of it when they are done."""

from __future__ import annotations

import gc
import os
import pickle
import random
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import spacy
import torch

import tiny
from cloudner.locks import PipelineLock
from cloudner.model.prediction.backends.network import ExportedNetwork
from cloudner.pieces.cache import PieceCache
from cloudner.pieces.tokenizer import PieceTokenizer

THREADS = 8


@pytest.fixture
def eager_switches():
    """Python changes threads every few instructions."""
    before, torch_threads = sys.getswitchinterval(), torch.get_num_threads()
    sys.setswitchinterval(1e-6)
    torch.set_num_threads(1)
    yield
    sys.setswitchinterval(before)
    torch.set_num_threads(torch_threads)


def texts(count: int = 512) -> list[str]:
    """Names known by heart between words that no other text has: the word table grows all the time."""
    made, letters = random.Random(0), "abcdefghiklmnoprstuv"
    words = ["".join(made.choices(letters, k=made.randint(2, 7))) for _ in range(8 * count)]
    return [
        f"{' '.join(words[i::count])} Angela Merkel met Apple in {words[i].title()}" for i in range(count)
    ]


def found(nlp, batch):
    return [[(*ent, round(span._.confidence, 3)) for ent, span in zip(tiny.ents(doc), doc.ents, strict=True)] for doc in nlp.pipe(batch)]  # fmt: skip


def in_threads(function, jobs):
    gate = threading.Barrier(THREADS)

    def work(share):
        gate.wait()
        return [function(job) for job in share]

    with ThreadPoolExecutor(THREADS) as pool:
        shares = list(pool.map(work, [jobs[i::THREADS] for i in range(THREADS)]))
    return [shares[i % THREADS][i // THREADS] for i in range(len(jobs))]


@pytest.mark.parametrize("head", ["softmax", "crf"])
def test_threads_find_what_one_thread_finds(head, bert, tmp_path, eager_switches):
    tiny.overfit(tiny.make_nlp(bert, head=head)).to_disk(tmp_path)
    every = texts()
    batches = [every[i : i + 64] for i in range(0, len(every), 64)]
    alone = spacy.load(tmp_path)
    expected = [found_and_scored(alone, batch) for batch in batches]
    assert sum(len(doc) for batch, _ in expected for doc in batch) > 300
    shared = spacy.load(tmp_path)  # its tables are empty
    docs = [
        [shared.make_doc(text) for text in batch] for batch in batches
    ]  # so that all are at the new words at once
    check(in_threads(lambda batch: found_and_scored(shared, batch), docs), expected)
    check([found_and_scored(shared, batch) for batch in batches], expected)


def found_and_scored(nlp, batch):
    """Scores too: a word read as another one does not always change an entity."""
    entities = found(nlp, batch)
    docs = [nlp.make_doc(str(text)) for text in batch]
    return entities, nlp.get_pipe("cloudner").model.predict(docs).scores


def check(got, expected):
    for (entities, scores), (right_entities, right_scores) in zip(got, expected, strict=True):
        assert entities == right_entities
        np.testing.assert_allclose(scores, right_scores, atol=1e-3)


@pytest.mark.parametrize("kind", ["wordpiece-cased", "byte-bpe"])
def test_a_table_that_starts_anew_under_readers(kind, monkeypatch, eager_switches):
    monkeypatch.setattr("cloudner.pieces.tokenizer.MAX_WORDS", 200)
    nlp = spacy.blank("en")
    docs = [nlp.make_doc(text) for text in texts(256)]
    shared = tiny.piece_tokenizer(kind)

    def fresh():
        return PieceTokenizer.from_parts(shared.json_text, shared.to_dict())

    expected = [fresh().encode([doc])[0] for doc in docs]
    for got, want in zip(in_threads(lambda doc: shared.encode([doc])[0], docs), expected, strict=True):
        np.testing.assert_array_equal(got.ids, want.ids)
        np.testing.assert_array_equal(got.counts, want.counts)
        np.testing.assert_array_equal(got.cases, want.cases)


def test_the_cache_of_pieces_counts_right(eager_switches):
    nlp = spacy.blank("en")
    cache = PieceCache(tiny.piece_tokenizer("wordpiece-cased"))
    kept = [nlp.make_doc(text) for text in texts(64)]

    def work(number):
        for _ in range(4):  # these go at once, those stay
            gone = [nlp.make_doc(text) for text in texts(8)]
            cache.encode(gone, gone)
        cache.encode(kept[number * 8 : number * 8 + 8], kept[number * 8 : number * 8 + 8])

    in_threads(work, list(range(THREADS)))
    gc.collect()
    assert len(cache) == len(kept)
    assert cache.n_pieces == sum(len(pieces.ids) for pieces in cache.encode(kept, kept))


def test_threads_share_one_prediction_copy_in_evaluation_mode(bert, eager_switches):
    """Right after training, with dropout on: a thread that comes second must not find layers still in training."""
    nlp = tiny.overfit(tiny.make_nlp(bert, dropout=0.5), steps=5)
    shim = nlp.get_pipe("cloudner").model.shims[0]
    shim.mixed_precision = "bf16"
    seen = in_threads(
        lambda _: (lambda network: (id(network), any(m.training for m in network.modules())))(
            shim.predictor()[0]
        ),
        list(range(THREADS)),
    )
    assert len(set(seen)) == 1
    assert not any(training for _, training in seen)
    shim.mixed_precision = "fp32"
    for _ in range(20):
        shim.forget_predictor()
        shim.network.train()
        modes = in_threads(
            lambda _: any(m.training for m in shim.predictor()[0].modules()), list(range(THREADS))
        )
        assert modes == [False] * THREADS


def test_an_export_is_loaded_once_a_number_of_threads(bert, eager_switches):
    loaded = []

    def load(threads):
        loaded.append(threads)
        return lambda ids, mask, cases: np.zeros((*ids.shape, 32), np.float32)

    network = ExportedNetwork(tiny.make_nlp(bert).get_pipe("cloudner").model.shims[0].network, load)

    def work(number):
        torch.set_num_threads(1 + number % 2)
        for _ in range(5):
            network._ready()

    in_threads(work, list(range(THREADS)))
    assert sorted(loaded) == sorted(set(loaded))


def test_a_pipeline_that_arrives_in_memory_that_cannot_be_written(trained):
    """As Ray hands out what was put: pickled with its arrays beside it, which are read-only there."""
    list(trained.pipe(texts(32)))
    buffers: list[pickle.PickleBuffer] = []
    data = pickle.dumps(trained, protocol=5, buffer_callback=buffers.append)
    again = pickle.loads(data, buffers=[memoryview(bytes(buffer.raw())) for buffer in buffers])  # noqa: S301
    assert found(again, texts(64)) == found(trained, texts(64))
    tiny.overfit(again, steps=2)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_lock_is_free_in_a_forked_process():
    lock = PipelineLock()
    taken, go_on = threading.Event(), threading.Event()

    def hold():
        with lock:
            taken.set()
            go_on.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    taken.wait(30)
    child = os.fork()
    if child == 0:
        os._exit(0 if lock._lock.acquire(timeout=5) else 1)
    status = os.waitpid(child, 0)[1]
    go_on.set()
    holder.join()
    assert os.waitstatus_to_exitcode(status) == 0

"""FLOP/s of training on long documents and large steps, as a share of a large product measured in the same process.

A weight costs 2 FLOP a piece forward and 4 backward (Kaplan et al., 2020); embeddings aside. The products of attention,
12 x layers x width x length a piece, are given apart. What checkpointing would compute again is not counted.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from benchmarks.data import synthetic
from benchmarks.gpu.pipeline import fast_names, fast_override, fast_report, start
from benchmarks.gpu.plan import Settings
from benchmarks.machine import peak_memory, synchronize

# 1.45 word pieces a word: a document fits into one window of 512
LENGTH, SIDE = 320, 8_192
BATCHES = (64, 256)  # documents a step


def run(settings: Settings, put: Callable[[dict[str, Any]], None]) -> None:
    made: dict[str, Any] = {"product": product(settings), "rated": rated(settings), "rows": []}
    put(made)
    count, length = (12, 40) if settings.smoke else (1_024, LENGTH)
    documents = synthetic("train", count, length=length)
    data = {"train": documents, "dev": documents[:8]}
    for batch in (4,) if settings.smoke else BATCHES:
        for fast in reversed(fast_names()):
            made["rows"].append(measured(settings, data, batch, fast, made["product"]["tflops"]))
            print(made["rows"][-1], flush=True)
            put(made)


def product(settings: Settings) -> dict[str, Any]:
    """TFLOP/s of a square product in bf16 on random data: the mean of ten after three."""
    import torch

    side = SIDE if settings.cuda else 256
    kind = torch.bfloat16 if settings.cuda else torch.float32
    a, b = (torch.randn(side, side, device=settings.device, dtype=kind) for _ in range(2))
    for _ in range(3):
        a @ b
    synchronize(settings.device)
    began = time.perf_counter()
    for _ in range(10):
        a @ b
    synchronize(settings.device)
    seconds = (time.perf_counter() - began) / 10
    return {"side": side, "dtype": str(kind).split(".")[1], "tflops": round(2 * side**3 / seconds / 1e12, 3)}


def rated(settings: Settings) -> dict[str, Any] | None:
    """The card's rated peak in half precision and where that comes from; None for one that is not in the table."""
    if not settings.cuda:
        return None
    import torch

    from cloudner.hardware.machine.facts import GPU
    from cloudner.hardware.planning.speed import accelerator_of

    name = torch.cuda.get_device_name(settings.device)
    row = accelerator_of(GPU(index=0, name=name, memory_total=0))
    return {"tflops": float(row["half"]), "source": row["source"]} if row else None


def measured(settings: Settings, data: dict[str, Any], batch: int, fast: Any, peak: float) -> dict[str, Any]:
    overrides = {"training.batcher.batch_size": batch, **fast_override(fast)}
    training = start(settings.encoder, data, settings.folder("long"), settings.device, overrides)
    network = training.pipe.model.shims[0].network
    steps = 2 if settings.smoke else max(6, 2_048 // batch)
    for _ in range(2 if settings.smoke else 16):  # the fast paths are chosen in these
        training.step()
    synchronize(settings.device)
    began = time.perf_counter()
    words = sum(training.step() for _ in range(steps))
    synchronize(settings.device)
    seconds = time.perf_counter() - began
    tokenizer = training.pipe.model.shims[0].runner.tokenizer
    pieces_a_word, length = _pieces(tokenizer, training.nlp, data["train"][:64])
    pieces = words * pieces_a_word
    embeddings = sum(p.numel() for p in network.encoder.get_input_embeddings().parameters())
    weights = sum(p.numel() for p in network.encoder.parameters()) - embeddings
    config = network.encoder.config
    attention = 12 * config.num_hidden_layers * config.hidden_size * length
    plain = 6 * weights * pieces / seconds / 1e12
    whole = (6 * weights + attention) * pieces / seconds / 1e12
    return {
        "documents_a_step": batch,
        "pieces_a_document": round(length),
        "fast": fast,
        "report": fast_report(training.nlp),
        "step_ms": round(1e3 * seconds / steps, 2),
        "words_per_second": round(words / seconds),
        "pieces_per_second": round(pieces / seconds),
        "weights": weights,
        "tflops": round(plain, 4),
        "share_of_product": round(plain / peak, 4),
        "tflops_with_attention": round(whole, 4),
        "share_of_product_with_attention": round(whole / peak, 4),
        "batch_pieces": training.pipe.model.shims[0].runner.settings.batch_pieces,
        "memory": peak_memory(settings.device),
    }


def _pieces(tokenizer: Any, nlp: Any, sentences: Any) -> tuple[float, float]:
    """(pieces a word, pieces of a document with its two special tokens), padding not counted."""
    from spacy.tokens import Doc

    made = tokenizer.encode([Doc(nlp.vocab, words=words) for words, _ in sentences])
    pieces, words = sum(len(one.ids) for one in made), sum(len(words) for words, _ in sentences)
    return pieces / words, pieces / len(made) + 2

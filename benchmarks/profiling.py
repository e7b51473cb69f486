"""Where the time of a training step and of prediction goes: what benchmarks/PROFILE.md shows.

    python -m benchmarks.profiling step --data FOLDER       # torch's profiler over 60 steps, and words/s without it
    python -m benchmarks.profiling step --data FOLDER --compile
    python -m benchmarks.profiling predict --data FOLDER    # the same over nlp.pipe
    python -m benchmarks.profiling attention                # ms of a layer's attention, torch's and ours
    python -m benchmarks.profiling shapes                   # ms of a linear layer whose shape is new, and met again
    python -m benchmarks.profiling rows                     # ms of the gradient of a table of embeddings
    python -m benchmarks.profiling host                     # words/s with next to no network: what a GPU would wait for

On this machine's CPU, in one process, with all cores (`host`: one thread). Nothing is written.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.data import PACKAGE, SHAPES, config_path, make_docs, make_encoder, read_folder, write_docbin

STEPS = 60
SHAPES_OF_ATTENTION = ((32, 12), (16, 35), (16, 128), (16, 256), (8, 512))


def milliseconds(call: Callable[[], Any], runs: int = 20) -> float:
    """Median of `runs` calls after three."""
    taken = []
    for number in range(runs + 3):
        began = time.perf_counter()
        call()
        if number >= 3:
            taken.append(time.perf_counter() - began)
    return statistics.median(taken) * 1e3


@contextmanager
def profiled(rows: int = 20) -> Iterator[None]:
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU]) as made:
        yield
    print(made.key_averages().table(sort_by="self_cpu_time_total", row_limit=rows, max_name_column_width=45))


def trained(data: str, folder: Path, *, compiled: bool = False) -> tuple[Any, Iterator[Any], Any]:
    """(pipeline, batches for ever, optimizer) of configs/cpu.cfg on this data."""
    from spacy.schemas import ConfigSchemaTraining
    from spacy.training.initialize import init_nlp
    from spacy.training.loop import create_train_batches
    from spacy.util import registry

    from cloudner.model.process import keep_freed_memory
    from cloudner.training import resolve

    splits = read_folder(Path(data))
    for split in ("train", "dev"):
        write_docbin(folder / f"{split}.spacy", splits[split])
    paths: dict[str, Any] = {f"paths.{split}": str(folder / f"{split}.spacy") for split in ("train", "dev")}
    paths["components.cloudner.model.compile"] = compiled
    made = resolve(
        config_path("cpu"),
        gpu_id=-1,
        overrides={**paths, "components.cloudner.model.encoder": PACKAGE},
    )
    keep_freed_memory()
    nlp = init_nlp(made.config)
    config = nlp.config.interpolate()
    training = registry.resolve(config["training"], schema=ConfigSchemaTraining)
    corpus = registry.resolve(config["corpora"])["train"]
    return nlp, create_train_batches(nlp, corpus, training["batcher"], 1000), training["optimizer"]


def step(data: str, *, compiled: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        nlp, batches, optimizer = trained(data, Path(name), compiled=compiled)

        def steps(count: int) -> float:
            words, began = 0, time.perf_counter()
            for _ in range(count):
                _, batch = next(batches)
                words += sum(len(eg.reference) for eg in batch)
                nlp.update(batch, drop=0.1, sgd=optimizer)
                optimizer.step_schedules()
            return words / (time.perf_counter() - began)

        began = time.perf_counter()
        steps(30)
        print(f"first 30 steps: {time.perf_counter() - began:.1f} s")
        print(f"{statistics.median(steps(STEPS) for _ in range(3)):,.0f} words/s")
        with profiled():
            steps(STEPS)


def predict(data: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        nlp, _, _ = trained(data, Path(name))
        sentences = read_folder(Path(data))["train"][:1500]

        def run() -> float:
            docs = list(make_docs(nlp.vocab, [(words, ["O"] * len(words)) for words, _ in sentences]))
            words, began = sum(map(len, docs)), time.perf_counter()
            for _ in nlp.pipe(docs):
                pass
            return words / (time.perf_counter() - began)

        run()
        print(f"{statistics.median(run() for _ in range(3)):,.0f} words/s")
        with profiled():
            run()


def attention() -> None:
    import torch
    from torch.nn.functional import scaled_dot_product_attention as fused

    from cloudner.model.network.attention import LONGEST, attend

    print("sequences x length | pass | torch bf16 | two products bf16 | torch fp32   (12 heads of 32, ms)")
    for rows, length in SHAPES_OF_ATTENTION:
        found: dict[str, list[str]] = {"forward": [], "and backward": []}
        for kind, call in ((torch.bfloat16, fused), (torch.bfloat16, attend), (torch.float32, fused)):
            qkv = [torch.randn(rows, length, 12, 32, dtype=kind).transpose(1, 2).detach() for _ in range(3)]
            qkv = [tensor.requires_grad_() for tensor in qkv]
            mask = torch.zeros(rows, 1, 1, length, dtype=kind)
            mask[0, ..., length // 2 :] = torch.finfo(kind).min
            mask = mask.expand(rows, 1, length, length)

            def forward(call: Any = call, qkv: Any = qkv, mask: Any = mask) -> Any:
                return call(*qkv, mask)

            with torch.no_grad():
                found["forward"].append(f"{milliseconds(forward):.2f}")
            both = milliseconds(lambda forward=forward, qkv=qkv: torch.autograd.grad(forward().sum(), qkv))
            found["and backward"].append(f"{both:.2f}")
        for name, values in found.items():
            print(f"{rows} x {length} | {name} | {' | '.join(values)}")
    print(f"cloudner takes two products up to {LONGEST} pieces")


def shapes() -> None:
    import torch

    for width, out in ((384, 384), (384, 1536), (1536, 384)):
        weight = torch.randn(out, width, dtype=torch.bfloat16, requires_grad=True)
        torch.autograd.grad(
            torch.nn.functional.linear(torch.randn(8, width).bfloat16(), weight).sum(), weight
        )
        for name in ("new", "again"):
            ways = {"forward": 0.0, "backward": 0.0}
            for rows in range(560, 700, 7):
                pieces = torch.randn(rows, width, dtype=torch.bfloat16, requires_grad=True)
                began = time.perf_counter()
                made = torch.nn.functional.linear(pieces, weight)
                middle = time.perf_counter()
                torch.autograd.grad(made, [pieces, weight], torch.ones_like(made))
                ways["forward"] += middle - began
                ways["backward"] += time.perf_counter() - middle
            print(
                f"{width} -> {out}, {name}: "
                + ", ".join(f"{k} {v / 20 * 1e3:.2f} ms" for k, v in ways.items())
            )


def rows() -> None:
    import torch

    ids = torch.randint(0, 30522, (700,))
    table = torch.randn(30522, 384, requires_grad=True)
    given = torch.randn(700, 384)
    kept = torch.zeros(30522, 384)

    def gradient(sparse: bool) -> torch.Tensor:
        made = torch.nn.functional.embedding(ids, table, sparse=sparse)
        return torch.autograd.grad(made, table, given)[0]

    sparse = gradient(True)
    print(
        f"dense {milliseconds(lambda: gradient(False)):.2f} ms, sparse {milliseconds(lambda: gradient(True)):.2f} ms"
    )
    print(f"adding the sparse one to a kept gradient {milliseconds(lambda: kept.add_(sparse)):.2f} ms")
    print(f"zeroing its rows {milliseconds(lambda: kept.index_fill_(0, ids, 0.0)):.2f} ms")


def host(data: str) -> None:
    import torch
    from spacy.training import Example

    from benchmarks.growth import pipeline
    from cloudner.model.decoding import predict as decoding
    from cloudner.pieces.gold import gold_tags
    from cloudner.pieces.scheme import TagScheme

    torch.set_num_threads(1)
    SHAPES["one"] = (32, 1, 2, 32)
    with tempfile.TemporaryDirectory() as name:
        make_encoder(Path(name), "one")
        sentences = [(words, ["O"] * len(words)) for words, _ in read_folder(Path(data))["train"]]

        def made(bias: float) -> Any:
            torch.manual_seed(0)
            nlp = pipeline(name, "cpu")
            nlp.get_pipe("cloudner").model.shims[0].network.head.linear.bias.data[0] = bias
            return nlp

        # Without entities, and with about as many as people annotate: O is the best tag of five in six words.
        model = (nlp := made(0.0)).get_pipe("cloudner").model
        scores = model.predict(list(make_docs(nlp.vocab, sentences[:500]))).scores
        annotated = float(np.quantile(scores[:, 1:].max(1) - scores[:, 0], 5 / 6))
        for bias in (4.0, annotated):
            nlp = made(bias)
            rates, best, probabilities, entities = [], [], [], 0
            for _ in range(4):
                docs = list(make_docs(nlp.vocab, sentences))
                with clock(decoding, "best_paths") as tags, clock(decoding, "span_probabilities") as sure:
                    began = time.perf_counter()
                    for _ in nlp.pipe(docs, batch_size=512):
                        pass
                    seconds = time.perf_counter() - began
                rates.append(sum(map(len, docs)) / seconds)
                best.append(sum(tags) / seconds)
                probabilities.append(sum(sure) / seconds)
                entities = sum(len(doc.ents) for doc in docs)
            print(
                f"{entities:,} entities: {statistics.median(rates[1:]):,.0f} words/s on one thread, a network of one layer of "
                f"32 dimensions included; of the time, the best tags {statistics.median(best[1:]):.1%}, "
                f"probabilities {statistics.median(probabilities[1:]):.1%}"
            )

        docs = list(make_docs(nlp.vocab, read_folder(Path(data))["train"][:16]))
        examples = [Example(doc.copy(), doc) for doc in docs]
        scheme = TagScheme(tuple(sorted({ent.label_ for doc in docs for ent in doc.ents})))
        print(f"gold tags of 16 sentences {milliseconds(lambda: gold_tags(examples, scheme)):.2f} ms")


@contextmanager
def clock(module: Any, name: str) -> Iterator[list[float]]:
    """The seconds that each call of a module's function takes."""
    function, seconds = getattr(module, name), []

    def clocked(*args: Any) -> Any:
        began = time.perf_counter()
        try:
            return function(*args)
        finally:
            seconds.append(time.perf_counter() - began)

    setattr(module, name, clocked)
    try:
        yield seconds
    finally:
        setattr(module, name, function)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.profiling",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", choices=["step", "predict", "attention", "shapes", "rows", "host"])
    parser.add_argument("--data", help="folder of train and dev.conll, for step, predict and host")
    parser.add_argument("--compile", action="store_true", help="step with compile = true")
    given = parser.parse_args(arguments)
    if given.what in {"step", "predict", "host"}:
        if not given.data:
            parser.error(f"{given.what} needs --data FOLDER")
        {"step": partial(step, compiled=given.compile), "predict": predict, "host": host}[given.what](
            given.data
        )
    else:
        {"attention": attention, "shapes": shapes, "rows": rows}[given.what]()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Averages of the weights over the last part of a training, beside its last weights: what a default of them would gain.

    python -m benchmarks.averages --data DANISH WNUT17 --sentences 1000 --seeds 0

One training of configs/cpu.cfg for each corpus, size and seed, on a CPU with one thread; the averages are taken from its own
steps, so the difference is theirs alone. `ema D`: an exponential one, `W = D * W + (1 - D) * weights`; `last P`: the plain mean
of the steps in the last P of all. F1 on dev and test, without calibration, in benchmarks/results/averages.json.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.command import say, shown_command, trainings, trainings_parser
from benchmarks.data import PACKAGE, ROOT, config_digest, config_path, make_docs, read_folder, write_docbin
from benchmarks.machine import machine, versions
from benchmarks.recipes import part_of
from benchmarks.runs import Runs
from benchmarks.score import scores, tags_of_doc

DECAYS = (0.98, 0.99, 0.995)
SHARES = (0.1, 0.25, 0.5)


class Averages:
    """Of a network's parameters, over steps that are `total` in all."""

    def __init__(self, network: Any, total: int) -> None:
        self._network, self._total, self._step = network, total, 0
        self._moving: dict[float, dict[str, Any]] = {}
        self._sums: dict[float, tuple[int, dict[str, Any]]] = {}

    def take(self) -> None:
        """After each step."""
        import torch

        self._step += 1
        with torch.no_grad():
            now = {name: p.detach() for name, p in self._network.named_parameters()}
            for decay in DECAYS:
                kept = self._moving.setdefault(decay, {name: p.clone() for name, p in now.items()})
                torch._foreach_lerp_(list(kept.values()), list(now.values()), 1 - decay)
            for share in SHARES:
                if self._step > (1 - share) * self._total:
                    count, sums = self._sums.get(share, (0, {n: torch.zeros_like(p) for n, p in now.items()}))
                    torch._foreach_add_(list(sums.values()), list(now.values()))
                    self._sums[share] = count + 1, sums

    def made(self) -> Iterator[tuple[str, dict[str, Any]]]:
        yield from ((f"ema {decay:g}", kept) for decay, kept in self._moving.items())
        for share, (count, sums) in self._sums.items():
            yield f"last {share:g}", {name: total / count for name, total in sums.items()}


def trained(folder: Path, seed: int) -> tuple[dict[str, dict[str, float]], int, float]:
    """F1 by kind of weights and split, steps, and seconds of CPU."""
    from spacy.schemas import ConfigSchemaTraining
    from spacy.training.initialize import init_nlp
    from spacy.training.loop import create_train_batches
    from spacy.util import registry

    from cloudner.model.training.averages import swapped_in
    from cloudner.training import resolve

    splits = read_folder(folder)
    with tempfile.TemporaryDirectory() as name:
        settings: dict[str, Any] = {"components.cloudner.model.encoder": PACKAGE, "system.seed": seed}
        for split in ("train", "dev"):
            write_docbin(Path(name) / f"{split}.spacy", splits[split])
            settings[f"paths.{split}"] = str(Path(name) / f"{split}.spacy")
        nlp = init_nlp(resolve(config_path("cpu"), gpu_id=-1, overrides=settings).config)
        config = nlp.config.interpolate()
        training = registry.resolve(config["training"], schema=ConfigSchemaTraining)
        corpus = registry.resolve(config["corpora"])["train"]
        optimizer = training["optimizer"]
        total, shim = int(optimizer.schedule.total_steps), nlp.get_pipe("cloudner").model.shims[0]
        averages = Averages(shim.network, total)
        began = time.process_time()
        batches = create_train_batches(nlp, corpus, training["batcher"], 10**6)
        for _, (_, batch) in zip(range(total), batches, strict=False):
            nlp.update(batch, sgd=optimizer, drop=training["dropout"], losses={})
            optimizer.step_schedules()
            averages.take()
        seconds = time.process_time() - began

    def f1() -> dict[str, float]:
        shim.forget_predictor()
        found = {}
        for split in ("dev", "test"):
            bare = [(words, ["O"] * len(words)) for words, _ in splits[split]]
            docs = nlp.pipe(list(make_docs(nlp.vocab, bare)))
            found[split] = scores([tags for _, tags in splits[split]], [tags_of_doc(doc) for doc in docs])[
                "f1"
            ]
        return found

    found = {"last weights": f1()}
    for kind, values in averages.made():
        with swapped_in(shim.network, values):
            found[kind] = f1()
    return found, total, seconds


def main(arguments: list[str]) -> int:
    import torch

    parser = trainings_parser("averages", __doc__, "1000", ROOT / "benchmarks" / "results")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    runs = Runs(given.json)
    runs.head |= {
        "command": shown_command(["benchmarks.averages", *arguments]),
        "machine": machine("cpu"),
        "versions": versions(),
    }
    for data, size, seed in trainings(given):
        key = {"data": data.name, "sentences": size, "seed": seed, "config": config_digest("cpu")}
        if runs.find(key):
            continue
        f1, steps, seconds = trained(part_of(data, size, given.work.resolve()), seed)
        runs.add(key, {"steps": steps, "cpu_seconds": round(seconds), "f1": f1})
        told = ", ".join(f"{kind} {100 * each['dev']:.1f}" for kind, each in f1.items())
        say(f"{data.name}, {size or 'all'}, seed {seed}: dev F1 of {told}")
    runs.write()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""A pipeline of configs/gpu.cfg as training has it, for the parts that look inside a step."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.data import Sentence, config_path, write_docbin


@dataclass
class Training:
    nlp: Any
    batches: Iterator[Any]
    optimizer: Any
    dropout: float
    settings: dict[str, Any]

    @property
    def pipe(self) -> Any:
        return self.nlp.get_pipe("cloudner")

    def step(self) -> int:
        """One step of `cloudner train` on the next batch; how many words it had."""
        from cloudner.training.step import take_step

        _, batch = next(self.batches)
        take_step(self.nlp, self.settings, self.optimizer, batch, self.dropout, {})
        self.optimizer.step_schedules()
        return sum(len(eg.reference) for eg in batch)


def has_fast() -> bool:
    """Does the architecture have the setting that chooses fast paths?"""
    from cloudner.model.architectures import transformer_ner

    return "fast" in inspect.signature(transformer_ner).parameters


def fast_names() -> list[Any]:
    """The values of `fast` that are compared: the plain path, and whatever proves itself faster."""
    return ["off", "auto"] if has_fast() else ["off"]


def fast_override(value: Any) -> dict[str, Any]:
    return {"components.cloudner.model.fast": value} if has_fast() else {}


def fast_report(nlp: Any) -> list[dict[str, Any]] | None:
    """What the component says of its fast paths: which were taken, how much faster, why not."""
    report = getattr(nlp.get_pipe("cloudner"), "fast_report", None)
    return report() if report is not None else None


def start(
    encoder: str, sentences: dict[str, list[Sentence]], folder: Path, device: str, overrides: dict[str, Any]
) -> Training:
    """Resolved, initialised and on the device; batches for ever."""
    from spacy.schemas import ConfigSchemaTraining
    from spacy.training.initialize import init_nlp
    from spacy.training.loop import create_train_batches
    from spacy.util import registry
    from thinc.api import fix_random_seed

    from cloudner.loading import cloudner_pipes
    from cloudner.model.device import computing_on
    from cloudner.training import resolve

    folder.mkdir(parents=True, exist_ok=True)
    for split in ("train", "dev"):
        write_docbin(folder / f"{split}.spacy", sentences[split])
    settings: dict[str, Any] = {
        "paths.train": str(folder / "train.spacy"),
        "paths.dev": str(folder / "dev.spacy"),
        "components.cloudner.model.encoder": encoder,
        **overrides,
    }
    gpu_id = -1 if device == "cpu" else int(device.split(":")[1])
    made = resolve(config_path("cuda"), gpu_id=gpu_id, overrides=settings)
    fix_random_seed(0)
    with computing_on(made.device):
        nlp = init_nlp(made.config, use_gpu=made.use_gpu)
    for pipe in cloudner_pipes(nlp):
        pipe.read_late()  # as `spacy cloudner train` does
    config = nlp.config.interpolate()
    training = registry.resolve(config["training"], schema=ConfigSchemaTraining)
    corpus = registry.resolve(config["corpora"])["train"]
    examples = list(corpus(nlp))
    batches = create_train_batches(nlp, lambda _: examples, training["batcher"], 100_000)
    return Training(nlp, batches, training["optimizer"], training["dropout"], training)

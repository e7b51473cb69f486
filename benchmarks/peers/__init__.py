"""Each peer trains and predicts by the same rules; a module is imported only in the process that measures it."""

from __future__ import annotations

import importlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any


class NotMeasured(Exception):  # noqa: N818
    """Why a peer cannot run here."""


@dataclass
class Job:
    """One measurement of one peer, in a process of its own.

    kind: train or predict. encoder: a folder or package:module/folder. data: folder of train, dev, test. device: cpu
    or cuda:0. limit: sentences of each split (0: all). save: folder for the trained model (train), model: folder of
    the trained model (predict). epochs, batch, lr: 0 is the config's own, for cloudner. overrides: dotted config names, of peers trained by a spaCy config. options: of
    single peers. score: splits to predict after training.
    """

    kind: str
    peer: str
    encoder: str
    data: str
    device: str = "cpu"
    epochs: int = 3
    batch: int = 16
    lr: float = 5e-5
    seed: int = 0
    threads: int = 1
    limit: int = 0
    train_limit: int = 0
    save: str = ""
    model: str = ""
    overrides: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    score: list[str] = field(default_factory=lambda: ["test"])


@dataclass(frozen=True)
class Peer:
    """family: whose trained model it predicts with. module: where `train(job, data)` and `predict(job, data)` are."""

    name: str
    module: str
    family: str
    what: str


_HF, _OURS, _SPACY = "benchmarks.peers.huggingface", "benchmarks.peers.ours", "benchmarks.peers.stock"
_OPTIONAL = "benchmarks.peers.optional"
_EDS = "benchmarks.peers.eds"

TRAIN = (
    Peer("cloudner", _OURS, "cloudner", "spaCy's training loop, configs/cpu.cfg or gpu.cfg"),
    Peer("hf", _HF, "hf", "HF Trainer, the recipe: random batches, fp32 on CPUs, bf16 or fp16 on GPUs"),
    Peer("hf-grouped", _HF, "hf", "HF Trainer with group_by_length, in the device's best precision"),
    Peer(
        "spacy-transformer",
        _SPACY,
        "spacy-transformer",
        "stock spaCy transformer + ner, same sentences a step",
    ),
    Peer(
        "spacy-quickstart",
        _SPACY,
        "spacy-transformer",
        "the same with the quickstart's batches: 2000 padded, x 3",
    ),
    Peer(
        "spacy-curated",
        _SPACY,
        "spacy-curated",
        "stock spaCy curated_transformer + ner, same sentences a step",
    ),
    Peer("edsnlp", _EDS, "edsnlp", "EDS-NLP's eds.ner_crf on eds.transformer, same sentences a step"),
)
PREDICT = (
    Peer("cloudner", _OURS, "cloudner", "nlp.pipe on Docs of gold tokens, confidence on, precision auto"),
    Peer("cloudner-plain", _OURS, "cloudner", "the same, confidence off"),
    Peer("cloudner-int8", _OURS, "cloudner", "the same as the first, precision int8 (CPU)"),
    Peer(
        "cloudner-text", _OURS, "cloudner", "nlp.pipe on raw text, spaCy's tokenizer included, confidence on"
    ),
    Peer("cloudner-text-int8", _OURS, "cloudner", "the same, precision int8 (CPU)"),
    Peer("hf-pipeline-1", _HF, "hf", "pipeline on raw text, batch_size 1, aggregation simple"),
    Peer("hf-pipeline-16", _HF, "hf", "pipeline on raw text, batch_size 16, aggregation simple"),
    Peer("hf-pipeline-first-1", _HF, "hf", "pipeline on raw text, batch_size 1, aggregation first"),
    Peer("hf-pipeline-first-16", _HF, "hf", "pipeline on raw text, batch_size 16, aggregation first"),
    Peer("hf-trainer", _HF, "hf", "Trainer.predict on gold tokens, batch 64, tokenising included"),
    Peer("spacy-transformer", _SPACY, "spacy-transformer", "stock spaCy nlp.pipe on Docs of gold tokens"),
    Peer("spacy-curated", _SPACY, "spacy-curated", "stock spaCy nlp.pipe on Docs of gold tokens"),
    Peer("gliner", _OPTIONAL, "", "GLiNER with its own weights, labels in words, batch 16"),
    Peer("flair", _OPTIONAL, "", "Flair with its own weights on gold tokens, batch 32"),
)


def peers_of(kind: str) -> tuple[Peer, ...]:
    return TRAIN if kind == "train" else PREDICT


def find(kind: str, name: str) -> Peer:
    for peer in peers_of(kind):
        if peer.name == name:
            return peer
    known = ", ".join(peer.name for peer in peers_of(kind))
    raise SystemExit(f"--peers {name}: {kind} has no such peer; expected all, or some of {known}")


def run(job: Job) -> dict[str, Any]:
    """Measure. Raises NotMeasured with the reason, and whatever a broken peer raises."""
    from benchmarks.data import read_folder

    data = read_folder(Path(job.data), job.limit)
    if job.train_limit:
        data["train"] = data["train"][: job.train_limit]
    module: Any = importlib.import_module(find(job.kind, job.peer).module)
    work: Callable[[Job, Any], dict[str, Any]] = getattr(module, job.kind, None)
    if work is None:
        raise NotMeasured(f"{job.peer} does not {job.kind} here")
    if not job.save:
        return work(job, data)
    part = Path(f"{job.save}.part")  # under its own name only when it is whole
    shutil.rmtree(part, ignore_errors=True)
    part.parent.mkdir(parents=True, exist_ok=True)
    result = work(replace(job, save=str(part)), data)
    shutil.rmtree(job.save, ignore_errors=True)
    os.replace(part, job.save)
    return result


def count_words(sentences: Any) -> int:
    return sum(len(words) for words, _ in sentences)

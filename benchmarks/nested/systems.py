"""How each system is trained on the corpus: its config, the steps and rate asked for, and the loop that all share."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from benchmarks.data import ROOT
from benchmarks.nested.corpus import KEY, longest_span, write
from benchmarks.peers import Job
from benchmarks.peers.loop import run_loop
from benchmarks.peers.stock import make_config

# system -> what it is; a system may be followed by settings: `spancat:lr=1e-4,steps=600`
SYSTEMS = {
    "cloudner_spans": "configs/spans.cfg",
    "spancat": "spacy-transformers with spancat, its n-gram suggester up to the longest span of train, its threshold set on dev",
    "cloudner": "configs/cpu.cfg, the tagger, on the entities that lie in no other",
}
OURS = {"cloudner_spans": "spans.cfg", "cloudner": "cpu.cfg"}
# What `spancat` is trained with where no setting says otherwise: the rate is the best on dev, the steps are cloudner's.
SPANCAT = {"lr": 3e-4, "steps": 300}
SHORT = {
    "lr": "training.optimizer.learn_rate.initial_rate",
    "steps": "training.optimizer.learn_rate.min_steps",
}

# Values are those of `spacy init config --pipeline spancat --gpu`, but for the sizes of the suggester.
HEAD = """
[components]
[components.spancat]
factory = "spancat"
max_positive = null
spans_key = "sc"
threshold = 0.5

[components.spancat.model]
@architectures = "spacy.SpanCategorizer.v1"

[components.spancat.model.reducer]
@layers = "spacy.mean_max_reducer.v1"
hidden_size = 128

[components.spancat.model.scorer]
@layers = "spacy.LinearLogistic.v1"

[components.spancat.model.tok2vec]
@architectures = "spacy-transformers.TransformerListener.v1"
grad_factor = 1.0

[components.spancat.model.tok2vec.pooling]
@layers = "reduce_mean.v1"

[components.spancat.suggester]
@misc = "spacy.ngram_range_suggester.v1"
min_size = 1
max_size = 1
"""


def train(
    system: str, settings: dict[str, Any], docs: dict[str, list[Any]], encoder: str, seed: int
) -> tuple[Any, dict[str, Any]]:
    """(pipeline, seconds, words, steps and settings of its training)."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, docs)
        if system in OURS:
            return _ours(system, settings, folder, encoder, seed)
        return _spancat({**SPANCAT, **settings}, docs, folder, encoder, seed)


def _ours(
    system: str, settings: dict[str, Any], folder: Path, encoder: str, seed: int
) -> tuple[Any, dict[str, Any]]:
    """As `cloudner train` does: the config's "auto" values are resolved for this machine, then spaCy's loop."""
    from spacy.training.initialize import init_nlp

    from cloudner.loading import cloudner_pipes
    from cloudner.model.device import computing_on
    from cloudner.training import resolve

    overrides = {
        "paths.train": str(folder / "train.spacy"),
        "paths.dev": str(folder / "dev.spacy"),
        "system.seed": seed,
        f"components.{system}.model.encoder": encoder,
        **{SHORT.get(name, name): value for name, value in settings.items()},
    }
    made = resolve(ROOT / "configs" / OURS[system], gpu_id=-1, overrides=overrides)
    with computing_on(made.device):
        nlp = init_nlp(made.config, use_gpu=made.use_gpu)
    (pipe,) = cloudner_pipes(nlp)
    pipe.read_late()
    measured = run_loop(nlp, "cpu")
    return nlp, {**measured, "precision": pipe.model.shims[0].precision}


def _spancat(
    settings: dict[str, Any], docs: dict[str, list[Any]], folder: Path, encoder: str, seed: int
) -> tuple[Any, dict[str, Any]]:
    import spacy
    from spacy.training.initialize import init_nlp
    from thinc.api import Config

    spacy.require_cpu()
    config = make_config(Job(kind="train", peer="spacy-transformer", encoder=encoder, data="", seed=seed))
    del config["components"]["ner"]
    config = config.merge(Config().from_str(HEAD, interpolate=False))
    config["nlp"]["pipeline"] = ["transformer", "spancat"]
    config["components"]["spancat"]["spans_key"] = KEY
    config["components"]["spancat"]["suggester"]["max_size"] = longest_span(docs["train"])
    config["paths"] = {split: str(folder / f"{split}.spacy") for split in ("train", "dev")}
    training = config["training"]
    training["max_steps"], training["max_epochs"] = settings["steps"] - 1, 0  # counted from 0
    training["optimizer"]["learn_rate"] |= {
        "initial_rate": settings["lr"],
        "warmup_steps": settings["steps"] // 10,
        "total_steps": settings["steps"],
    }
    nlp = init_nlp(config, use_gpu=-1)
    return nlp, {**run_loop(nlp, "cpu"), "precision": "fp32"}

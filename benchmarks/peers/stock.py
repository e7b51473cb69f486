"""Stock spaCy: `transformer` or `curated_transformer` with `ner`, set up as spaCy's quickstart does for a GPU."""

from __future__ import annotations

import importlib.util
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.data import write_docbin
from benchmarks.machine import peak_memory, synchronize
from benchmarks.peers import Job, NotMeasured, count_words
from benchmarks.peers.loop import run_loop
from benchmarks.peers.ours import bare_docs
from benchmarks.peers.stock_configs import COMMON, CURATED, QUICKSTART, SIXTEEN, TRANSFORMER
from benchmarks.score import scores, tags_of_doc

CURATED_KINDS = {
    "bert": ("BertTransformer", "BertWordpieceEncoder"),
    "roberta": ("RobertaTransformer", "ByteBpeEncoder"),
    "xlm-roberta": ("XlmrTransformer", "XlmrSentencepieceEncoder"),
    "camembert": ("CamembertTransformer", "CamembertSentencepieceEncoder"),
}


def train(job: Job, data: dict[str, Any]) -> dict[str, Any]:
    from spacy.training.initialize import init_nlp

    use_gpu = _start(job)
    quickstart = job.peer == "spacy-quickstart"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for split in ("train", "dev"):
            write_docbin(folder / f"{split}.spacy", data[split])
        config = make_config(job, quickstart=quickstart)
        config["paths"] = {"train": str(folder / "train.spacy"), "dev": str(folder / "dev.spacy")}
        steps = _count_steps(config, data["train"]) * job.epochs
        config["training"]["max_epochs"], config["training"]["max_steps"] = job.epochs, 0
        rate = config["training"]["optimizer"]["learn_rate"]
        rate["total_steps"], rate["warmup_steps"] = steps, max(1, steps // 10)
        rate["initial_rate"] = job.lr
        nlp = init_nlp(config, use_gpu=use_gpu)
        measured = run_loop(nlp, job.device)
    memory = peak_memory(job.device)
    if job.save:
        nlp.to_disk(job.save)
    return {
        **measured,
        "memory": memory,
        "precision": "fp32",
        **{split: _tagged(nlp, data[split]) for split in job.score},
    }


def predict(job: Job, data: dict[str, Any]) -> dict[str, Any]:
    import spacy

    _start(job)
    nlp = spacy.load(job.model)
    sentences = data["test"]
    list(nlp.pipe(bare_docs(nlp.vocab, sentences[:64])))
    synchronize(job.device)
    started = time.perf_counter()
    docs = list(nlp.pipe(bare_docs(nlp.vocab, sentences)))
    synchronize(job.device)
    seconds = time.perf_counter() - started
    memory = peak_memory(job.device)
    score = scores([t for _, t in sentences], [tags_of_doc(doc) for doc in docs])
    return {"seconds": seconds, "words": count_words(sentences), "memory": memory, "test": score}


def make_config(job: Job, *, quickstart: bool = False) -> Any:
    from thinc.api import Config

    from cloudner.model.network.encoder import resolve_encoder

    path = resolve_encoder(job.encoder)
    curated = job.peer == "spacy-curated"
    text = COMMON + (CURATED if curated else TRANSFORMER) + (QUICKSTART if quickstart else SIXTEEN)
    config = Config().from_str(text, interpolate=False)
    config["system"]["seed"] = job.seed
    if quickstart:
        config["training"]["accumulate_gradient"] = 3
    else:
        config["training"]["batcher"]["size"] = job.batch
    if curated:
        _fill_curated(config, path)
    else:
        config["components"]["transformer"]["model"]["name"] = path
    return config


def _fill_curated(config: Any, path: str) -> None:
    """What `spacy init fill-curated-transformer` fills in, read from the folder."""
    file = Path(path) / "config.json"
    if not file.is_file():
        from transformers import AutoConfig

        encoder = AutoConfig.from_pretrained(path).to_dict()
    else:
        encoder = json.loads(file.read_text(encoding="utf-8"))
    kind = encoder["model_type"]
    if kind not in CURATED_KINDS:
        raise NotMeasured(f"curated_transformer does not know the encoder type {kind!r}")
    architecture, pieces = CURATED_KINDS[kind]
    model = config["components"]["transformer"]["model"]
    model["@architectures"] = f"spacy-curated-transformers.{architecture}.v1"
    model["piece_encoder"]["@architectures"] = f"spacy-curated-transformers.{pieces}.v1"
    names = {
        "vocab_size": "vocab_size", "hidden_width": "hidden_size", "intermediate_width": "intermediate_size",
        "num_hidden_layers": "num_hidden_layers", "num_attention_heads": "num_attention_heads",
        "max_position_embeddings": "max_position_embeddings", "hidden_act": "hidden_act",
        "layer_norm_eps": "layer_norm_eps", "hidden_dropout_prob": "hidden_dropout_prob",
        "attention_probs_dropout_prob": "attention_probs_dropout_prob", "padding_idx": "pad_token_id",
        "type_vocab_size": "type_vocab_size",
    }  # fmt: skip
    for ours, theirs in names.items():
        if theirs in encoder:
            model[ours] = encoder[theirs]
    config["components"]["ner"]["model"]["tok2vec"]["width"] = encoder["hidden_size"]
    for loader in config["initialize"]["components"]["transformer"].values():
        loader["name"] = path


def _count_steps(config: Any, sentences: Any) -> int:
    """Batches an epoch (lengths of batches made of padded words vary a little with the order)."""
    import spacy
    from spacy.training import Example
    from spacy.util import registry

    from benchmarks.data import make_docs

    nlp = spacy.blank("en")
    examples = [Example(doc, doc) for doc in make_docs(nlp.vocab, sentences)]
    batcher = registry.resolve({"batcher": config["training"]["batcher"]})["batcher"]
    return sum(1 for _ in batcher(examples))


def _start(job: Job) -> int:
    """Checks that the peer can run, and activates the GPU. Returns spaCy's GPU number, -1 for the CPU."""
    import spacy

    package = "spacy_curated_transformers" if job.peer == "spacy-curated" else "spacy_transformers"
    if importlib.util.find_spec(package) is None:
        raise NotMeasured(f"{package} is not installed")
    if job.device == "cpu":
        spacy.require_cpu()
        return -1
    number = int(job.device.split(":")[1])
    try:
        spacy.require_gpu(number)
    except ValueError as error:
        raise NotMeasured(f"spaCy cannot use the GPU: {str(error).splitlines()[0]} (CuPy)") from error
    return number


def _tagged(nlp: Any, sentences: Any) -> dict[str, float]:
    docs = nlp.pipe(bare_docs(nlp.vocab, sentences))
    return scores([t for _, t in sentences], [tags_of_doc(doc) for doc in docs])

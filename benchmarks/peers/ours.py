"""cloudner: trained with the project's own configs, loaded with `cloudner.load`."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.data import config_path, write_docbin
from benchmarks.gpu.pipeline import fast_override, fast_report
from benchmarks.machine import peak_memory, synchronize
from benchmarks.peers import Job, NotMeasured, count_words
from benchmarks.peers.loop import run_loop
from benchmarks.score import scores, spans_of, tags_of_characters, tags_of_doc


def train(job: Job, data: dict[str, Any]) -> dict[str, Any]:
    """As `spacy cloudner train` does: the config's "auto" values are resolved for this machine, then spaCy's loop, then
    calibration on dev, which is not among the seconds."""
    from spacy.training.initialize import init_nlp

    from cloudner.loading import cloudner_pipes
    from cloudner.model.device import computing_on
    from cloudner.model.process import allow_tf32, expand_segments, keep_freed_memory
    from cloudner.training import resolve

    cpu = job.device == "cpu"
    if not cpu:
        expand_segments()
        allow_tf32()
    config = config_path(job.device)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for split in ("train", "dev"):
            write_docbin(folder / f"{split}.spacy", data[split])
        asked = {
            "training.max_epochs": job.epochs,
            "training.batcher.batch_size": job.batch,
            "training.optimizer.learn_rate.initial_rate": job.lr,
        }
        overrides = {
            "paths.train": str(folder / "train.spacy"),
            "paths.dev": str(folder / "dev.spacy"),
            "system.seed": job.seed,
            "components.cloudner.model.encoder": job.encoder,
            **{name: value for name, value in asked.items() if value},
            **_fast(job),
            **job.overrides,
        }
        if job.overrides.get("components.cloudner.model.window_unit") == "sentence":
            config = _with_sentences(config, folder)
        made = resolve(config, gpu_id=-1 if cpu else int(job.device.split(":")[1]), overrides=overrides)
        keep_freed_memory()
        with computing_on(made.device):
            nlp = init_nlp(made.config, use_gpu=made.use_gpu)
        for pipe in cloudner_pipes(nlp):
            pipe.read_late()  # as `spacy cloudner train` does
        measured = run_loop(nlp, job.device, job.options.get("stop", 0))
    memory = peak_memory(job.device)
    (pipe,) = cloudner_pipes(nlp)
    if job.options.get("scores"):
        _keep_scores(Path(job.options["scores"]), nlp, pipe, data)
    shift = _calibrated(nlp, data["dev"])
    if job.save:
        nlp.to_disk(job.save)
    return {
        **measured,
        "memory": memory,
        "precision": pipe.model.shims[0].precision,
        "o_shift": shift,
        "settings": {row[0]: row[1] for row in made.rows},
        "fast": fast_report(nlp),
        **{split: _tagged(nlp, data[split]) for split in job.score},
        **{f"{split}_unshifted": _unshifted(nlp, pipe, data[split]) for split in job.score if shift},
    }


def _fast(job: Job) -> dict[str, Any]:
    """The option `fast` as an override, where the architecture has such a setting."""
    return fast_override(job.options["fast"]) if "fast" in job.options else {}


def _with_sentences(config: Path, folder: Path) -> Path:
    """The config with spaCy's sentencizer before cloudner, in training too."""
    from spacy.util import load_config

    made = load_config(config)
    made["nlp"]["pipeline"].insert(0, "sentencizer")
    made["components"]["sentencizer"] = {"factory": "sentencizer"}
    made["training"]["annotating_components"] = ["sentencizer"]
    made.to_disk(folder / config.name)
    return folder / config.name


def predict(job: Job, data: dict[str, Any]) -> dict[str, Any]:
    import cloudner

    text = "text" in job.peer
    if job.peer.endswith("int8") and job.device != "cpu":
        raise NotMeasured("int8 is for CPUs")
    settings: dict[str, Any] = {"confidence": not job.peer.endswith("plain")}
    if _fast(job):
        settings["model"] = {"fast": job.options["fast"]}
    nlp = cloudner.load(
        job.model,
        device="cuda" if job.device.startswith("cuda") else "cpu",
        precision="int8" if job.peer.endswith("int8") else "auto",
        config={"components": {"cloudner": settings}},
    )
    sentences = data["test"]
    inputs = [" ".join(words) for words, _ in sentences]

    def stream(part: slice) -> Any:
        return inputs[part] if text else bare_docs(nlp.vocab, sentences[part])

    # What happens once is not counted: at the first call, and where fast paths prove themselves at the first long stream.
    began = time.perf_counter()
    list(nlp.pipe(stream(slice(None) if _fast(job) else slice(0, 64))))
    synchronize(job.device)
    first = time.perf_counter() - began
    started = time.perf_counter()
    docs = list(nlp.pipe(stream(slice(None))))
    synchronize(job.device)
    seconds = time.perf_counter() - started
    memory = peak_memory(job.device)
    predicted = [
        tags_of_characters([(e.start_char, e.end_char, e.label_) for e in doc.ents], words)
        if text
        else tags_of_doc(doc)
        for doc, (words, _) in zip(docs, sentences, strict=True)
    ]
    return {
        "seconds": seconds,
        "first_seconds": round(first, 3),
        "words": count_words(sentences),
        "memory": memory,
        "entities": sum(tag.startswith("B-") for tags in predicted for tag in tags),
        "fast": fast_report(nlp),
        "test": scores([tags for _, tags in sentences], predicted),
    }


def bare_docs(vocab: Any, sentences: Any) -> Any:
    from spacy.tokens import Doc

    return (Doc(vocab, words=words) for words, _ in sentences)


def _keep_scores(path: Path, nlp: Any, pipe: Any, data: dict[str, Any]) -> None:
    """Scores, bounds and gold tags of dev and test, for `benchmarks.calibration`."""
    import numpy as np
    from spacy.tokens import Doc
    from spacy.training import Example

    from cloudner.pieces.gold import gold_tags

    arrays: dict[str, Any] = {"labels": np.array(pipe.labels)}
    for split in ("dev", "test"):
        docs = list(bare_docs(nlp.vocab, data[split]))
        emissions = pipe.model.predict(docs)
        examples = [
            Example(doc, Doc(nlp.vocab, words=words, ents=tags))
            for doc, (words, tags) in zip(docs, data[split], strict=True)
        ]
        arrays[f"{split}_scores"], arrays[f"{split}_offsets"] = emissions.scores, emissions.offsets
        arrays[f"{split}_gold"] = gold_tags(examples, pipe.scheme, spans_key=None, name=pipe.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **arrays)


def _calibrated(nlp: Any, sentences: Any) -> float | None:
    """The shift of O's score; None where dev cannot be calibrated on, as where it has a label that training has not."""
    from spacy.tokens import Doc
    from spacy.training import Example

    from cloudner.calibration import calibrate
    from cloudner.errors import CloudnerError

    docs = zip(bare_docs(nlp.vocab, sentences), sentences, strict=True)
    examples = [Example(doc, Doc(nlp.vocab, words=words, ents=tags)) for doc, (words, tags) in docs]
    try:
        return calibrate(nlp, examples).o_shift
    except CloudnerError:
        return None


def _unshifted(nlp: Any, pipe: Any, sentences: Any) -> dict[str, float]:
    """The scores without the shift of O's score."""
    shift, pipe.cfg["fitted_o_shift"] = pipe.cfg["fitted_o_shift"], 0.0
    try:
        return _tagged(nlp, sentences)
    finally:
        pipe.cfg["fitted_o_shift"] = shift


def _tagged(nlp: Any, sentences: Any) -> dict[str, float]:
    """Scores, and the calibration error of the confidences with what chance alone would give."""
    from cloudner.report.evaluation.confidence import expected_calibration_error

    docs = list(nlp.pipe(bare_docs(nlp.vocab, sentences)))
    gold = [tags for _, tags in sentences]
    found = [
        (ent._.confidence, (ent.start, ent.end, ent.label_) in set(spans_of(tags)))
        for doc, tags in zip(docs, gold, strict=True)
        for ent in doc.ents
    ]
    error = expected_calibration_error([p for p, _ in found], [right for _, right in found])
    return {
        **scores(gold, [tags_of_doc(doc) for doc in docs]),
        "ece": round(error.ece, 4),
        "ece_by_chance": round(error.ece_by_chance, 4),
    }

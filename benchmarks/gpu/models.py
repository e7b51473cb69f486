"""One set of weights in both forms: cloudner's pipeline, and a model for transformers' pipeline."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from benchmarks.gpu.plan import Settings


def subjects(settings: Settings) -> tuple[Path, Path, str]:
    """(cloudner's folder, transformers' folder, where the weights come from): of the whole run, else of the training
    beside the others, else fresh ones."""
    known = [
        (
            "three epochs",
            Path(settings.work) / "whole" / "training" / "model-best",
            "whole/training/run.json",
        ),
        ("one short training", Path(settings.work) / "models" / "trained", "models/trained/meta.json"),
    ]
    work = Path(settings.work)
    found = ((where, ours) for where, ours, proof in known if (work / proof).is_file())
    where, ours = next(found, None) or ("not trained", _fresh(settings))
    theirs = settings.folder("models") / "hf"
    shutil.rmtree(theirs, ignore_errors=True)
    write_hf(ours, theirs)
    return ours, theirs, where


def _fresh(settings: Settings) -> Path:
    from benchmarks.data import read_folder
    from benchmarks.gpu.pipeline import start

    target = settings.folder("models") / "fresh"
    data = read_folder(Path(settings.data), 200)
    made = start(settings.encoder, data, settings.folder("fresh-data"), "cpu", {})
    made.nlp.to_disk(target)
    return target


def write_hf(ours: Path, folder: Path) -> None:
    """The encoder and the head of a pipeline as `AutoModelForTokenClassification.save_pretrained` leaves them. Pooling
    "first", softmax and no case features are what transformers has."""
    import spacy
    from transformers import AutoModelForTokenClassification

    pipe: Any = spacy.load(ours).get_pipe("cloudner")
    network, tags = pipe.model.shims[0].network, pipe.scheme.tags
    config = network.encoder.config
    config.id2label, config.label2id = dict(enumerate(tags)), {tag: i for i, tag in enumerate(tags)}
    model = AutoModelForTokenClassification.from_config(config)
    model.base_model.load_state_dict(network.encoder.state_dict())
    model.classifier.load_state_dict(network.head.linear.state_dict())
    model.save_pretrained(folder)
    _tokenizer(pipe).save_pretrained(folder)


def _tokenizer(pipe: Any) -> Any:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    from benchmarks.gpu.prepare import SPECIAL

    text = pipe.model.shims[0].runner.tokenizer.json_text
    return PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(text), model_max_length=512, **SPECIAL)

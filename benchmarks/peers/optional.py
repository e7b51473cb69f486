"""GLiNER and Flair, where they are installed, with weights of their own (`--gliner MODEL`, `--flair MODEL`)."""

from __future__ import annotations

import importlib.util
import time
from typing import Any

from benchmarks.machine import peak_memory, synchronize
from benchmarks.peers import Job, NotMeasured, count_words
from benchmarks.score import scores, tags_of, tags_of_characters

# How GLiNER is asked for the usual labels; others are written in lower case with spaces.
IN_WORDS = {"PER": "person", "ORG": "organization", "LOC": "location", "MISC": "miscellaneous"}


def predict(job: Job, data: dict[str, Any]) -> dict[str, Any]:
    if job.peer == "flair":
        return _predict_flair(job, data["test"])
    if importlib.util.find_spec("gliner") is None:
        raise NotMeasured("gliner is not installed")
    if not job.options.get("gliner"):
        raise NotMeasured("no weights: name them with --gliner MODEL")
    from gliner import GLiNER

    sentences = data["test"]
    model = GLiNER.from_pretrained(job.options["gliner"]).to(job.device)
    labels = sorted({tag[2:] for _, tags in sentences for tag in tags if tag != "O"})
    asked = {
        IN_WORDS.get(label, label.lower().replace("-", " ").replace("_", " ")): label for label in labels
    }
    texts = [" ".join(words) for words, _ in sentences]

    def recognise(some: list[str]) -> list[list[dict[str, Any]]]:
        found: list[list[dict[str, Any]]] = []
        for i in range(0, len(some), 16):
            found += model.batch_predict_entities(some[i : i + 16], list(asked))
        return found

    recognise(texts[:64])
    synchronize(job.device)
    started = time.perf_counter()
    found = recognise(texts)
    synchronize(job.device)
    seconds = time.perf_counter() - started
    predicted = [
        tags_of_characters([(e["start"], e["end"], asked[e["label"]]) for e in entities], words)
        for entities, (words, _) in zip(found, sentences, strict=True)
    ]
    return {
        "seconds": seconds,
        "words": count_words(sentences),
        "memory": peak_memory(job.device),
        "test": scores([t for _, t in sentences], predicted),
    }


def _predict_flair(job: Job, sentences: Any) -> dict[str, Any]:
    if importlib.util.find_spec("flair") is None:
        raise NotMeasured("flair is not installed")
    if not job.options.get("flair"):
        raise NotMeasured("no weights: name them with --flair MODEL")
    import flair
    import torch
    from flair.data import Sentence
    from flair.models import SequenceTagger

    flair.device = torch.device(job.device)
    tagger, sentence_class = SequenceTagger.load(job.options["flair"]), Sentence
    _flair_tags(tagger, sentence_class, sentences[:64])
    synchronize(job.device)
    started = time.perf_counter()
    predicted = _flair_tags(tagger, sentence_class, sentences)
    synchronize(job.device)
    seconds = time.perf_counter() - started
    memory = peak_memory(job.device)
    score = scores([t for _, t in sentences], predicted)
    return {"seconds": seconds, "words": count_words(sentences), "memory": memory, "test": score}


def _flair_tags(tagger: Any, sentence_class: Any, sentences: Any) -> list[list[str]]:
    made = [sentence_class(list(words)) for words, _ in sentences]
    tagger.predict(made, mini_batch_size=32)
    return [
        tags_of(((s.tokens[0].idx - 1, s.tokens[-1].idx, s.tag) for s in one.get_spans("ner")), len(words))
        for one, (words, _) in zip(made, sentences, strict=True)
    ]

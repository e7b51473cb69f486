"""spaCy's own training loop without its evaluations: what every spaCy pipeline here is trained by."""

from __future__ import annotations

import time
from typing import Any

from benchmarks.machine import synchronize
from benchmarks.steady import steady


def run_loop(nlp: Any, device: str, stop: int = 0) -> dict[str, Any]:
    """Trains `nlp`, initialised, as `[training]` of its config says; the words of the batches over the seconds of the
    steps. Corpus reading, evaluation and saving are not in them; batching, tokenising and alignment are. Ends after `stop`
    steps where that is not 0."""
    from spacy.schemas import ConfigSchemaTraining
    from spacy.training.loop import create_train_batches, train_while_improving
    from spacy.util import registry, resolve_dot_names
    from thinc.api import fix_random_seed

    config = nlp.config.interpolate()
    if config["training"]["seed"] is not None:
        fix_random_seed(config["training"]["seed"])
    settings = registry.resolve(config["training"], schema=ConfigSchemaTraining)
    (corpus,) = resolve_dot_names(config, [settings["train_corpus"]])
    examples = list(corpus(nlp))  # read before the clock starts
    steps = train_while_improving(
        nlp,
        settings["optimizer"],
        create_train_batches(nlp, lambda _: examples, settings["batcher"], settings["max_epochs"]),
        lambda: (0.0, {}),  # no evaluation
        dropout=settings["dropout"],
        accumulate_gradient=settings["accumulate_gradient"],
        patience=0,
        max_steps=settings["max_steps"],
        eval_frequency=10**9,
        exclude=settings["frozen_components"],
        annotating_components=settings["annotating_components"],
        before_update=settings["before_update"],
    )
    words: list[int] = []
    ends: list[float] = []
    synchronize(device)
    started = time.perf_counter()
    for batch, _, _ in steps:
        words.append(sum(len(eg.reference) for eg in batch))
        ends.append(time.perf_counter())
        if len(ends) == stop:
            break
    synchronize(device)
    seconds = time.perf_counter() - started
    ends[-1:] = [started + seconds]
    return {
        "seconds": seconds,
        "words": sum(words),
        "steps": len(words),
        "steady": steady(started, ends, words),
    }

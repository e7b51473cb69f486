"""EDS-NLP: `eds.ner_crf` on `eds.transformer`, trained by its own `train` with the schedule that its documentation shows.

The transformer's rate warms up over a tenth of the steps and decays to 0; the head's is ten times it. Documents keep the
gold tokens.
"""

from __future__ import annotations

import importlib.util
import tempfile
import time
from typing import Any

from benchmarks.machine import peak_memory, synchronize
from benchmarks.peers import Job, NotMeasured, count_words
from benchmarks.score import scores, tags_of_doc

WINDOW, STRIDE = 510, 382


def train(job: Job, data: dict[str, Any]) -> dict[str, Any]:
    """All of its `train` is timed but the validation, which it is given nothing for."""
    if importlib.util.find_spec("edsnlp") is None:
        raise NotMeasured("edsnlp is not installed")
    if job.device != "cpu":
        raise NotMeasured("its training was set up for a CPU here")
    import edsnlp
    import edsnlp.pipes as eds
    from edsnlp.training import ScheduledOptimizer, TrainingData
    from edsnlp.training import train as fit

    from cloudner.model.network.encoder import resolve_encoder

    nlp = edsnlp.blank("en")
    embedding = eds.transformer(model=resolve_encoder(job.encoder), window=WINDOW, stride=STRIDE)
    nlp.add_pipe(
        eds.ner_crf(
            embedding=embedding, mode="joint", target_span_getter="gold", span_setter="ents", window=20
        ),
        name="ner",
    )
    docs = [_gold(nlp.vocab, *sentence) for sentence in data["train"]]
    steps = job.epochs * -(-len(docs) // job.batch)
    training = TrainingData(
        data=edsnlp.data.from_iterable(docs), batch_size=f"{job.batch} docs", shuffle="dataset"
    )
    rows = TrainingData(data=edsnlp.data.from_iterable(docs), batch_size="16 docs", shuffle=False)
    nlp.post_init(rows.data)
    optimizer = ScheduledOptimizer(
        optim="adamw",
        module=nlp,
        total_steps=steps,
        groups={
            "^ner[.]embedding": {"lr": _schedule(job.lr), "weight_decay": 0.01},
            ".*": {"lr": _schedule(10 * job.lr), "weight_decay": 0.01},
        },
    )
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        fit(
            nlp=nlp,
            train_data=training,
            optimizer=optimizer,
            max_steps=steps,
            validation_interval=steps,
            grad_max_norm=1.0,
            seed=job.seed,
            cpu=True,
            output_dir=folder,
            save_model=False,
            logger=False,
        )
        synchronize(job.device)
        seconds = time.perf_counter() - started
    return {
        "seconds": seconds,
        "words": count_words(data["train"]) * job.epochs,
        "steps": steps,
        "memory": peak_memory(job.device),
        "precision": "fp32",
        **{split: _scored(nlp, data[split]) for split in job.score},
    }


def _schedule(rate: float) -> dict[str, Any]:
    return {"@schedules": "linear", "warmup_rate": 0.1, "start_value": 0.0, "max_value": rate}


def _gold(vocab: Any, words: list[str], tags: list[str]) -> Any:
    from spacy.tokens import Doc

    doc = Doc(vocab, words=words, ents=tags)
    doc.spans["gold"] = list(doc.ents)
    doc.ents = []
    return doc


def _scored(nlp: Any, sentences: Any) -> dict[str, float]:
    from spacy.tokens import Doc

    docs = nlp.pipe([Doc(nlp.vocab, words=words) for words, _ in sentences])
    return scores([tags for _, tags in sentences], [tags_of_doc(doc) for doc in docs])

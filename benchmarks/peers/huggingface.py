"""Hugging Face: `Trainer` as the usual token-classification recipe has it, and `pipeline`."""

from __future__ import annotations

import dataclasses
import importlib.util
import tempfile
import time
from typing import Any

from benchmarks.data import prefix_space, tag_list
from benchmarks.machine import peak_memory, synchronize
from benchmarks.peers import Job, NotMeasured, count_words
from benchmarks.score import scores, tags_of_characters
from benchmarks.steady import steady


def train(job: Job, data: dict[str, Any]) -> dict[str, Any]:
    """Tokenising, then `Trainer.train()` without evaluation and saving, is timed."""
    import torch
    from transformers import AutoModelForTokenClassification, AutoTokenizer, Trainer
    from transformers.trainer_utils import set_seed

    from cloudner.model.network.encoder import resolve_encoder

    _need_accelerate()
    path = resolve_encoder(job.encoder)
    tags = tag_list(*data.values())
    set_seed(job.seed)
    tokenizer = AutoTokenizer.from_pretrained(path, **prefix_space(path))
    model = AutoModelForTokenClassification.from_pretrained(
        path,
        num_labels=len(tags),
        id2label=dict(enumerate(tags)),
        label2id={t: i for i, t in enumerate(tags)},
    )
    grouped = job.peer == "hf-grouped"
    precision = _precision(job, grouped)
    with tempfile.TemporaryDirectory() as folder:
        arguments = _arguments(job, folder, precision, grouped)
        clock = _Clock(_collator(tokenizer))
        trainer = Trainer(
            model=model,
            args=arguments,
            data_collator=clock.collate,
            processing_class=tokenizer,
            train_dataset=_Rows([{"input_ids": []}]),
            callbacks=[clock.callback()],
        )
        synchronize(job.device)
        started = time.perf_counter()
        trainer.train_dataset = encode(tokenizer, data["train"], tags)
        tokenised = time.perf_counter() - started
        clock.start()
        result = trainer.train()
        synchronize(job.device)
        seconds = time.perf_counter() - started
        evenly = clock.steady(started + seconds)
        memory = peak_memory(job.device)
        losses = [row["loss"] for row in trainer.state.log_history if "loss" in row]
        if job.save:
            model.save_pretrained(job.save)
            tokenizer.save_pretrained(job.save)
        made = {
            "seconds": seconds,
            "tokenise_seconds": round(tokenised, 3),
            "words": count_words(data["train"]) * job.epochs,
            "steps": result.global_step,
            "steady": evenly,
            "memory": memory,
            "precision": precision,
            "last_loss": losses[-1] if losses else round(float(result.training_loss), 4),
        }
        # With group_by_length, predict() would return its rows in order of length, not of the data.
        setattr(arguments, *_grouping(False))
        for split in job.score:
            made[split] = _score(trainer, tokenizer, data[split], tags)
        del trainer
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return made


def predict(job: Job, data: dict[str, Any]) -> dict[str, Any]:
    from transformers import AutoModelForTokenClassification, AutoTokenizer

    path = job.model
    tokenizer = AutoTokenizer.from_pretrained(path, **prefix_space(path))
    model = AutoModelForTokenClassification.from_pretrained(path)
    sentences = data["test"]
    gold = [tags for _, tags in sentences]
    if job.peer == "hf-trainer":
        return _predict_trainer(job, model, tokenizer, sentences)
    from transformers import pipeline

    if job.options.get("half"):
        model = model.bfloat16()
    batch = int(job.peer.rsplit("-", 1)[1])
    recognise = pipeline(
        "token-classification",
        model=model,
        tokenizer=tokenizer,
        aggregation_strategy="first" if "-first-" in job.peer else "simple",
        device=-1 if job.device == "cpu" else job.device,
    )
    texts = [" ".join(words) for words, _ in sentences]
    recognise(texts[:64], batch_size=batch)
    synchronize(job.device)
    started = time.perf_counter()
    found = recognise(texts, batch_size=batch)
    synchronize(job.device)
    seconds = time.perf_counter() - started
    memory = peak_memory(job.device)
    predicted = [
        tags_of_characters([(e["start"], e["end"], e["entity_group"]) for e in entities], words)
        for entities, (words, _) in zip(found, sentences, strict=True)
    ]
    return {
        "seconds": seconds,
        "words": count_words(sentences),
        "memory": memory,
        "entities": sum(tag.startswith("B-") for tags in predicted for tag in tags),
        "test": scores(gold, predicted),
    }


class _Clock:
    """When each step of the Trainer ended, and the words of its batch: the collator is called a batch at a time, in the
    order of the steps."""

    def __init__(self, collator: Any) -> None:
        self.collator = collator
        self.began, self.ends, self.words = 0.0, [], []  # type: float, list[float], list[int]

    def start(self) -> None:
        self.began = time.perf_counter()

    def collate(self, rows: Any) -> Any:
        self.words.append(sum(label != -100 for row in rows for label in row["labels"]))
        return self.collator(rows)

    def callback(self) -> Any:
        from transformers import TrainerCallback

        ends = self.ends

        class Ends(TrainerCallback):
            def on_step_end(self, *args: Any, **kwargs: Any) -> None:
                ends.append(time.perf_counter())

        return Ends()

    def steady(self, end: float) -> dict[str, Any]:
        self.ends[-1:] = [end]
        return steady(self.began, self.ends, self.words)


class _Rows:
    """A dataset that gives each sentence as a dict of lists, as `datasets` does."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, i: int) -> dict[str, Any]:
        return self.rows[i]


def encode(tokenizer: Any, sentences: Any, tags: list[str]) -> _Rows:
    """The recipe's: the first piece of a word carries its tag, all others -100."""
    number = {tag: i for i, tag in enumerate(tags)}
    made = tokenizer([words for words, _ in sentences], is_split_into_words=True, truncation=True)
    rows = []
    for i, (_, own) in enumerate(sentences):
        labels, before = [], None
        for word in made.word_ids(i):
            labels.append(-100 if word is None or word == before else number[own[word]])
            before = word
        row = {key: made[key][i] for key in made}
        rows.append({**row, "labels": labels})
    return _Rows(rows)


def words_of_rows(tokenizer: Any, sentences: Any) -> list[list[int]]:
    """The word of each label that is not -100, in order, of each sentence."""
    made = tokenizer([words for words, _ in sentences], is_split_into_words=True, truncation=True)
    return [list(dict.fromkeys(w for w in made.word_ids(i) if w is not None)) for i in range(len(sentences))]


def _predict_trainer(job: Job, model: Any, tokenizer: Any, sentences: Any) -> dict[str, Any]:
    from transformers import Trainer

    _need_accelerate()
    tags = [model.config.id2label[i] for i in range(model.config.num_labels)]
    with tempfile.TemporaryDirectory() as folder:
        arguments = _arguments(job, folder, _precision(job, False), False)
        trainer = Trainer(
            model=model, args=arguments, data_collator=_collator(tokenizer), processing_class=tokenizer
        )
        trainer.predict(encode(tokenizer, sentences[:64], tags))
        synchronize(job.device)
        started = time.perf_counter()
        output = trainer.predict(encode(tokenizer, sentences, tags))
        synchronize(job.device)
        seconds = time.perf_counter() - started
    memory = peak_memory(job.device)
    score = scores([t for _, t in sentences], _tags(output, tokenizer, sentences, tags))
    return {"seconds": seconds, "words": count_words(sentences), "memory": memory, "test": score}


def _score(trainer: Any, tokenizer: Any, sentences: Any, tags: list[str]) -> dict[str, float]:
    output = trainer.predict(encode(tokenizer, sentences, tags))
    return scores([t for _, t in sentences], _tags(output, tokenizer, sentences, tags))


def _tags(output: Any, tokenizer: Any, sentences: Any, tags: list[str]) -> list[list[str]]:
    """A tag for each word; words cut off or without pieces get O. Checks that rows come in the data's order."""
    best = output.predictions.argmax(-1)
    number = {tag: i for i, tag in enumerate(tags)}
    predicted = []
    for i, words in enumerate(words_of_rows(tokenizer, sentences)):
        counted = output.label_ids[i] != -100
        own = sentences[i][1]
        if output.label_ids[i][counted].tolist() != [number[own[w]] for w in words]:
            raise RuntimeError(f"row {i} of Trainer.predict is not sentence {i} of the data")
        row = ["O"] * len(own)
        for word, tag in zip(words, best[i][counted].tolist(), strict=True):
            row[word] = tags[tag]
        predicted.append(row)
    return predicted


def _arguments(job: Job, folder: str, precision: str, grouped: bool) -> Any:
    from transformers import TrainingArguments

    return TrainingArguments(
        output_dir=folder,
        per_device_train_batch_size=job.batch,
        per_device_eval_batch_size=64,
        learning_rate=job.lr,
        weight_decay=0.01,
        num_train_epochs=job.epochs,
        bf16=precision == "bf16",
        fp16=precision == "fp16",
        use_cpu=job.device == "cpu",
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        seed=job.seed,
        **dict([_grouping(grouped)]),
    )


def _grouping(on: bool) -> tuple[str, Any]:
    """The setting that groups by length: transformers 5 has another name for it."""
    from transformers import TrainingArguments

    if "group_by_length" in {f.name for f in dataclasses.fields(TrainingArguments)}:
        return "group_by_length", on
    return "train_sampling_strategy", "group_by_length" if on else "random"


def _precision(job: Job, best: bool) -> str:
    """On a GPU its best half precision; on a CPU fp32, or bf16 where it is fast and `best` is asked for."""
    import torch

    from cloudner.model.precision import choose_precision

    if job.device == "cpu" and not best:
        return "fp32"
    return choose_precision("auto", torch.device(job.device))


def _collator(tokenizer: Any) -> Any:
    from transformers import DataCollatorForTokenClassification

    return DataCollatorForTokenClassification(tokenizer)


def _need_accelerate() -> None:
    if importlib.util.find_spec("accelerate") is None:
        raise NotMeasured("accelerate, which Trainer needs, is not installed")

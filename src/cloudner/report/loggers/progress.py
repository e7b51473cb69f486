"""The facts of a training run at each step: the record that every logger of ours writes or shows."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

NAME = "cloudner"  # the component asked for its learning rate; without it, the first one that has one


class Clock:
    """Time of training alone: evaluations, and the checkpoints written with them, are taken out.

    They are part of the evaluating step's time; that step is taken to train as long as the others do on average.
    """

    def __init__(self, now: Callable[[], float] = time.perf_counter) -> None:
        self.now = now
        self.started = self.last = now()
        self.plain_seconds, self.plain_steps = 0.0, 0
        self._span_seconds, self._span_steps, self._span_all = 0.0, 0, 0.0

    def tick(self, evaluated: bool) -> None:
        now = self.now()
        gap, self.last = now - self.last, now
        self._span_all += gap
        if not evaluated:
            self.plain_seconds += gap
            self.plain_steps += 1
            self._span_seconds += gap
            self._span_steps += 1

    def training_seconds(self) -> float | None:
        """Since the last call of this method, which must be at an evaluation; None while no other step is known."""
        seconds = None
        if self._span_steps:
            seconds = min(self._span_seconds * (self._span_steps + 1) / self._span_steps, self._span_all)
        elif self.plain_steps:
            seconds = min(self.plain_seconds / self.plain_steps, self._span_all)
        self._span_seconds, self._span_steps, self._span_all = 0.0, 0, 0.0
        return seconds

    @property
    def seconds(self) -> float:
        return self.last - self.started


class Recorder:
    """Makes records out of spaCy's calls; `advance` first, at every step.

    A record has step, epoch, loss (mean per step since the last evaluation), losses (by component), lr,
    words_per_second (of training alone), seconds (since the start), memory_mb (MiB: reserved on CUDA, allocated on
    MPS, resident otherwise), memory_kind, score and scores. Those not known at a step are left out: spaCy hands
    over losses and scores only at an evaluation.
    """

    def __init__(self, nlp: Any) -> None:
        self.nlp = nlp
        self.total = total_steps(nlp)
        self.clock = Clock()
        self.step, self.epoch = -1, 0
        self.words, self.words_step = 0, -1
        self.latest: dict[str, Any] = {}  # of the last evaluation
        self.best: tuple[float, int] | None = None

    def state(self) -> dict[str, Any]:
        """JSON: what a resumed run has to know."""
        return {
            "step": self.step, "epoch": self.epoch, "words": self.words, "words_step": self.words_step,
            "latest": self.latest, "best": self.best, "seconds": self.clock.seconds,
        }  # fmt: skip

    def resume(self, state: dict[str, Any]) -> None:
        self.step, self.epoch = state["step"], state["epoch"]
        self.words, self.words_step = state["words"], state["words_step"]
        self.latest = state["latest"]
        self.best = None if state["best"] is None else (state["best"][0], state["best"][1])
        self.clock.started -= state["seconds"]

    def advance(self, info: dict[str, Any] | None) -> dict[str, Any] | None:
        """Counts the step; the record of an evaluation, None between evaluations."""
        self.step += 1
        self.clock.tick(evaluated=info is not None)
        return None if info is None else self._evaluation(info)

    def snapshot(self) -> dict[str, Any]:
        """What is known at any step."""
        record: dict[str, Any] = {"step": self.step, "epoch": self.epoch}
        rate = learn_rate(self.nlp)
        if rate is not None:
            record["lr"] = rate
        record["seconds"] = round(self.clock.seconds, 3)
        record.update(memory())
        return record

    def seconds_gone(self) -> float:
        """Since the start, with the step that is being taken."""
        return self.clock.now() - self.clock.started

    def seconds_left(self) -> float | None:
        """At the mean pace of the whole run so far, evaluations included; None where the last step is unknown."""
        if not self.total or self.step < 1:
            return None
        return max(0.0, self.total - self.step) * self.clock.seconds / (self.step + 1)

    def _evaluation(self, info: dict[str, Any]) -> dict[str, Any]:
        self.step, self.epoch = int(info["step"]), int(info["epoch"])
        losses = {name: float(loss) for name, loss in info["losses"].items()}
        steps = max(1, self.step - self.words_step)
        words = int(info.get("words", 0)) - self.words
        self.words, self.words_step = int(info.get("words", 0)), self.step
        seconds = self.clock.training_seconds()
        scores = {
            name: float(value)
            for name, value in (info.get("other_scores") or {}).items()
            if isinstance(value, (int, float))
        }
        score = entity_score(scores)
        score = info.get("score") if score is None else score
        if score is not None and (self.best is None or score > self.best[0]):
            self.best = (float(score), self.step)
        record: dict[str, Any] = self.snapshot()
        if losses:
            record["loss"] = sum(losses.values()) / steps
            record["losses"] = losses
        if seconds:
            record["words_per_second"] = round(words / seconds, 1)
        if info.get("score") is not None:
            record["score"] = float(info["score"])
        record["scores"] = scores
        self.latest = record
        return record


def entity_score(scores: Mapping[str, Any], kind: str = "f") -> float | None:
    """F1, precision ("p") or recall ("r") of entities, else of the first group of spans that is scored; None without either."""
    return scores.get(f"{score_prefix(scores)}_{kind}")


def score_prefix(scores: Mapping[str, Any]) -> str:
    """What the names of a pipeline's scores begin with: `ents`, else `spans_` and the first group that has a score. In a
    pipeline's `meta.json` spaCy writes 0 for each name in `score_weights` that nothing scores: groups above 0 come first."""
    groups = [name[:-2] for name in scores if name.startswith("spans_") and name.endswith("_f")]
    groups.sort(key=lambda each: not scores[f"{each}_f"])
    return next((each for each in ("ents", *groups) if scores.get(f"{each}_f") is not None), "ents")


def learn_rate(nlp: Any) -> float | None:
    """The rate of the last step as the trained component publishes it, None where none does."""
    pipes = dict(nlp.pipeline)
    order = [pipes[NAME]] if NAME in pipes else []
    for pipe in [*order, *pipes.values()]:
        attrs = getattr(getattr(pipe, "model", None), "attrs", None) or {}
        rate = attrs.get("learn_rate")
        if rate is not None:
            return float(rate)
    return None


def memory() -> dict[str, Any]:
    """`memory_mb` (MiB) and `memory_kind`; a device counts only once something else has begun to use it."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized():
        return {"memory_mb": round(torch.cuda.max_memory_reserved() / 2**20, 1), "memory_kind": "cuda"}
    if torch is not None and getattr(torch, "mps", None) is not None and torch.backends.mps.is_available():
        return {"memory_mb": round(torch.mps.driver_allocated_memory() / 2**20, 1), "memory_kind": "mps"}
    import psutil

    return {"memory_mb": round(psutil.Process().memory_info().rss / 2**20, 1), "memory_kind": "host"}


def total_steps(nlp: Any) -> int | None:
    """The last step, where it is known before training ends."""
    published = (nlp.meta.get("cloudner") or {}).get("total_steps")
    if published:
        return int(published)
    steps = nlp.config["training"].get("max_steps")
    return int(steps) if isinstance(steps, int) and steps > 0 else None


def output_folder(nlp: Any) -> Path | None:
    """Where the run writes its pipelines: as published in the meta, else as typed, else None."""
    output = (nlp.meta.get("cloudner") or {}).get("output_path") or _output_option(sys.argv)
    return Path(output) if output else None


def _output_option(argv: list[str]) -> str | None:
    """The output folder as given to `spacy train CONFIG --output FOLDER`: spaCy does not pass it to a logger."""
    options = ("--output", "--output-path", "-o")
    if "train" not in argv:
        return None
    for word, following in zip(argv, [*argv[1:], None], strict=True):
        name, equals, value = word.partition("=")
        if name in options:
            return value if equals else following
    return None

"""May a new pipeline take the place of the old one? No where it is worse, has lost a label, or is slower."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from spacy.language import Language

from cloudner.errors import ConfigError
from cloudner.report.evaluation.scores import StrictScores
from cloudner.report.evaluation.significance import Comparison

LEVEL = 0.05
MAX_SLOWDOWN = 1.5
# Timed: enough for a steady ratio, few enough for a gate on a large corpus.
_WORDS, _ROUNDS = 20_000, 5


@dataclass(frozen=True)
class Gate:
    """The verdict on a new pipeline against the old one.

    reasons: why it does not pass, a sentence each; empty where it does. slowdown: the new one's time over the old one's on
    the same documents, the median of interleaved rounds. max_slowdown: the most that passes.
    """

    slowdown: float
    max_slowdown: float
    reasons: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return not self.reasons

    def to_dict(self) -> dict[str, Any]:
        return {
            "passed": self.passed,
            "reasons": self.reasons,
            "slowdown": self.slowdown,
            "max_slowdown": self.max_slowdown,
        }


def judge(
    new: StrictScores,
    old: StrictScores,
    comparison: Comparison,
    labels: tuple[set[str], set[str]],
    slowdown: float,
    max_slowdown: float = MAX_SLOWDOWN,
) -> Gate:
    """labels: those that the new and the old pipeline can predict.

    Worse: micro F1 below the old one's with p < 0.05. A label is lost where the new pipeline does not have it, or finds not
    one of its gold entities while the old one finds some.
    """
    reasons = []
    if comparison.difference < 0 and comparison.p_value < LEVEL:
        reasons.append(
            f"worse: F1 {100 * comparison.difference:+.2f} points against the old pipeline (p = {comparison.p_value:.4f})"
        )
    gone = sorted(labels[1] - labels[0])
    if gone:
        reasons.append(f"labels lost: {', '.join(gone)} (the new pipeline does not have them)")
    silent = [
        label
        for label, score in old.per_label.items()
        if label not in gone
        and score.correct
        and not (label in new.per_label and new.per_label[label].correct)
    ]
    if silent:
        reasons.append(f"labels lost: {', '.join(silent)} (no entity is found any more)")
    if slowdown > max_slowdown:
        reasons.append(f"slower: {slowdown:.2f} times the old pipeline's time, more than {max_slowdown:g}")
    return Gate(slowdown, max_slowdown, reasons)


def labels_of(nlp: Language, key: str | None = None) -> set[str]:
    """The labels of all components that write `doc.ents`, or `doc.spans[key]`."""
    return {
        label
        for name in nlp.pipe_names
        if _writes(nlp, name, key)
        for label in getattr(nlp.get_pipe(name), "labels", ())
    }


def _writes(nlp: Language, name: str, key: str | None) -> bool:
    pipe, assigns = nlp.get_pipe(name), nlp.get_pipe_meta(name).assigns
    settings = cfg if isinstance(cfg := getattr(pipe, "cfg", None), Mapping) else {}
    if key is None:  # `cloudner_spans` does so where it is asked to
        return "doc.ents" in assigns or settings.get("ents", "none") != "none"
    own = settings.get("spans_key", getattr(pipe, "key", None))
    return "doc.spans" in assigns and own in (key, None)


def measure_slowdown(
    new: Language, old: Language, texts: Sequence[str], batch_size: int | None = None, rounds: int = _ROUNDS
) -> float:
    """The new pipeline's time over the old one's on the same texts.

    Round by round both run, and the one that begins changes, so that whatever else the machine does falls on both; the
    median of the rounds' ratios. Raises ConfigError without a text.
    """
    some: list[str] = []
    words = 0
    for text in texts:
        if words >= _WORDS:
            break
        some.append(text)
        words += len(text.split())
    if not some:
        raise ConfigError("no text to time the pipelines on")

    def seconds(nlp: Language) -> float:
        began = time.perf_counter()
        for _ in nlp.pipe(some, batch_size=batch_size):
            pass
        return time.perf_counter() - began

    for nlp in (new, old):  # what is made at a first call
        seconds(nlp)
    ratios = []
    for number in range(rounds):
        if number % 2:
            b, a = seconds(old), seconds(new)
        else:
            a, b = seconds(new), seconds(old)
        ratios.append(a / max(b, 1e-9))
    return float(np.median(ratios))

"""`curve`: F1 at growing shares of the training data, and what the next documents are expected to bring."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from spacy.tokens import Doc, DocBin

from cloudner.atomic import remove, write_bytes, write_json, write_text
from cloudner.errors import ConfigError, path_of
from cloudner.json_files import object_of
from cloudner.pages.charts import Series, line_chart
from cloudner.pages.numbers import percent
from cloudner.studies.page import Section, study_page, study_summary
from cloudner.studies.power_law import Expected, expect
from cloudner.training.asked import fingerprint
from cloudner.training.corpora import docs_of, write_corpora
from cloudner.training.fit import language_of, train
from cloudner.training.groups import learnt_group
from cloudner.training.output_folder import one_training
from cloudner.training.shipped import ConfigLike, config_file

SHARES = (0.12, 0.25, 0.5, 1.0)
_FEWEST = 5  # documents of the smallest share
Scores = tuple[int, int, int]


@dataclass(frozen=True)
class CurvePoint:
    """One training. documents: trained on; f1, low, high: micro F1 and its 95 % bootstrap interval; seen, unseen: recall of
    entities that the training documents have and have not, None without any; seconds: of the training."""

    share: float
    documents: int
    f1: float
    low: float
    high: float
    seen: float | None
    unseen: float | None
    seconds: float
    counts: list[Scores] = field(repr=False, default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        names = ("share", "documents", "f1", "low", "high", "seen", "unseen", "seconds")
        return {name: getattr(self, name) for name in names}


@dataclass
class LearningCurve:
    """The result of `cloudner.curve`. points: from few documents to all; expected: of the next documents; evaluated: the
    part ("test" or "dev") and its number of documents."""

    points: list[CurvePoint]
    expected: Expected
    evaluated: tuple[str, int]
    notes: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON; scores are 0 to 1."""
        return {
            "points": [point.to_dict() for point in self.points],
            "expected": self.expected.to_dict(),
            "evaluated": {"part": self.evaluated[0], "documents": self.evaluated[1]},
            "notes": self.notes,
        }

    def lines(self) -> list[str]:
        """The curve for a terminal."""
        return [" ".join(f"{cell:>13}" for cell in row) for row in ([*_HEADER], *self._rows())] + [
            self.sentence(),
            *self.notes,
        ]

    def sentence(self) -> str:
        found = self.expected
        return (
            f"The next {found.documents:,} documents are expected to bring {100 * found.gain:+.2f} points of F1 "
            f"({100 * found.low:+.2f} to {100 * found.high:+.2f}), to {percent(found.f1)}."
        )

    def to_html(self) -> str:
        """One self-contained page."""
        part, count = self.evaluated
        return study_page(
            "Learning curve", f"F1 on {count:,} documents of {part} by the number of documents trained on",
            [(f"F1 with {p.documents:,} documents", percent(p.f1)) for p in self.points], [self.sentence(), *self.notes],
            self._sections(),
        )  # fmt: skip

    def _repr_html_(self) -> str:
        return study_summary(self.sentence(), self._sections())

    def _rows(self) -> list[list[str]]:
        return [
            [f"{100 * p.share:.0f} %", f"{p.documents:,}", percent(p.f1), f"{percent(p.low)}–{percent(p.high)}",
             *("-" if each is None else percent(each) for each in (p.seen, p.unseen)), f"{p.seconds:.0f}"]
            for p in self.points
        ]  # fmt: skip

    def _sections(self) -> list[Section]:
        series = [
            Series("F1", [(p.documents, p.f1) for p in self.points], dots=True),
            Series("recall, seen", [(p.documents, p.seen) for p in self.points if p.seen is not None], dots=True),
            Series("recall, unseen", [(p.documents, p.unseen) for p in self.points if p.unseen is not None], dots=True),
        ]  # fmt: skip
        chart, _ = line_chart(
            "Learning curve",
            series,
            x_label="documents",
            y_label="F1, recall",
            y_format=lambda v: f"{100 * v:.0f} %",
        )
        lead = "Lines: F1, and recall of entities that the documents trained on have (seen) and have not (unseen)."
        return [
            Section(
                "By share of the training data",
                lead,
                _HEADER,
                self._rows(),
                chart,
                [s.name for s in series if s.points],
            )
        ]


_HEADER = ("share", "documents", "F1", "95 % interval", "seen", "unseen", "seconds")


def curve(
    train: Any,
    dev: Any = None,
    test: Any = None,
    *,
    config: ConfigLike = "cpu",
    encoder: str | None = None,
    lang: str | None = None,
    output: str | Path = "curve",
    shares: Sequence[float] = SHARES,
    more: int = 200,
    overrides: Mapping[str, Any] | None = None,
    seed: int = 0,
    device: str = "auto",
    told: Callable[[CurvePoint], object] | None = None,
) -> LearningCurve:
    """Train on growing shares of the documents, and say what the next ones are expected to bring.

    train, dev, test, config, encoder, lang, overrides, device: as in `cloudner.train`. F1 is that on test, or on dev where
    there is none (which has then chosen the best step too, and flatters a little). output: a folder; each share's training
    is in one of its own, and a call after a kill trains only what is missing; `curve.html` and `curve.json` are written
    at the end. shares: rising, each of 0 to 1; a larger share holds the smaller ones. more: documents of the forecast.
    told: called with each point as it is there.

    Raises ConfigError for shares that cannot work or a corpus that is too small, and what `cloudner.train` raises.
    """
    if len(shares) < 2 or list(shares) != sorted(set(shares)) or not all(0 < share <= 1 for share in shares):
        raise ConfigError(
            f"shares = {list(shares)}", expected="two or more of 0 to 1, rising", fix="0.12 0.25 0.5 1"
        )
    if more < 1:
        raise ConfigError(f"more = {more}", expected="1 or more documents", fix="--next 200")
    output = path_of(output)
    with one_training(output):
        file = config_file(config, output)
        reading = {"lang": lang or language_of(file), "spans": learnt_group(file, overrides)}
        corpora = write_corpora(train, dev, test, output / "corpus", split=None, seed=seed, reading=reading)
        part = "test" if "test" in corpora.files else "dev"
        docs = _shuffled(corpora.files["train"], seed)
        if len(docs) * shares[0] < _FEWEST:
            raise ConfigError(
                f"{len(docs)} documents to train on: {shares[0]:g} of them are fewer than {_FEWEST}",
                fix="larger shares",
            )
        options = {
            "config": file,
            "encoder": encoder,
            "lang": lang,
            "overrides": dict(overrides or {}),
            "device": device,
        }
        points = []
        for share in shares:
            chosen = docs[: max(_FEWEST, round(share * len(docs)))]
            points.append(_point(share, chosen, corpora.files["dev"], corpora.files[part], output, options))
            if told is not None:
                told(points[-1])
        sizes, counts = [p.documents for p in points], [np.array(p.counts) for p in points]
        notes = (
            []
            if part == "test"
            else ["F1 is that on dev, which has also chosen the best step of each training."]
        )
        made = LearningCurve(points, expect(sizes, counts, more, seed=seed), (part, len(counts[0])), notes)
        write_json(output / "curve.json", made.to_dict())
        write_text(output / "curve.html", made.to_html())
        return made


def _shuffled(path: Path, seed: int) -> list[Doc]:
    docs = docs_of(path)
    random.Random(seed).shuffle(docs)
    return docs


def _point(
    share: float, docs: list[Doc], dev: Path, data: Path, output: Path, options: Mapping[str, Any]
) -> CurvePoint:
    """The point of a share, from its folder where the same training is done."""
    from cloudner.report.evaluate import evaluate

    folder = output / ("share-" + f"{100 * share:07.3f}".rstrip("0").rstrip("."))
    folder.mkdir(parents=True, exist_ok=True)
    chosen = folder / "documents.spacy"
    write_bytes(chosen, DocBin(docs=docs, store_user_data=True).to_bytes())
    asked = {
        "data": [fingerprint(str(path)) for path in (chosen, dev, data)],
        "config": fingerprint(str(options["config"])),
        **{name: options[name] for name in ("encoder", "lang", "overrides")},
    }
    asked = json.loads(json.dumps(asked, default=str))
    if (done := _done(folder / "point.json", asked)) is not None:
        return done
    result = train(chosen, dev, output=folder / "training", calibrate=False, show=False, **options)
    found = evaluate(result.path, data, train=chosen, device=options["device"])
    recall = {name: score.recall for name, score in (found.by_seen or {}).items() if score.gold}
    point = CurvePoint(
        share, len(docs), found.strict.micro.f1, found.intervals["f1"].low, found.intervals["f1"].high,
        recall.get("seen"), recall.get("unseen"), float(result.run["seconds"]),
        [(sum(d.correct), len(d.predicted), len(d.gold)) for d in found.documents],
    )  # fmt: skip
    write_json(folder / "point.json", {"asked": asked, **point.to_dict(), "counts": point.counts})
    remove(folder / "training" / "model-last")  # the curve needs none
    return point


def _done(file: Path, asked: dict[str, Any]) -> CurvePoint | None:
    try:
        kept = object_of(file)
        if kept.pop("asked", None) != asked:
            return None
        kept["counts"] = [tuple(each) for each in kept["counts"]]
        return CurvePoint(**kept)
    except (OSError, ValueError, KeyError, TypeError):
        return None

"""`drift`: do new texts look like those of before, to the pipeline that reads them?"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from spacy.language import Language
from spacy.tokens import Doc

from cloudner.errors import ConfigError, InputError
from cloudner.inference.inputs import check_batch_size
from cloudner.studies.measures import Measure, measure
from cloudner.studies.page import Section, study_page, study_summary
from cloudner.studies.permutation import holm, permutation_p
from cloudner.studies.texts import texts_of

LEVEL = 0.01
REFERENCE = "reference"  # among the names of the texts


@dataclass(frozen=True)
class Change:
    """A measure of new texts beside that of the reference. p_value: of a permutation test over documents, adjusted (Holm)
    for the number of measures; drifted: below the level."""

    name: str
    unit: str
    reference: float
    new: float
    p_value: float
    drifted: bool

    def to_dict(self) -> dict[str, Any]:
        return {
            "measure": self.name, "unit": self.unit, "reference": self.reference, "new": self.new, "p_value": self.p_value,
            "drifted": self.drifted,
        }  # fmt: skip


@dataclass
class Drift:
    """The result of `cloudner.drift`. changes: by name of the new texts, in the order given; documents: how many the
    reference and each of the new texts have; level: what an adjusted p value must be below."""

    model: str
    changes: dict[str, list[Change]]
    documents: dict[str, int]
    level: float = LEVEL
    notes: list[str] = field(default_factory=list)

    @property
    def drifted(self) -> bool:
        """Has anything?"""
        return any(change.drifted for changes in self.changes.values() for change in changes)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON, for a scheduler."""
        return {
            "model": self.model,
            "drifted": self.drifted,
            "level": self.level,
            "documents": self.documents,
            "changes": {name: [c.to_dict() for c in changes] for name, changes in self.changes.items()},
            "notes": self.notes,
        }

    def lines(self) -> list[str]:
        """What has drifted, for a terminal."""
        out = []
        for name, changes in self.changes.items():
            found = [c for c in changes if c.drifted]
            out.append(
                f"{name} ({self.documents[name]:,} documents): {len(found)} of {len(changes)} measures drifted"
            )
            out += [
                f"  {c.name}, {c.unit}: {_number(c.reference)} -> {_number(c.new)} (p = {c.p_value:.4f})"
                for c in found
            ]
        return [*out, *self.notes]

    def to_html(self) -> str:
        """One self-contained page."""
        lead = f"{self.model}: new texts beside {self.documents[REFERENCE]:,} documents of the reference"
        figures = [
            (f"measures drifted: {name}", str(sum(c.drifted for c in cs)))
            for name, cs in self.changes.items()
        ]
        return study_page("Drift", lead, figures, self.notes, self._sections())

    def _repr_html_(self) -> str:
        return study_summary(f"Drift: {'yes' if self.drifted else 'no'}", self._sections())

    def _sections(self) -> list[Section]:
        lead = (
            f"Permutation tests over documents, adjusted for their number; drifted: p below {self.level:g}."
        )
        header = ("measure", "unit", "reference", "new", "p", "")
        return [
            Section(
                name, lead, header,
                [
                    [c.name, c.unit, _number(c.reference), _number(c.new), f"{c.p_value:.4f}", "drifted" if c.drifted else ""]
                    for c in changes
                ],
            )
            for name, changes in self.changes.items()
        ]  # fmt: skip


def drift(
    reference: Any,
    new: Any,
    *,
    model: str | Path | Language | None = None,
    train: Any = None,
    text_column: str | None = None,
    level: float = LEVEL,
    rounds: int = 2000,
    seed: int = 0,
    batch_size: int | None = None,
    device: str = "auto",
) -> Drift:
    """Compare new texts with those of before, as a pipeline sees them: length, word pieces and unknown ones, entities in all
    and by label, confidence, share of entities that the training data does not have.

    reference, new: files or folders, annotated or not (plain text: a document a line), or texts, frames and rows as
    `cloudner.predict` takes them; new may be a mapping of names to such. model: as in `cloudner.load`, or a loaded
    pipeline. train: the training data, for unseen entities; by default where the pipeline says it was, if it is still
    there; a note says where texts of the reference are among it, which the pipeline knows too well. level: of the
    adjusted p values. rounds, seed: of the permutation tests; there are more rounds where that many measures need them.

    Raises InputError for texts that cannot be read, for less than two documents on a side and for no new texts or some by the
    name "reference", ConfigError for a level that is no probability.
    """
    from cloudner.loading import loaded

    if not 0 < level < 1:
        raise ConfigError(f"level = {level}", expected="a probability between 0 and 1")
    check_batch_size(batch_size)
    nlp = loaded(model, device)
    name = str(nlp.path or nlp.meta.get("name") or "pipeline")
    known, trained_on, notes = _known(nlp, train)
    labels = _labels(nlp)
    parts = dict(new) if isinstance(new, Mapping) else {_name(new): new}
    if not parts or REFERENCE in parts:
        what = f"new texts of the name {REFERENCE!r}" if parts else "a mapping without new texts"
        raise InputError(what, expected="new texts, by names of their own")
    documents: dict[str, int] = {}

    def measured(said: str, texts: Iterable[str]) -> list[Measure]:
        documents[said], found = measure(nlp, texts, known, labels, batch_size)
        if documents[said] < 2:
            raise InputError(f"{documents[said]} documents in {said}", expected="two or more")
        return found

    def read(data: Any) -> Iterator[str]:
        return texts_of(data, text_column, str(nlp.lang))

    learnt: list[str] = []
    before = measured(REFERENCE, _noting(read(reference), trained_on, learnt))
    if learnt:
        notes.append(
            f"{len(learnt):,} of {documents[REFERENCE]:,} documents of the reference are training data, whose entities "
            "the pipeline knows and of which it is surer: unseen entities and confidence differ without any drift. "
            "Better: earlier texts that it was not trained on."
        )
    changes = {
        said: _changes(before, measured(said, read(data)), level, rounds, seed)
        for said, data in parts.items()
    }
    return Drift(name, changes, documents, level, notes)


def _changes(
    before: list[Measure], after: list[Measure], level: float, rounds: int, seed: int
) -> list[Change]:
    new = {each.name: each for each in after}
    pairs = [(each, new[each.name]) for each in before if each.name in new]
    sides = [
        tuple(np.stack([getattr(each, part) for each in side], axis=1) for part in ("counts", "weights"))
        for side in zip(*pairs, strict=True)
    ]
    # With fewer rounds no adjusted p value could fall below the level.
    rounds = max(rounds, math.ceil(2 * len(pairs) / level))
    p_values = permutation_p(sides[0], sides[1], rounds=rounds, seed=seed).tolist()  # type: ignore[arg-type]
    return [
        Change(a.name, a.unit, a.value, b.value, p, p < level)
        for (a, b), p in zip(pairs, holm(p_values), strict=True)
    ]


def _labels(nlp: Language) -> Sequence[str]:
    from cloudner.loading import own_group
    from cloudner.report.evaluation.gate import labels_of

    return sorted(labels_of(nlp, own_group(nlp)))


def _known(nlp: Language, train: Any) -> tuple[Mapping[str, Any] | None, set[str], list[str]]:
    """Entities of the training data by text, and its texts; or None, no texts and a note that says so."""
    from cloudner.loading import own_group
    from cloudner.report.evaluation.inputs import surfaces_of, training_docs

    place = train or (nlp.config.interpolate().get("paths") or {}).get("train")
    if place is None or (train is None and not Path(str(place)).exists()):
        said = "Unseen entities are not measured: the training data is not there (train, --train)."
        return None, set(), [said]
    texts: set[str] = set()

    def noted() -> Iterator[Doc]:
        for doc in training_docs(place, nlp, own_group(nlp)):
            texts.add(" ".join(doc.text.split()))
            yield doc

    return surfaces_of(noted(), own_group(nlp)), texts, []


def _noting(texts: Iterable[str], known: set[str], found: list[str]) -> Iterator[str]:
    """The texts; those that are among the known ones are put into `found`."""
    for text in texts:
        if " ".join(text.split()) in known:
            found.append(text)
        yield text


def _name(new: Any) -> str:
    return Path(new).name if isinstance(new, (str, Path)) else "new"


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.4g}"

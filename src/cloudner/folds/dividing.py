"""Which fold a document is in: copies together, labels in every fold."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Sequence

from spacy.strings import get_string_id
from spacy.tokens import Doc

from cloudner.corpus.convert.split import assign, linked
from cloudner.errors import ConfigError
from cloudner.folds.documents import annotated_in, meta_of

# Documents that are tried in exchange for one that moves to another fold.
_TRIED = 200


def divide(docs: Sequence[Doc], folds: int, seed: int, spans: str | None = None) -> list[int]:
    """The fold of each document, stratified by label: of its entities, or of `doc.spans[spans]`. Documents of one text (but
    for case, digits, punctuation and white space) or of one `group` are in one fold, and count as one. A label that so many of them have as there are folds is
    in every fold, unless other labels leave no way. Raises ConfigError where there are fewer than two for each fold."""
    groups = groups_of(docs)
    if folds < 2:
        raise ConfigError(f"{folds} folds", expected="2 or more", fix="--folds 3")
    if (texts := len(set(groups))) < 2 * folds:
        raise ConfigError(
            f"{texts} different texts for {folds} folds",
            expected=f"{2 * folds} or more that differ by more than case, digits and punctuation",
            fix=f"a larger corpus, or --folds {texts // 2}" if texts >= 4 else "a larger corpus",
        )
    labels = _labels(docs, spans)
    fold_of = dict(zip(groups, assign(groups, labels, [1 / folds] * folds, seed), strict=True))
    has: dict[int, set[int]] = {group: set() for group in fold_of}
    for group, counts in zip(groups, labels, strict=True):
        has[group].update(counts)
    _Exchange(fold_of, has, folds, seed).fill()
    return [fold_of[group] for group in groups]


def development(docs: Sequence[Doc], share: float, seed: int, spans: str | None = None) -> list[bool]:
    """Which documents of a training are its dev part, with which the best step is chosen and confidences are calibrated.
    spans: as in `divide`."""
    parts = assign(groups_of(docs), _labels(docs, spans), [1 - share, share], seed)
    return [part == 1 for part in parts]


def groups_of(docs: Sequence[Doc]) -> list[int]:
    """A number for each document, the same for those that must stay together."""
    keys = [int.from_bytes(_digest(_normalised(doc)), "little") for doc in docs]
    outer = [str(group) if (group := meta_of(doc).get("group")) is not None else None for doc in docs]
    return linked(keys, outer)


class _Exchange:
    """Groups that change places until each label that can be is in every fold.

    Stratification gives out one label after the other, so that a label may find all its documents in few folds when its
    turn comes, brought there by rarer labels beside it.
    """

    def __init__(self, fold_of: dict[int, int], has: dict[int, set[int]], folds: int, seed: int) -> None:
        self.fold_of, self.has, self.folds = fold_of, has, folds
        self.rng = random.Random(seed)
        of_label: dict[int, list[int]] = {}
        for group in fold_of:
            for label in has[group]:
                of_label.setdefault(label, []).append(group)
        self.of_label = {label: groups for label, groups in of_label.items() if len(groups) >= folds}
        self.counts = {
            label: Counter(fold_of[group] for group in groups) for label, groups in self.of_label.items()
        }

    def fill(self) -> None:
        while open_places := self._missing():
            if not any(self._improve(label, fold) for label, fold in open_places):
                return

    def _missing(self) -> list[tuple[int, int]]:
        counts = sorted(self.counts.items())
        return [(label, fold) for label, count in counts for fold in range(self.folds) if not count[fold]]

    def _improve(self, label: int, fold: int) -> bool:
        """Bring a group with the label into the fold, for one of there where that is better."""
        if self.counts[label][fold]:
            return False  # an earlier exchange has done it
        inside = [group for group in self.fold_of if self.fold_of[group] == fold]
        partners = self.rng.sample(inside, min(_TRIED, len(inside)))
        best: tuple[int, int, int | None] | None = None
        sizes = Counter(self.fold_of.values())
        for group in self.of_label[label]:
            # Sizes stay where one goes the other way; no fold is emptied.
            alone = (None,) if sizes[self.fold_of[group]] > 1 else ()
            for partner in (*partners, *alone):
                gain = self._gain(group, partner, fold)
                if gain > 0 and (best is None or gain > best[0]):
                    best = (gain, group, partner)
        if best is None:
            return False
        _, group, partner = best
        source = self.fold_of[group]
        self._move(group, fold)
        if partner is not None:
            self._move(partner, source)
        return True

    def _gain(self, group: int, partner: int | None, fold: int) -> int:
        """By how many the places without a label become fewer."""
        source = self.fold_of[group]
        coming, going = self.has[group], self.has[partner] if partner is not None else set()
        gain = 0
        for label in (coming ^ going) & self.counts.keys():
            count, step = self.counts[label], 1 if label in coming else -1
            before = (count[fold] == 0) + (count[source] == 0)
            gain += before - (count[fold] + step == 0) - (count[source] - step == 0)
        return gain

    def _move(self, group: int, fold: int) -> None:
        for label in self.has[group] & self.counts.keys():
            self.counts[label][self.fold_of[group]] -= 1
            self.counts[label][fold] += 1
        self.fold_of[group] = fold


def _normalised(doc: Doc) -> str:
    words = (token.text.lower() for token in doc if any(c.isalnum() for c in token.text))
    return " ".join("".join("0" if c.isdigit() else c for c in word) for word in words) or doc.text


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def _labels(docs: Sequence[Doc], spans: str | None) -> list[Counter[int]]:
    return [Counter(get_string_id(span.label_) for span in annotated_in(doc, spans)) for doc in docs]

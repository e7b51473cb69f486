"""What an inspection finds, as data: statistics of splits, likely errors, overlaps."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

PERCENTILES = (50, 90, 95, 99, 100)
LONGEST = 6  # entities of so many tokens or more are one class


@dataclass
class SplitStats:
    """One split. Lengths are percentiles by `PERCENTILES` names ("50" to "100") and "mean".

    tokens_per_doc, tokens_per_sentence in tokens; pieces_per_doc in word pieces with the two special ones, empty
    without an encoder. over_window: documents longer than the window; unknown_pieces: pieces that are [UNK].
    unannotated: tokens whose annotation is missing, which is not O. label_lengths: mentions by label and by length in
    tokens ("1" to "5", "6+"). unseen, unseen_words: mentions whose string, and tokens whose word, the training data
    does not have (None for the training data itself); unseen_labels: the former by label. spans: by name of a group in
    `doc.spans` how many "spans", "nested", "crossing" and "same_place" ones. `docs_by_tokens` and
    `docs_by_pieces` are histograms: lower bounds of the bins and documents in each.
    """

    name: str
    path: str
    docs: int = 0
    sentences: int = 0
    tokens: int = 0
    entities: int = 0
    docs_without_entities: int = 0
    docs_with_sentences: int = 0
    unannotated: int = 0
    tokens_per_doc: dict[str, float] = field(default_factory=dict)
    tokens_per_sentence: dict[str, float] = field(default_factory=dict)
    pieces: int = 0
    pieces_per_doc: dict[str, float] = field(default_factory=dict)
    over_window: int = 0
    unknown_pieces: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    label_lengths: dict[str, dict[str, int]] = field(default_factory=dict)
    unseen: int | None = None
    unseen_labels: dict[str, int] = field(default_factory=dict)
    unseen_words: int | None = None
    spans: dict[str, dict[str, int]] = field(default_factory=dict)
    docs_by_tokens: tuple[list[int], list[int]] = ((), ())  # type: ignore[assignment]
    docs_by_pieces: tuple[list[int], list[int]] = ((), ())  # type: ignore[assignment]


@dataclass
class Overlap:
    """Documents of `split` that have their like in `other` (`split == other`: earlier in the same split).

    identical, normalised (but for case, digits, punctuation), near (estimated Jaccard similarity of word pairs of 0.7
    or more, texts of 8 words or more): counts of documents. examples: the first few with both places and texts.
    """

    split: str
    other: str
    identical: int
    normalised: int
    near: int
    examples: list[dict[str, Any]] = field(default_factory=list)

    @property
    def total(self) -> int:
        return self.identical + self.normalised + self.near


@dataclass
class InspectionData:
    """What `inspect_corpus` finds; lists of findings hold the first `max_items`, the totals count all.

    train: the name of the training split, or None. encoder, window (word pieces), longest (the encoder's own limit).
    conflicts: strings with more than one label. suspects: likely annotation errors, see `suspects.Suspect`,
    each with up to three examples. overlaps: between splits, and within each. document_conflicts: documents with the
    words of an earlier one and other entities. notes: what else deserves a look.
    """

    splits: list[SplitStats]
    train: str | None
    encoder: str | None = None
    window: int | None = None
    longest: int | None = None
    conflicts: list[tuple[str, list[tuple[str, int]]]] = field(default_factory=list)
    conflict_total: int = 0
    suspects: list[dict[str, Any]] = field(default_factory=list)
    suspect_total: int = 0
    overlaps: list[Overlap] = field(default_factory=list)
    document_conflicts: list[dict[str, Any]] = field(default_factory=list)
    document_conflict_total: int = 0
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def labels(self) -> list[str]:
        """Every label, the most frequent first."""
        total: Counter[str] = Counter()
        for split in self.splits:
            total.update(split.labels)
        return [label for label, _ in sorted(total.items(), key=lambda item: (-item[1], item[0]))]

    @property
    def leaked(self) -> int:
        """Documents that have their like in another split."""
        return sum(overlap.total for overlap in self.overlaps if overlap.split != overlap.other)

    def to_dict(self) -> dict[str, Any]:
        """Everything, as plain data for JSON."""
        plain = asdict(self)
        plain["labels"] = self.labels
        plain["conflicts"] = [{"text": text, "labels": dict(labels)} for text, labels in self.conflicts]
        for split, stats in zip(plain["splits"], self.splits, strict=True):
            split["labels"] = dict(stats.labels)  # asdict makes something else of a Counter
        return plain


def length_names() -> list[str]:
    """Names of the classes of entity length."""
    return [*(str(size) for size in range(1, LONGEST)), f"{LONGEST}+"]

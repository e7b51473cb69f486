"""What is in an annotated corpus, and what is likely wrong with it: `cloudner inspect`."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from cloudner.corpus.inspect_pieces import SPECIAL_PIECES, PieceCounter, tokenizer_folder
from cloudner.corpus.inspect_read import Part, PartSpool, find_splits, read_parts
from cloudner.corpus.inspect_surfaces import Place, Surfaces, SuspectSearch
from cloudner.corpus.inspect_texts import TextKeys

PERCENTILES = (50, 90, 95, 99, 100)
LONGEST = 6  # entities of so many tokens or more are one class
# A label with fewer training mentions than this is told; spaCy's `debug data` draws its line at 50 as well.
FEW_MENTIONS = 50
_CONTEXT = 8  # tokens shown on either side of a suspicious string

Progress = Callable[[str, int], None]


@dataclass
class SplitStats:
    """One split. Lengths are percentiles by `PERCENTILES` names ("50" to "100") and "mean".

    tokens_per_doc, tokens_per_sentence in tokens; pieces_per_doc in word pieces with the two special ones, empty
    without an encoder. over_window: documents longer than the window; unknown_pieces: pieces that are [UNK].
    unannotated: tokens whose annotation is missing, which is not O. label_lengths: mentions by label and by length in
    tokens ("1" to "5", "6+"). unseen, unseen_words: mentions whose string, and tokens whose word, the training data
    does not have (None for the training data itself); unseen_labels: the former by label. `docs_by_tokens` and
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
class Inspection:
    """The result of `inspect_corpus`; lists of findings hold the first `max_items`, the totals count all.

    train: the name of the training split, or None. encoder, window (word pieces), longest (the encoder's own limit).
    conflicts: strings with more than one label. suspects: likely annotation errors, see `inspect_surfaces.Suspect`,
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
        made = asdict(self)
        made["labels"] = self.labels
        made["conflicts"] = [{"text": text, "labels": dict(labels)} for text, labels in self.conflicts]
        for split, stats in zip(made["splits"], self.splits, strict=True):
            split["labels"] = dict(stats.labels)  # asdict makes something else of a Counter
        return made

    def to_markdown(self) -> str:
        """The tables as Markdown."""
        from cloudner.corpus.inspect_show import markdown

        return markdown(self)

    def to_html(self) -> str:
        """One page with charts that loads nothing from elsewhere."""
        from cloudner.corpus.inspect_page import page

        return page(self)


def inspect_corpus(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    train: str | os.PathLike[str] | None = None,
    encoder: str | None = None,
    window: int | None = None,
    lang: str = "en",
    format: str = "auto",
    max_items: int = 100,
    progress: Progress | None = None,
) -> Inspection:
    """Counts, lengths, label conflicts, likely annotation errors, leaks between splits and duplicates.

    paths: splits: `.spacy` files, folders of shards, files of any annotation format, URLs. A folder with files
        called `train`, `dev`, `test`, ... stands for these.
    train: which of them is the training data; by default the one with `train` in its name.
    encoder: as in a config (a folder, `package:module/folder`, a name in the local model cache): counts its word
        pieces against `window`, by default 512 or what the encoder allows. A name that is not on this machine is
        noted and left out.
    lang, format: for files that are not `.spacy`; see `convert`.
    max_items: findings of each kind that are kept; the totals count all.
    progress: called with the split's name and its number of documents so far.

    Memory: one part of 8,000 documents, and per document about 160 bytes; the tokens lie in a temporary file.
    Raises InputError for what cannot be read, ConfigError for an encoder that cannot be.
    """
    began = time.perf_counter()
    if isinstance(paths, (str, os.PathLike)):
        paths = [paths]
    splits, train_index = find_splits(paths, train)
    notes: list[str] = []
    counter = _counter(encoder, window, notes)
    tallies = [_Tally(name, path, counter) for name, path in splits]
    texts, surfaces = TextKeys(), Surfaces()
    with PartSpool() as spool:
        train_words: set[int] = set()
        for index, (name, path) in enumerate(splits):
            for part in read_parts(index, path, lang, format):
                spool.add(part)
                tallies[index].add(part)
                texts.add(part)
                surfaces.add(part)
                if train_index is not None:  # it is the first split that is read
                    words, counts = np.unique(part.orth, return_counts=True)
                    if index == train_index:
                        train_words.update(words.tolist())
                    else:
                        tallies[index].unseen_words += sum(
                            n
                            for word, n in zip(words.tolist(), counts.tolist(), strict=True)
                            if word not in train_words
                        )
                if progress is not None:
                    progress(name, tallies[index].stats.docs)
        texts.finish()
        stats = [tally.finish() for tally in tallies]
        if train_index is not None:
            for index, split in enumerate(stats):
                if index != train_index:
                    _, new = surfaces.unseen(index, train_index)
                    split.unseen, split.unseen_labels = new.total(), dict(new.most_common())
                    split.unseen_words = tallies[index].unseen_words
        search = SuspectSearch(surfaces)
        for number in range(len(spool)):
            search.look(number, spool.part(number))
        suspects, conflicts, document_conflicts = search.suspects(), surfaces.conflicts(), texts.conflicts()
        reader = _Examples(spool, [name for name, _ in splits])
        overlaps = _overlaps(texts, [name for name, _ in splits], reader, min(max_items, 20))
        made = Inspection(
            splits=stats,
            train=None if train_index is None else splits[train_index][0],
            encoder=encoder,
            window=None if counter is None else counter.window,
            longest=None if counter is None else counter.limit,
            conflicts=conflicts[:max_items],
            conflict_total=len(conflicts),
            suspects=[
                {
                    "kind": s.kind, "text": s.surface, "label": s.label, "usual": s.usual, "count": s.count,
                    "usual_count": s.usual_count, "share": round(s.share, 4),
                    "examples": [reader.context(place) for place in s.places],
                }
                for s in suspects[:max_items]
            ],
            suspect_total=len(suspects),
            overlaps=overlaps,
            document_conflicts=[reader.pair(doc, other) for doc, other in document_conflicts[:max_items]],
            document_conflict_total=len(document_conflicts),
            notes=notes,
        )  # fmt: skip
    made.notes += _notes(made)
    made.seconds = round(time.perf_counter() - began, 2)
    return made


def _counter(encoder: str | None, window: int | None, notes: list[str]) -> PieceCounter | None:
    if encoder is None:
        return None
    folder = tokenizer_folder(encoder)
    if folder is None:
        notes.append(
            f"word pieces are not counted: {encoder} is not on this machine; "
            f"hf download {encoder} tokenizer.json config.json"
        )
        return None
    return PieceCounter(folder, window)


class _Tally:
    """Counts and lengths of one split as its parts pass."""

    def __init__(self, name: str, path: str, counter: PieceCounter | None) -> None:
        self.stats = SplitStats(name, path)
        self.unseen_words = 0
        self._counter = counter
        self._lengths: list[Any] = []
        self._sentences: list[Any] = []
        self._pieces: list[Any] = []

    def add(self, part: Part) -> None:
        stats = self.stats
        stats.docs += len(part)
        stats.tokens += len(part.orth)
        stats.unannotated += int((part.iob == 0).sum())
        self._lengths.append(part.lengths.astype(np.int32))
        begins = part.sent_start == 1
        begins[part.starts] = True
        places = np.flatnonzero(begins)
        self._sentences.append(np.diff(np.append(places, len(begins))).astype(np.int32))
        stats.sentences += len(places)
        stats.docs_with_sentences += int(np.logical_or.reduceat(part.sent_start != 0, part.starts).sum())
        starts, ends, kinds = part.entities()
        stats.entities += len(starts)
        stats.docs_without_entities += len(part) - len(np.unique(part.doc_of(starts)))
        sizes = np.minimum(ends - starts, LONGEST)
        pairs, counts = np.unique(np.stack([kinds, sizes.astype(np.uint64)]), axis=1, return_counts=True)
        for (kind, size), count in zip(pairs.T.tolist(), counts.tolist(), strict=True):
            label = part.strings[kind]
            stats.labels[label] += count
            row = stats.label_lengths.setdefault(label, dict.fromkeys(length_names(), 0))
            row[length_names()[size - 1]] += count
        if self._counter is not None:
            pieces, unknown = self._counter.add(part)
            self._pieces.append(pieces)
            stats.unknown_pieces += unknown

    def finish(self) -> SplitStats:
        stats = self.stats
        lengths = np.concatenate(self._lengths)
        stats.tokens_per_doc = _percentiles(lengths)
        stats.tokens_per_sentence = _percentiles(np.concatenate(self._sentences))
        stats.docs_by_tokens = _histogram(lengths)
        if self._counter is not None:
            pieces = np.concatenate(self._pieces)
            stats.pieces = int(pieces.sum())
            stats.pieces_per_doc = _percentiles(pieces + SPECIAL_PIECES)
            stats.docs_by_pieces = _histogram(pieces + SPECIAL_PIECES)
            stats.over_window = int((pieces + SPECIAL_PIECES > self._counter.window).sum())
        return stats


def length_names() -> list[str]:
    """Names of the classes of entity length."""
    return [*(str(size) for size in range(1, LONGEST)), f"{LONGEST}+"]


def _percentiles(values: Any) -> dict[str, float]:
    # Lengths that occur ("higher"), not ones between two documents.
    found = np.percentile(values, PERCENTILES, method="higher").tolist()
    return {"mean": round(float(values.mean()), 2)} | {
        str(name): int(value) for name, value in zip(PERCENTILES, found, strict=True)
    }


def _histogram(values: Any, bins: int = 24) -> tuple[list[int], list[int]]:
    """Lower bounds and counts of at most 24 bins up to the 99th percentile; the last bin has all above."""
    top = int(np.percentile(values, 99, method="higher"))
    width = max(1, -(-(top + 1) // bins))
    rows = np.minimum(values // width, bins - 1)
    counts = np.bincount(rows.astype(np.int64))
    return [i * width for i in range(len(counts))], counts.tolist()


class _Examples:
    """Texts and places of findings, read back from the spool; the last part stays at hand."""

    def __init__(self, spool: PartSpool, names: list[str]) -> None:
        self._spool, self._names = spool, names
        self._kept: tuple[int, Part] | None = None

    def _part(self, number: int) -> Part:
        if self._kept is None or self._kept[0] != number:
            self._kept = number, self._spool.part(number)
        return self._kept[1]

    def context(self, place: Place) -> dict[str, Any]:
        """A string with what stands around it, and where it is."""
        number, doc, start, end = place
        part = self._part(number)
        first, last = int(part.starts[doc]), int(part.ends[doc])
        return {
            **self._where(part, doc),
            "before": part.text(max(first, start - _CONTEXT), start),
            "text": part.text(start, end),
            "after": part.text(end, min(last, end + _CONTEXT)),
        }

    def document(self, doc: int) -> dict[str, Any]:
        """The beginning of a document and where it is."""
        number, row = self._spool.find(doc)
        part = self._part(number)
        first, last = int(part.starts[row]), int(part.ends[row])
        text = part.text(first, min(last, first + 40))
        more = " …" if last > first + 40 or len(text) > 240 else ""
        return {**self._where(part, row), "text": text[:240] + more}

    def pair(self, doc: int, other: int) -> dict[str, Any]:
        """Two documents that belong together."""
        return {**self.document(doc), "other": self.document(other)}

    def _where(self, part: Part, doc: int) -> dict[str, Any]:
        return {"split": self._names[part.split], "file": part.file, "line": int(part.numbers[doc])}


def _overlaps(texts: TextKeys, names: list[str], reader: _Examples, limit: int) -> list[Overlap]:
    made = []
    for split, name in enumerate(names):
        for other in range(split + 1):
            copies = texts.copies(split, other)
            counts = Counter(copy.kind for copy in copies)
            examples = [
                {
                    "kind": copy.kind,
                    "similarity": round(copy.similarity, 2),
                    **reader.pair(copy.doc, copy.other),
                }
                for copy in copies[:limit]
            ]
            made.append(
                Overlap(
                    name, names[other], counts["identical"], counts["normalised"], counts["near"], examples
                )
            )
    return made


def _notes(made: Inspection) -> list[str]:
    notes = []
    train = next((split for split in made.splits if split.name == made.train), None)
    if train is None:
        notes.append("no split is called train: nothing is said about unseen strings (--train PATH names it)")
    for split in made.splits:
        if not split.entities:
            notes.append(f"{split.name} has no entity at all")
        if split.unannotated:
            notes.append(
                f"{split.name}: {split.unannotated:,} of {split.tokens:,} tokens have no annotation (missing, not O)"
            )
        if split.over_window:
            notes.append(
                f"{split.name}: {split.over_window:,} of {split.docs:,} documents are longer than the window of "
                f"{made.window} word pieces and are read in several windows"
            )
        if train is not None and split is not train:
            strange = sorted(set(split.labels) - set(train.labels))
            if strange:
                notes.append(f"{split.name} has labels that the training data has not: {', '.join(strange)}")
    if train is not None:
        few = [f"{label} ({n})" for label, n in train.labels.most_common() if n < FEW_MENTIONS]
        if few:
            notes.append(f"fewer than {FEW_MENTIONS} training mentions: {', '.join(few)}")
    cases: dict[str, list[str]] = {}
    for label in made.labels:
        cases.setdefault(label.casefold(), []).append(label)
    for variants in cases.values():
        if len(variants) > 1:
            notes.append(f"labels that differ only in case: {', '.join(variants)}")
    if made.document_conflict_total:
        notes.append(
            f"{made.document_conflict_total:,} documents have the words of another and other entities"
        )
    if made.leaked:
        notes.append(
            f"{made.leaked:,} documents have their like in another split; scores on them flatter the model"
        )
    return notes

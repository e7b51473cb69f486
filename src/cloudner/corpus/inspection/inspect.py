"""What is in an annotated corpus, and what is likely wrong with it: `cloudner inspect`."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable

import numpy as np

from cloudner.corpus.convert.edges import Edges
from cloudner.corpus.docbin.chunk import Chunk
from cloudner.corpus.docbin.spool import Spool
from cloudner.corpus.inspection.duplicates import TextKeys
from cloudner.corpus.inspection.nesting import note_on_dropped
from cloudner.corpus.inspection.notes import Examples, find_overlaps, notes_on
from cloudner.corpus.inspection.page import page
from cloudner.corpus.inspection.pieces import PieceCounter, tokenizer_of
from cloudner.corpus.inspection.result import InspectionData, Overlap, SplitStats, length_names
from cloudner.corpus.inspection.splits import find_splits, read_chunks
from cloudner.corpus.inspection.statistics import Tally
from cloudner.corpus.inspection.suspects import Surfaces, SuspectSearch
from cloudner.corpus.inspection.tables import markdown
from cloudner.encoders.folders import how_to_download

__all__ = ["Inspection", "Overlap", "SplitStats", "inspect_corpus", "length_names"]

Progress = Callable[[str, int], None]


class Inspection(InspectionData):
    """The result of `inspect_corpus`: what was found, and that as Markdown and as a page."""

    def to_markdown(self) -> str:
        """The tables as Markdown."""
        return markdown(self)

    def to_html(self) -> str:
        """One page with charts that loads nothing from elsewhere."""
        return page(self)

    def _repr_markdown_(self) -> str:
        """What a notebook shows."""
        return self.to_markdown()


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

    Memory: one chunk of 8,000 documents, and per document about 160 bytes; the tokens lie in a temporary file.
    Raises InputError for what cannot be read, ConfigError for an encoder that cannot be.
    """
    began = time.perf_counter()
    splits, train_index = find_splits(paths, train)
    notes: list[str] = []
    counter = _counter(encoder, window, notes)
    with Spool() as spool:
        corpus = _Corpus(splits, train_index, counter, spool)
        for index, (name, path) in enumerate(splits):
            lost: Counter[str] = Counter()
            edges = Edges()
            for chunk in read_chunks(path, lang, format, lost=lost):
                corpus.add(index, chunk)
                edges.add(chunk)
                if progress is not None:
                    progress(name, corpus.tallies[index].stats.docs)
            if odd := edges.hint():
                notes.append(f"{name}: {odd} (`cloudner convert`)")
            notes += note_on_dropped(name, lost)
            if lost:
                causes = ", ".join(f"{cause} {count:,}" for cause, count in lost.most_common())
                notes.append(
                    f"{name}: {lost.total():,} annotations are dropped or changed when they are put on tokens ({causes});"
                    f" cloudner convert lists each: are the offsets right, and does --lang {lang} suit the texts?"
                )
        inspection = Inspection(
            splits=corpus.statistics(),
            train=None if train_index is None else splits[train_index][0],
            encoder=encoder,
            window=None if counter is None else counter.window,
            longest=None if counter is None else counter.limit,
            notes=notes,
        )
        corpus.look_for_errors(inspection, max_items)
    inspection.notes += notes_on(inspection)
    inspection.seconds = round(time.perf_counter() - began, 2)
    return inspection


class _Corpus:
    """The splits while they are read, the training data first, and what is likely wrong with them afterwards."""

    def __init__(
        self, splits: list[tuple[str, str]], train: int | None, counter: PieceCounter | None, spool: Spool
    ) -> None:
        self.names, self.train, self.spool = [name for name, _ in splits], train, spool
        self.tallies = [Tally(name, path, counter) for name, path in splits]
        self._texts, self._surfaces = TextKeys(), Surfaces()
        self._train_words: set[int] = set()
        self._split_of: list[int] = []  # of each chunk

    def add(self, split: int, chunk: Chunk) -> None:
        self.spool.add(chunk)
        self._split_of.append(split)
        self.tallies[split].add(chunk)
        self._texts.add(split, chunk)
        self._surfaces.add(split, chunk)
        if self.train is None:
            return
        words, counts = np.unique(chunk.orth, return_counts=True)
        if split == self.train:
            self._train_words.update(words.tolist())
            return
        for word, count in zip(words.tolist(), counts.tolist(), strict=True):
            if word not in self._train_words:
                self.tallies[split].unseen_words += count

    def statistics(self) -> list[SplitStats]:
        """One for each split, once all chunks are added."""
        self._texts.finish()
        stats = [tally.finish() for tally in self.tallies]
        for index, split in enumerate(stats):
            if self.train is not None and index != self.train:
                _, new = self._surfaces.unseen(index, self.train)
                split.unseen, split.unseen_labels = new.total(), dict(new.most_common())
                split.unseen_words = self.tallies[index].unseen_words
        return stats

    def look_for_errors(self, inspection: Inspection, max_items: int) -> None:
        """Puts conflicts, suspects and overlaps into the inspection; reads the chunks a second time."""
        search = SuspectSearch(self._surfaces)
        for number in range(len(self.spool)):
            search.look(number, self.spool.chunk(number))
        suspects, conflicts = search.suspects(), self._surfaces.conflicts()
        document_conflicts = self._texts.conflicts()
        reader = Examples(self.spool, [self.names[split] for split in self._split_of])
        inspection.overlaps = find_overlaps(self._texts, self.names, reader, min(max_items, 20))
        inspection.conflicts, inspection.conflict_total = conflicts[:max_items], len(conflicts)
        inspection.suspects = [
            {
                "kind": s.kind, "text": s.surface, "label": s.label, "usual": s.usual, "count": s.count,
                "usual_count": s.usual_count, "share": round(s.share, 4),
                "examples": [reader.context(place) for place in s.places],
            }
            for s in suspects[:max_items]
        ]  # fmt: skip
        inspection.suspect_total = len(suspects)
        inspection.document_conflicts = [
            reader.pair(doc, other) for doc, other in document_conflicts[:max_items]
        ]
        inspection.document_conflict_total = len(document_conflicts)


def _counter(encoder: str | None, window: int | None, notes: list[str]) -> PieceCounter | None:
    if encoder is None:
        return None
    tokenizer = tokenizer_of(encoder)
    if tokenizer is None:
        notes.append(
            f"word pieces are not counted: {encoder} is not on this machine; "
            + how_to_download(encoder, "tokenizer.json config.json")
        )
        return None
    return PieceCounter(tokenizer, window)

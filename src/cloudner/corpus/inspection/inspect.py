"""What is in an annotated corpus, and what is likely wrong with it: `cloudner inspect`."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable

import numpy as np

from cloudner.corpus.inspection.duplicates import TextKeys
from cloudner.corpus.inspection.notes import Examples, find_overlaps, notes_on
from cloudner.corpus.inspection.parts import PartSpool, find_splits, read_parts
from cloudner.corpus.inspection.pieces import PieceCounter, tokenizer_folder
from cloudner.corpus.inspection.result import Inspection, Overlap, SplitStats, length_names
from cloudner.corpus.inspection.statistics import Tally
from cloudner.corpus.inspection.suspects import Surfaces, SuspectSearch

__all__ = ["Inspection", "Overlap", "SplitStats", "inspect_corpus", "length_names"]

Progress = Callable[[str, int], None]


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
    tallies = [Tally(name, path, counter) for name, path in splits]
    texts, surfaces = TextKeys(), Surfaces()
    with PartSpool() as spool:
        train_words: set[int] = set()
        for index, (name, path) in enumerate(splits):
            lost: Counter[str] = Counter()
            for part in read_parts(index, path, lang, format, lost=lost):
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
            if lost:
                causes = ", ".join(f"{cause} {count:,}" for cause, count in lost.most_common())
                notes.append(
                    f"{name}: {lost.total():,} annotations are dropped or changed when they are put on tokens ({causes});"
                    f" cloudner convert lists each: are the offsets right, and does --lang {lang} suit the texts?"
                )
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
        reader = Examples(spool, [name for name, _ in splits])
        overlaps = find_overlaps(texts, [name for name, _ in splits], reader, min(max_items, 20))
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
    made.notes += notes_on(made)
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

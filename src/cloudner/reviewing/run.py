"""`review`: which annotations of a corpus are probably wrong."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cloudner.atomic import remove, write_json, write_text
from cloudner.errors import ConfigError, path_of
from cloudner.folds.documents import Corpus, annotated_in, read_config, read_corpus
from cloudner.folds.out_of_fold import FoldOptions, likely_of, out_of_fold
from cloudner.reviewing.decided import keep_decisions
from cloudner.reviewing.page import page
from cloudner.reviewing.predicted import likely_from
from cloudner.reviewing.rows import doccano_lines, label_studio_tasks, lines, row
from cloudner.reviewing.suspects import KINDS, Annotated, Suspect, find_suspects
from cloudner.training.output_folder import one_training
from cloudner.training.shipped import ConfigLike, config_file

logger = logging.getLogger("cloudner")

PAST = "past-decisions.jsonl"


@dataclass
class Review:
    """The result of `review`.

    suspects: all of them, the most probable error first. rows: the first `count` as they are written, see
    docs/review.md, then as many as `kept` says that were decided in an earlier list. files: what was written. docs,
    annotations: totals of the corpus.
    """

    corpus: Corpus
    suspects: list[Suspect]
    rows: list[dict[str, Any]]
    files: dict[str, Path] = field(default_factory=dict)
    kept: int = 0

    @property
    def docs(self) -> int:
        return len(self.corpus.docs)

    @property
    def annotations(self) -> int:
        return sum(len(annotated_in(doc, self.corpus.group)) for doc in self.corpus.docs)

    @property
    def kinds(self) -> dict[str, int]:
        """Rows by kind."""
        counts = Counter(each["kind"] for each in self.rows)
        return {kind: counts[kind] for kind in KINDS}

    @property
    def summary(self) -> str:
        confident = sum(each.confident for each in self.suspects if each.probability > 0.5)
        return (
            f"{self.docs:,} documents, {self.annotations:,} annotations; {confident:,} times something else is believed "
            f"with the confidence usual for its label; {len(self.rows) - self.kept:,} rows, the most probable error first"
            + (f", and {self.kept:,} that were decided before" if self.kept else "")
        )

    def __repr__(self) -> str:
        return f"<Review of {self.docs:,} documents: {len(self.rows):,} rows>"


def review(
    corpus: str | Path | Sequence[str | Path],
    config: ConfigLike = "configs/cpu.cfg",
    *,
    output: str | Path = "review",
    folds: int = 3,
    count: int = 1000,
    seed: int = 0,
    encoder: str | None = None,
    overrides: dict[str, Any] | None = None,
    gpu_id: str | int = "auto",
    predictions: str | Path | None = None,
) -> Review:
    """Find the annotations of a corpus that are probably wrong, by pipelines that were not trained on them.

    The corpus is divided into `folds` parts, documents of equal text in one; for each a pipeline is trained on the others with
    `config`, as `cloudner train` does, for two thirds of its epochs and steps unless `overrides` say otherwise, and predicts the
    part. Into `output` go the predictions of each fold as soon as it is done, and at the end the `count` most probable
    errors: suspects.jsonl (the file of decisions for `convert --apply`), review.html (to accept and reject them),
    label-studio.json and doccano.jsonl. Decisions that stand in suspects.jsonl already are kept, with suggestions that were
    corrected by hand; those that are about nothing in the corpus any more are moved to past-decisions.jsonl.

    Where the config is one of `cloudner_spans`, what is reviewed are the spans of its group, which may overlap.

    corpus: files of any annotation format, folders of them or URLs. config: as in `cloudner.train`. seed: of the division into
    folds. encoder, overrides, gpu_id: as in `cloudner train`. predictions: the predictions.jsonl of a cross-validation of this corpus, in place of trainings.

    Raises InputError for a corpus that cannot be read or has no annotation and for predictions of other documents, ConfigError for settings that cannot work.
    """
    if count < 1:
        raise ConfigError(f"count = {count}", expected="1 or more", fix="--count 1000")
    options = FoldOptions(folds, seed, dict(overrides or {}), encoder, gpu_id)
    folder = path_of(output)
    with one_training(folder):
        file = config_file(config, folder)
        plain = read_config(file, options.overrides, encoder)
        read = read_corpus(corpus, plain)
        folder.mkdir(parents=True, exist_ok=True)
        if predictions is not None:
            likely = likely_from(predictions, read)
        else:
            likely = likely_of(out_of_fold(read, file, plain, folder / "folds", options), read.docs)
        annotated = [Annotated.of(doc, read.group) for doc in read.docs]
        suspects = find_suspects(annotated, likely, nested=read.group is not None)
        shown = suspects[:count]
        rows = [row(each, read.docs[each.document], read.names[each.document], read.group) for each in shown]
        made = Review(read, suspects, rows)
        title = " ".join(map(str, corpus)) if not isinstance(corpus, (str, Path)) else str(corpus)
        _write(made, shown, folder, title)
        return made


def _write(made: Review, shown: Sequence[Suspect], folder: Path, title: str) -> None:
    docs, names, group = made.corpus.docs, made.corpus.names, made.corpus.group
    made.files = {
        "rows": folder / "suspects.jsonl",
        "page": folder / "review.html",
        "label_studio": folder / "label-studio.json",
        "doccano": folder / "doccano.jsonl",
    }
    undecided, past = lines(made.rows), folder / PAST
    earlier = [made.files["rows"], past]
    listed, gone = keep_decisions(made.rows, earlier, dict(zip(names, docs, strict=True)), group)
    made.rows, made.kept = [*made.rows, *listed], len(listed)
    undecided += lines([{**each, "decision": ""} for each in listed])
    if gone:
        made.files["past"] = past
        logger.warning(
            "%d decisions are about texts or annotations that the corpus does not have any more: they are in %s.",
            len(gone), past,
        )  # fmt: skip
        # What stands there already goes once the list has it.
        write_text(past, lines(gone) + (past.read_text(encoding="utf8") if past.is_file() else ""))
    write_text(made.files["rows"], lines(made.rows))
    if gone:
        write_text(past, lines(gone))
    else:
        remove(past)
    write_text(made.files["page"], page(made.rows, undecided, title=title, summary=made.summary))
    write_json(made.files["label_studio"], label_studio_tasks(shown, docs, names, group))
    write_text(made.files["doccano"], doccano_lines(shown, docs, names, group))

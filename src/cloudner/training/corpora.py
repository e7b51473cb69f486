"""The corpora of a training from Python: whatever was handed over, as `.spacy` files in the output folder."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spacy.tokens import Doc
from spacy.vocab import Vocab

from cloudner.corpus.docbin.load import docbin_docs
from cloudner.corpus.handed import as_sources, splits_of
from cloudner.corpus.issues import CAUSES
from cloudner.errors import ConfigError

# A dev part of a tenth is a few documents where a corpus is small, and says little: then it is a fifth.
_SMALL = 1000
# What is noted of a corpus and says that its annotations contradict each other.
_TOLD = ("conflicting-documents", "label-case")


@dataclass
class Corpora:
    """Files of the parts by name (train, dev, test), and rows (setting, value, why) that say what each is."""

    files: dict[str, Path] = field(default_factory=dict)
    rows: list[tuple[str, Any, str]] = field(default_factory=list)


def write_corpora(
    train: Any,
    dev: Any,
    test: Any,
    folder: Path,
    *,
    split: str | None,
    seed: int,
    reading: Mapping[str, Any],
    prepare: Callable[[Path], None] | None = None,
) -> Corpora:
    """Convert train, dev and test into `folder`. Where dev is missing it is split off train, by document.

    split: as in `cloudner.convert` ("80/20", or "80/10/10" for a test part too); None: a tenth of the documents, or a
    fifth where there are fewer than 1,000. reading: further settings of `cloudner.convert`. prepare: called with the file of
    train before it is split. Raises what that raises, and
    ConfigError for a split beside a dev corpus.
    """
    if parts := splits_of(train):
        train = parts["train"]
        dev, test = parts.get("dev") if dev is None else dev, parts.get("test") if test is None else test
    if dev is not None and split is not None:
        raise ConfigError(f"split = {split!r} beside a dev corpus", expected="one of the two")
    made = Corpora()
    with tempfile.TemporaryDirectory() as aside:
        for name, data in (("train", train), ("dev", dev), ("test", test)):
            if data is not None or name == "train":
                _convert(name, data, folder / f"{name}.spacy", Path(aside), made, reading)
    if prepare is not None:
        prepare(made.files["train"])
    if dev is None:
        spans = reading.get("spans")
        _divide(made, folder, split, seed, with_test=test is None, spans=spans)
    return made


def write_whole(data: Any, folder: Path, reading: Mapping[str, Any]) -> Path:
    """Convert a corpus that is not split into `folder`/train.spacy; of a mapping of parts, the one named train. Raises what
    `cloudner.convert` raises."""
    made = Corpora()
    with tempfile.TemporaryDirectory() as aside:
        part = splits_of(data).get("train", data)
        _convert("train", part, folder / "train.spacy", Path(aside), made, reading)
    return made.files["train"]


def docs_of(path: Path) -> list[Doc]:
    """The documents of a `.spacy` file, or of a folder of them in the order of their names."""
    files = sorted(path.rglob("*.spacy")) if path.is_dir() else [path]
    vocab = Vocab()
    return [doc for file in files for doc in docbin_docs(file, vocab)]


def dev_share(documents: int) -> float:
    """The share of the documents that is split off as dev: a tenth, or a fifth where there are fewer than 1,000."""
    return 0.2 if documents < _SMALL else 0.1


def _convert(
    name: str, data: Any, path: Path, aside: Path, made: Corpora, reading: Mapping[str, Any]
) -> None:
    from cloudner.corpus.convert.convert import convert

    columns = {key: reading.get(key) for key in ("text_column", "entities_column")}
    report = convert(as_sources(data, aside / name, **columns), path, **reading)
    said = f"{report.entities:,} entities, {len(report.labels)} labels"
    for key, counts in report.spans.items():
        said = f"{counts['spans']:,} spans in doc.spans[{key!r}]"
    if report.unannotated_docs:
        said += f"; {report.unannotated_docs:,} of the documents not annotated"
    if report.lost:
        said += f"; {report.lost:,} annotations dropped or changed, listed in {report.issues_path}"
    noted = [
        (cause, n) for (cause, action), n in report.issues.items() if action == "noted" and cause in _TOLD
    ]
    for cause, count in noted:
        said += f"; {cause} {count:,} ({CAUSES[cause]})"
    made.files[name] = path
    made.rows.append((name, f"{report.docs:,} documents", "; ".join([said, *report.hints])))


def _divide(
    made: Corpora, folder: Path, split: str | None, seed: int, *, with_test: bool, spans: str | None
) -> None:
    """Split dev (and test, where asked for) off the train file; what is trained on is the rest."""
    from cloudner.corpus.convert.convert import convert

    whole = made.files["train"]
    if split is None:
        share = round(100 * dev_share(_documents(whole)))
        split = f"{100 - share}/{share}"
    report = convert(whole, folder / "parts", split=split, seed=seed, spans=spans)
    if len(report.outputs) == 3 and not with_test:
        raise ConfigError(f"split = {split!r} beside a test corpus", expected="two shares, such as 80/20")
    why = f"{split} of {report.docs:,} documents, stratified by label, seed {seed}; equal texts stay on one side"
    for path, documents in report.outputs.items():
        made.files[path.stem] = path
        value = f"{documents:,} documents"
        if path.stem == "train":
            _, _, said = made.rows[0]
            made.rows[0] = ("train", value, f"{said} in all")
        else:
            made.rows.append((path.stem, value, why))


def _documents(path: Path) -> int:
    from cloudner.corpus.docbin.load import load_docbin

    files = sorted(path.rglob("*.spacy")) if path.is_dir() else [path]
    return sum(len(load_docbin(file)) for file in files)

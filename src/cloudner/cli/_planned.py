"""What `cloudner plan` is asked about: the corpus, and what its training config says of encoder and labels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from cloudner.hardware.planning.stats import CorpusStats

_LOOKED_AT = 5000  # documents, for their labels


def config_of(config: str | None) -> dict[str, Any] | None:
    """A training config by its name or file, None without one. Raises `InputError` for a config that is not there."""
    from cloudner.overrides import read_config
    from cloudner.training.shipped import config_file

    return None if config is None else read_config(config_file(config, Path()))


def encoder_of(config: dict[str, Any] | None, name: str | None) -> str:
    """The encoder that a training config names, the embedded one without a config. name: of the config, for the message. Raises
    `ConfigError` for one that names none."""
    from cloudner.encoders.folders import DEFAULT_ENCODER
    from cloudner.errors import ConfigError

    if config is None:
        return DEFAULT_ENCODER
    for section in config["components"].values():
        model = section.get("model") if isinstance(section, dict) else None
        given = model if isinstance(model, dict) else {}
        for found in (given.get("encoder"), given.get("name")):
            if isinstance(found, str) and "${" not in found:
                return found
    raise ConfigError("the config names no encoder", file=name, fix="--encoder NAME")


def length_of(config: dict[str, Any] | None) -> tuple[int, int | None]:
    """Epochs and least number of steps of a training config; (3, None) without one, None standing for what the package's
    configs have."""
    from cloudner.hardware.planning.plan import DEFAULT_EPOCHS

    if config is None:
        return DEFAULT_EPOCHS, None
    training = config.get("training", {})
    epochs = training.get("max_epochs")
    rate = training.get("optimizer", {}).get("learn_rate")
    steps = rate.get("min_steps", 0) if isinstance(rate, dict) else 0
    return (
        epochs if isinstance(epochs, int) and epochs > 0 else DEFAULT_EPOCHS,
        steps if isinstance(steps, int) else 0,
    )


def labels_of(config: str | None, corpus: Path | None, lang: str) -> int:
    """How many labels the first documents of the corpus have, if the config has a `cloudner_spans`; 0 otherwise."""
    from itertools import islice

    import spacy

    from cloudner.corpus.training.reader import reader_for
    from cloudner.errors import InputError
    from cloudner.training.groups import span_group
    from cloudner.training.shipped import config_file

    key = None if config is None else span_group(config_file(config, Path()))
    if key is None:
        return 0
    if corpus is None:
        raise InputError(
            f"--sentences with {config}, which has a cloudner_spans",
            expected="how many labels it has",
            fix="--span-labels 5",
        )
    nlp = spacy.blank(lang)
    docs = islice(reader_for(nlp, str(_training_part(corpus)), spans_key=key).references(nlp), _LOOKED_AT)
    return len({span.label_ for doc in docs for span in doc.spans.get(key, doc.ents)})


def _training_part(corpus: Path) -> Path:
    """The `train` file of a folder that has one; otherwise the corpus itself. Raises InputError where it is not there."""
    from cloudner.corpus.inspection.splits import find_splits
    from cloudner.errors import InputError

    if not corpus.exists():
        raise InputError("no such file", file=str(corpus), expected="a corpus file or a folder of them")
    splits, train = find_splits([corpus], None)
    return Path(splits[0][1]) if train is not None else corpus


def read_corpus(corpus: Path, encoder: str, lang: str) -> CorpusStats:
    """How many and how long the documents of the training data are: of the file named, or of the `train` file of a
    folder that has one, otherwise of all its files. Raises `InputError` for what cannot be read."""
    from cloudner.corpus.inspection.splits import read_chunks
    from cloudner.encoders.folders import tokenizer_file
    from cloudner.encoders.shape import EncoderShape
    from cloudner.hardware.planning.stats import SAMPLE, CorpusStats

    EncoderShape.from_name(encoder)  # a wrong name is reported before the corpus is read
    path = _training_part(corpus)
    if path != corpus:
        typer.echo(f"training data: {path}", err=True)
    tokenizer = tokenizer_file(encoder)
    if path.suffix == ".spacy" or (path.is_dir() and any(path.rglob("*.spacy"))):
        return CorpusStats.from_path(path, tokenizer)
    lengths: list[int] = []
    texts: list[list[str]] = []
    sentences = 0
    for chunk in read_chunks(str(path), lang):
        marks = chunk.sent_start == 1
        for start, end in zip(chunk.starts.tolist(), chunk.ends.tolist(), strict=True):
            lengths.append(end - start)
            sentences += max(1, int(marks[start:end].sum()))
            if len(texts) < SAMPLE:
                texts.append([chunk.string(key) for key in chunk.orth[start:end].tolist()])
    return CorpusStats.from_words(lengths, texts, sentences=sentences, tokenizer=tokenizer)

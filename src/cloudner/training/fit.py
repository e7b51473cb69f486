"""`cloudner.train`: the training command from Python, on whatever Python has as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from cloudner.errors import ConfigError, path_of
from cloudner.overrides import read_config
from cloudner.training.checkpoint_options import CheckpointOptions
from cloudner.training.corpora import Corpora, write_corpora
from cloudner.training.groups import learnt_group
from cloudner.training.output_folder import one_training
from cloudner.training.ranks.join import speaks
from cloudner.training.resolution import Resolution
from cloudner.training.result import TrainingResult, read_result, scores_of
from cloudner.training.run import train as run_training
from cloudner.training.shipped import ConfigLike, config_file
from cloudner.training.silence import said
from cloudner.training.table import show_settings
from cloudner.training.update import Update


def train(
    train: Any,
    dev: Any = None,
    test: Any = None,
    *,
    config: ConfigLike = "cpu",
    encoder: str | None = None,
    lang: str | None = None,
    output: str | Path = "training",
    overrides: Mapping[str, Any] | None = None,
    base: str | Path | None = None,
    replay: float = 0.5,
    old: Any = None,
    split: str | None = None,
    seed: int = 0,
    device: str = "auto",
    calibrate: bool = True,
    checkpoints: CheckpointOptions | None = None,
    show: bool = True,
    format: str = "auto",
    text_column: str | None = None,
    entities_column: str | None = None,
    token_column: str | None = None,
    tag_column: str | None = None,
    group_by: str | None = None,
    labels: Mapping[str, str] | Sequence[str] | None = None,
) -> TrainingResult:
    """Train a pipeline: what `cloudner train` does, with data as Python has it.

    train, dev, test: files of any annotation format, folders, URLs, globs; a pandas, polars or Arrow table; a data set of
        the `datasets` library, or a DatasetDict as `train` alone; rows that are mappings; (text, spans) pairs; Docs or
        Examples. Without dev, a part of train is split off by document; what is printed and `settings` say how much.
    config: "cpu", "gpu", "gpu-large", "zh-cpu", "zh-gpu", "spans", "shared" or "recipe" (in the package), a file, or a mapping such as
        spaCy's `Config`.
    encoder: in place of the config's: a name on the hub, a folder, or package:module/folder.
    lang: spaCy's language code; None: the config's ("en" in "cpu" and "gpu").
    output: folder for the pipelines, the corpora, the log and the checkpoints.
    overrides: settings of the config by dotted name, such as {"training.max_epochs": 5}.
    base: a trained pipeline to go on from, with new annotations and labels; rate and warm-up are then chosen for it.
    replay: share of the old documents that are trained on again beside the new ones. old: those documents, as `train`;
        by default those that the base was trained on, where they are still there. Labels that occur in none of the new
        documents are filled in by the base.
    split, seed: see `cloudner.convert`; "80/10/10" gives a test part too. device: "auto", "cpu", "cuda" or "cuda:N".
    calibrate: fit temperature, Platt scaling and the shift of O's score on dev. checkpoints: how often, and whether to
        go on after a kill.
    show: print settings and progress; in Jupyter as one table that grows.
    format, *_column, group_by, labels: see `cloudner.convert`.

    The same call after a kill goes on from the last checkpoint. Raises InputError for data that cannot be read and for a
    folder that another training writes into, ConfigError for settings that cannot work.
    """
    output = path_of(output)
    if base is not None and encoder is not None:
        raise ConfigError(
            f"encoder = {encoder!r} with a base", expected="one of the two: the base has its own"
        )
    if base is None and old is not None:
        raise ConfigError("old documents without a base", expected="a pipeline to go on from", fix="base=")
    # Before anything is written: the corpora of a training that runs are there.
    with one_training(output) if speaks() else nullcontext():
        file = config_file(config, output)
        update = None if base is None else Update(base, output, file, device)
        if update is not None and lang not in (None, update.language):
            raise ConfigError(
                f"lang = {lang!r} with a base of {update.language!r}",
                expected="the base's: its tokenizer stays",
            )
        language = lang or (language_of(file) if update is None else update.language)
        reading = {
            "format": format, "lang": language, "text_column": text_column, "entities_column": entities_column,
            "token_column": token_column, "tag_column": tag_column, "group_by": group_by, "labels": labels,
            "spans": learnt_group(file, overrides) if update is None else update.base.spans_key,
        }  # fmt: skip
        corpora = write_corpora(
            train, dev, test, output / "corpus", split=split, seed=seed, reading=reading,
            prepare=None if update is None else update.fill_in,
        )  # fmt: skip
        if update is not None:
            file, lang = update.finish(corpora, old, replay, seed, reading), None
        settings: list[tuple[str, Any, str]] = []

        def shown(made: Resolution) -> None:
            settings.extend(made.rows)
            if show:
                show_settings(made)

        with said(show):
            best = run_training(
                file, output, gpu_id=gpu_id_of(device), encoder=encoder, calibrate=calibrate, show=shown,
                overrides={**_places(file, corpora, lang), **(overrides or {})}, checkpoints=checkpoints,
                reasons=corpora.rows,
            )  # fmt: skip
        result = read_result(best, settings, corpora.files, device)
        if "test" in corpora.files:
            _test(result)
        return result


def _test(result: TrainingResult) -> None:
    from cloudner.report.evaluate import evaluate

    files = result.corpora
    result.test = evaluate(result.path, files["test"], train=files["train"], device=result.device)
    result.scores["test"] = scores_of(result.test)


def language_of(config: Path) -> str:
    """The language that a config names."""
    return str(read_config(config)["nlp"].get("lang") or "en")


def _places(config: Path, corpora: Corpora, lang: str | None) -> dict[str, Any]:
    """Overrides that say where the corpora are, and the language where one was given."""
    paths = read_config(config).get("paths", {})
    found: dict[str, Any] = {}
    for name in ("train", "dev"):
        key = f"paths.{name}" if name in paths else f"corpora.{name}.path"
        found[key] = str(corpora.files[name])
    if lang is not None:
        found["nlp.lang"] = lang
    return found


def gpu_id_of(device: str) -> str:
    if device in ("auto", "cpu"):
        return {"auto": "auto", "cpu": "-1"}[device]
    name, _, number = device.partition(":")
    if name not in ("cuda", "gpu") or not (number or "0").isdigit():
        raise ConfigError(f"device = {device!r}", expected='"auto", "cpu", "cuda" or "cuda:N"')
    return number or "0"

"""One trial of a tuning: a training, or one for each fold, with the settings that a sampler proposes, ended early where it
lags behind."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from spacy.tokens import DocBin

from cloudner.atomic import remove, write_bytes
from cloudner.corpus.handed import splits_of
from cloudner.errors import ConfigError
from cloudner.folds.dividing import divide
from cloudner.training.corpora import docs_of, write_corpora, write_whole
from cloudner.training.fit import train

Range = Sequence[Any]
LOGGER = "cloudner.Tuning"
SCORES = "scores"  # of a trial: F1 of its trainings, in the order of the folds
# Scores are compared at tenths of a training, since trials have different numbers of steps.
_PARTS = 10


def check_space(space: Mapping[str, Range]) -> dict[str, Range]:
    """Dotted names with (low, high), (low, high, "log") or a list of choices. Raises ConfigError for anything else."""
    for name, values in space.items():
        if isinstance(values, list) and values:
            continue
        numbers = (
            isinstance(values, tuple)
            and len(values) in (2, 3)
            and all(type(v) in (int, float) for v in values[:2])
        )
        if (
            not numbers
            or not values[0] < values[1]
            or (len(values) == 3 and (values[2] != "log" or values[0] <= 0))
        ):
            raise ConfigError(
                f"the range of {name} is {values!r}",
                expected='(low, high), (low, high, "log") or a list of choices',
            )
    return dict(space)


def suggest(trial: Any, space: Mapping[str, Range]) -> dict[str, Any]:
    """A value for each setting."""
    found: dict[str, Any] = {}
    for name, values in space.items():
        if isinstance(values, list):
            found[name] = trial.suggest_categorical(name, values)
        elif isinstance(values[0], int) and isinstance(values[1], int):
            found[name] = trial.suggest_int(name, values[0], values[1], log=len(values) == 3)
        else:
            found[name] = trial.suggest_float(name, values[0], values[1], log=len(values) == 3)
    return found


def corpora_of(
    train: Any, dev: Any, folds: int | None, folder: Path, seed: int, reading: Mapping[str, Any]
) -> list[dict[str, Path]]:
    """The files "train" and "dev" of each training of a trial: of one, or of one for each fold, which is its dev part. Raises
    ConfigError for folds beside a dev corpus."""
    if folds is None:
        return [write_corpora(train, dev, None, folder, split=None, seed=seed, reading=reading).files]
    if dev is not None or "dev" in splits_of(train):
        raise ConfigError(f"{folds} folds beside a dev corpus", expected="one of the two")
    docs = docs_of(write_whole(train, folder, reading))
    fold_of = divide(docs, folds, seed, reading.get("spans"))
    made = []
    for number in range(folds):
        made.append({name: folder / f"fold-{number}" / f"{name}.spacy" for name in ("train", "dev")})
        for name, path in made[-1].items():
            chosen = [
                doc for doc, fold in zip(docs, fold_of, strict=True) if (fold == number) == (name == "dev")
            ]
            path.parent.mkdir(parents=True, exist_ok=True)
            write_bytes(path, DocBin(docs=chosen, store_user_data=True).to_bytes())
    return made


def run_trial(
    trial: Any,
    space: Mapping[str, Range],
    parts: Sequence[Mapping[str, Path]],
    config: Path,
    output: Path,
    options: Mapping[str, Any],
) -> float:
    """The best F1 on dev of a training, or the mean of several. Its pipelines are removed: the settings are what a tuning is for.
    Raises Optuna's TrialPruned where it lags behind the others: at tenths of the one training, or after a fold."""
    import optuna
    import psutil

    trial.set_user_attr("host", socket.gethostname())
    trial.set_user_attr("pid", os.getpid())
    trial.set_user_attr("began", psutil.Process().create_time())
    folder = output / f"trial-{trial.number:04d}"
    chosen = {**options.get("overrides", {}), **suggest(trial, space)}
    encoder = chosen.pop("encoder", options.get("encoder"))
    found: list[float] = list(trial.user_attrs.get(SCORES, []))  # of the trial that this one goes on from
    seconds = 0.0
    try:
        for number in range(len(parts)):
            if number >= len(found):
                _register(trial if len(parts) == 1 else None)
                result = train(
                    parts[number]["train"], parts[number]["dev"], config=_quiet(config), encoder=encoder,
                    lang=options.get("lang"), output=folder, overrides=chosen, device=options["device"],
                    calibrate=False, show=False,
                )  # fmt: skip
                seconds += float(result.run["seconds"])
                found.append(float(result.scores["dev"]["f1"]))
                trial.set_user_attr(SCORES, found)
                trial.set_user_attr("seconds", seconds)
                remove(folder)
            if len(parts) > 1:
                trial.report(mean(found[: number + 1]), number + 1)
                if number + 1 < len(parts) and trial.should_prune():
                    raise optuna.TrialPruned
        return mean(found)
    finally:
        remove(folder)


def _quiet(file: Path) -> Any:
    """The config with the logger of a trial."""
    from thinc.api import Config

    config = Config().from_disk(file, interpolate=False)
    config["training"]["logger"] = {"@loggers": LOGGER}
    return config


def _register(trial: Any | None) -> None:
    """The logger of this trial, which passes on its scores; without a trial, one that says nothing."""
    from spacy.util import registry

    def make_logger() -> Callable[..., Any]:
        if trial is None:
            return lambda nlp, stdout, stderr: (lambda info: None, lambda: None)
        return lambda nlp, stdout, stderr: (_follower(trial, nlp), lambda: None)

    registry.loggers.register(LOGGER, func=make_logger)


def _follower(trial: Any, nlp: Any) -> Callable[[dict[str, Any] | None], None]:
    import optuna

    from cloudner.report.loggers.progress import total_steps

    total, told, best = total_steps(nlp) or 0, 0, 0.0

    def log_step(info: dict[str, Any] | None) -> None:
        nonlocal told, best
        if info is None:
            return
        best = max(best, float(info["score"] or 0.0))
        part = int(_PARTS * info["step"] / total) if total else told + 1
        if part <= told:
            return
        told = part
        trial.report(best, part)
        if trial.should_prune():
            raise optuna.TrialPruned

    return log_step

"""One trial of a tuning: a training with the settings that a sampler proposes, ended early where it lags behind."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cloudner.atomic import remove
from cloudner.errors import ConfigError
from cloudner.training.fit import train

Range = Sequence[Any]
LOGGER = "cloudner.Tuning"
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


def run_trial(
    trial: Any,
    space: Mapping[str, Range],
    corpora: Mapping[str, Path],
    config: Any,
    output: Path,
    options: Mapping[str, Any],
) -> float:
    """The best F1 on dev of a training. Its pipelines are removed: the settings are what a tuning is for. Raises Optuna's
    TrialPruned where the training lags behind the others."""
    trial.set_user_attr("host", socket.gethostname())
    trial.set_user_attr("pid", os.getpid())
    folder = output / f"trial-{trial.number:04d}"
    _register(trial)
    config["training"]["logger"] = {"@loggers": LOGGER}
    chosen = {**options.get("overrides", {}), **suggest(trial, space)}
    encoder = chosen.pop("encoder", options.get("encoder"))
    try:
        result = train(
            corpora["train"], corpora["dev"], config=config, encoder=encoder, lang=options.get("lang"), output=folder,
            overrides=chosen, device=options["device"], calibrate=False, show=False,
        )  # fmt: skip
        trial.set_user_attr("seconds", float(result.run["seconds"]))
        return float(result.scores["dev"]["f1"])
    finally:
        remove(folder)


def _register(trial: Any) -> None:
    """The logger of this trial, which passes on its scores."""
    from spacy.util import registry

    def make_logger() -> Callable[..., Any]:
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

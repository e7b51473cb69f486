"""The journal of a tuning, which several processes share: the search in it, and the trials of processes that were killed."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

from cloudner.errors import ConfigError
from cloudner.studies.trials import SCORES


def open_study(optuna: Any, output: Path, seed: int) -> Any:
    """The search of a folder, begun where there is none."""
    backend = optuna.storages.journal.JournalFileBackend(str(output / "journal.log"))
    return optuna.create_study(
        storage=optuna.storages.JournalStorage(backend), study_name="cloudner", direction="maximize", load_if_exists=True,
        sampler=optuna.samplers.TPESampler(seed=seed), pruner=optuna.pruners.MedianPruner(n_startup_trials=4),
    )  # fmt: skip


def open_search(optuna: Any, output: Path, seed: int, asked: dict[str, Any]) -> Any:
    """The search of a folder over these data and settings. One that holds only trials that failed, as of settings that no training
    takes, makes room for it. Raises ConfigError where the search is over other data or settings."""
    study = open_study(optuna, output, seed)
    before = study.user_attrs.get("asked")
    trials = study.get_trials(deepcopy=False)
    if before not in (None, asked) and trials and all(t.state == t.state.FAIL for t in trials):
        optuna.delete_study(study_name=study.study_name, storage=study._storage)
        study, before = open_study(optuna, output, seed), None
    if before is None:
        study.set_user_attr("asked", asked)
    elif before != asked:
        names = dict.fromkeys([*asked, *before])
        changed = ", ".join(name for name in names if asked.get(name) != before.get(name))
        raise ConfigError(
            f"the folder holds a search with another {changed}",
            expected="the same search",
            fix="another output folder",
        )
    return study


def requeue_killed(optuna: Any, study: Any) -> None:
    """Trials of processes of this machine that no longer live are tried again first."""
    running = study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,))
    for trial in running:
        attrs = trial.user_attrs
        if attrs.get("host") == socket.gethostname() and not _lives(int(attrs["pid"]), attrs.get("began")):
            requeue(optuna, study, trial)


def requeue(optuna: Any, study: Any, trial: Any) -> None:
    """A trial that was interrupted fails, and its settings are tried again; folds that it had finished are not trained again."""
    try:
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
    except (ValueError, RuntimeError):  # another process has done it at the same moment
        return
    study.enqueue_trial(trial.params, user_attrs={SCORES: trial.user_attrs.get(SCORES, [])})


def _lives(pid: int, began: float | None) -> bool:
    """Is there a process of this number, and the same one? Numbers come again, in a container that is started anew at once.
    began: as psutil told it, None of trials before it was written down."""
    import psutil

    try:
        return (
            abs(psutil.Process(pid).create_time() - began) < 1
            if began is not None
            else psutil.pid_exists(pid)
        )
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


def begun(optuna: Any, study: Any) -> int:
    """Trials that count: finished, pruned, or running somewhere."""
    state = optuna.trial.TrialState
    return len(study.get_trials(deepcopy=False, states=(state.COMPLETE, state.PRUNED, state.RUNNING)))

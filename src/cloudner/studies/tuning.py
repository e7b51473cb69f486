"""`tune`: a search for the training settings with Optuna, in one process or in several that share a journal."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cloudner.atomic import put_in_place, told_in_one_line, write_json, write_text
from cloudner.errors import ConfigError, path_of
from cloudner.folds.documents import asked_config
from cloudner.overrides import read_config
from cloudner.pages.numbers import percent
from cloudner.studies.journal import begun, open_search, requeue, requeue_killed
from cloudner.studies.page import Section, study_page, study_summary
from cloudner.studies.trials import SCORES, Range, check_space, corpora_of, run_trial
from cloudner.training.asked import fingerprint
from cloudner.training.fit import language_of
from cloudner.training.groups import learnt_group
from cloudner.training.shipped import ConfigLike, config_file
from cloudner.training.signals import Stopped

RATE = "training.optimizer.learn_rate.initial_rate"
BEST = "best.cfg"


@dataclass
class Tuning:
    """The result of `cloudner.tune`. config: the file with the best settings. best: these settings by dotted name; f1:
    what they reached on dev, 0 to 1, or with folds their mean. trials: rows of "number", "state" (complete, pruned, fail),
    "f1", "seconds", "settings" and, with folds, "folds", the F1 of each. importance: share of the variation of F1 by setting,
    empty with few trials. folds: how many, None without."""

    config: Path
    best: dict[str, Any]
    f1: float
    trials: list[dict[str, Any]]
    importance: dict[str, float] = field(default_factory=dict)
    folds: int | None = None

    @property
    def measured(self) -> str:
        """What the figures are."""
        return "F1 on dev" if self.folds is None else f"mean F1 of {self.folds} folds"

    def to_dict(self) -> dict[str, Any]:
        return {
            "config": str(self.config), "best": self.best, "f1": self.f1, "importance": self.importance,
            "folds": self.folds, "trials": self.trials,
        }  # fmt: skip

    def to_html(self) -> str:
        """One self-contained page."""
        figures = [(f"best {self.measured}", percent(self.f1)), ("trials", str(len(self.trials)))]
        figures += [(state, str(count)) for state, count in self._states().items()]
        return study_page("Tuning", f"The best settings are in {self.config}", figures, [], self._sections())

    def lines(self) -> list[str]:
        """The result for a terminal."""
        states = ", ".join(f"{count} {state}" for state, count in self._states().items())
        out = [f"{len(self.trials)} trials ({states}); best {self.measured} {percent(self.f1)} with"]
        out += [f"  {name} = {_short(value)}" for name, value in self.best.items()]
        if self.importance:
            out.append("importance: " + ", ".join(f"{n} {100 * v:.0f} %" for n, v in self.importance.items()))
        return [*out, str(self.config)]

    def _states(self) -> dict[str, int]:
        states = [trial["state"] for trial in self.trials]
        return {state: states.count(state) for state in dict.fromkeys(states)}

    def _repr_html_(self) -> str:
        return study_summary(f"Best {self.measured} {percent(self.f1)}: {self.config}", self._sections())

    def _sections(self) -> list[Section]:
        names = list(self.best)
        order = sorted(self.trials, key=lambda t: -1.0 if t["f1"] is None else t["f1"], reverse=True)
        rows = [
            [str(t["number"]), t["state"], "-" if t["f1"] is None else percent(t["f1"]),
             *(_short(t["settings"].get(name, "-")) for name in names)]
            for t in order
        ]  # fmt: skip
        sections = [Section("Trials", "The best first.", ["trial", "state", "F1", *names], rows)]
        if self.importance:
            shares = [[name, f"{100 * value:.0f} %"] for name, value in self.importance.items()]
            lead = "Share of the variation of F1 among the trials (PED-ANOVA)."
            sections.append(Section("Importance", lead, ["setting", "share"], shares))
        return sections


def tune(
    train: Any,
    dev: Any = None,
    *,
    config: ConfigLike = "cpu",
    encoder: str | None = None,
    encoders: list[str] | None = None,
    space: Mapping[str, Range] | None = None,
    trials: int = 20,
    minutes: float | None = None,
    folds: int | None = None,
    lang: str | None = None,
    output: str | Path = "tune",
    overrides: Mapping[str, Any] | None = None,
    seed: int = 0,
    device: str = "auto",
    told: Callable[[int, float | None], object] | None = None,
) -> Tuning:
    """Search the training settings that give the best F1 on dev, or by cross-validation.

    train, dev, config, encoder, lang, overrides, device: as in `cloudner.train`. encoders: to choose among. space: ranges by
    dotted name, (low, high), (low, high, "log") or a list of choices; by default the learning rate about the config's,
    epochs, batch size, dropout and layer decay, but what `overrides` fixes. trials: in all, those of other processes and of earlier calls included.
    minutes: no trial begins after them. folds: score a trial by the mean F1 of so many trainings, each on all folds of the
    training documents but one, which is its dev part; for corpora whose dev part would be too small to tell settings apart. output: a folder for the journal, `best.cfg`, `tune.html` and `tune.json`; other
    processes with the same folder (on a shared disk: other machines) take part in the same search, and after a kill the
    same call goes on: finished trials count, the one that was killed is tried again. told: called with the number and F1
    (None: pruned) of each trial of this process.

    Raises ConfigError without Optuna (the extra `tune`), for ranges that cannot work, for folds beside a dev corpus or of too
    few documents, and where the folder holds a search
    over other data or settings.
    """
    optuna = _optuna()
    output = path_of(output)
    options: dict[str, Any] = {
        "encoder": encoder,
        "lang": lang,
        "overrides": dict(overrides or {}),
        "device": device,
    }
    # Aside until it is known that the folder's search is this one: processes of that one read what lies there.
    with _quiet(optuna), _folder(output), TemporaryDirectory(prefix=".asked-", dir=output) as folder:
        aside = Path(folder)
        file = config_file(config, aside)
        reading = {"lang": lang or language_of(file), "spans": learnt_group(file, overrides)}
        parts = corpora_of(train, dev, folds, aside / "corpus", seed, reading)
        given = options["overrides"]
        searched = space or {name: each for name, each in _space(file).items() if name not in given}
        ranges = check_space({**searched, **({"encoder": list(encoders)} if encoders else {})})
        if twice := sorted(ranges.keys() & given.keys()):
            raise ConfigError(f"{twice[0]} has both a value and a range", expected="one of the two")
        study = open_search(optuna, output, seed, {
            "data": [fingerprint(str(path)) for part in parts for path in part.values()], "config": fingerprint(str(file)),
            "space": {name: list(values) for name, values in ranges.items()},
            "given": [encoder, lang, {name: str(value) for name, value in options["overrides"].items()}],
            **({} if folds is None else {"folds": folds}),
        })  # fmt: skip
        for each in aside.iterdir():  # the corpus, and the config where a mapping was given
            if not (output / each.name).exists() or fingerprint(str(output / each.name)) != fingerprint(
                str(each)
            ):
                put_in_place(each, output / each.name)
        if aside in file.parents:
            file = output / file.name
        parts = [{name: output / path.relative_to(aside) for name, path in part.items()} for part in parts]
    with _quiet(optuna):
        end = None if minutes is None else time.monotonic() + 60 * minutes
        while end is None or time.monotonic() < end:
            requeue_killed(optuna, study)
            if begun(optuna, study) >= trials:
                break
            trial = study.ask()
            # A sampler of its own for each trial: processes that begin together do not propose the same.
            study.sampler = optuna.samplers.TPESampler(seed=seed + trial.number)
            value = _one(optuna, study, trial, lambda t: run_trial(t, ranges, parts, file, output, options))
            if told is not None:
                told(trial.number, value)
        return _result(optuna, study, file, output, folds, options)


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise ConfigError(
            "tuning needs Optuna, which is not installed", fix='pip install "cloudner[tune]"'
        ) from error
    return optuna


@contextmanager
def _folder(output: Path) -> Iterator[None]:
    """Around a search that begins in the folder: one in which nothing was written is taken away again."""
    made = not output.exists()
    with told_in_one_line(output):
        output.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        if made:
            with suppress(OSError):
                output.rmdir()


@contextmanager
def _quiet(optuna: Any) -> Iterator[None]:
    """Optuna says nothing of each trial; afterwards it is as talkative as it was."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def _space(file: Path) -> dict[str, Range]:
    try:
        rate = float(read_config(file)["training"]["optimizer"]["learn_rate"]["initial_rate"])
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            "no training.optimizer.learn_rate.initial_rate",
            file=str(file),
            expected="the rate that is searched around",
            fix="--config cpu",
        ) from error
    return {
        RATE: (rate / 4, rate * 4, "log"),
        "training.max_epochs": (2, 8),
        "training.batcher.batch_size": [8, 16, 32],
        "training.dropout": (0.0, 0.3),
        "training.optimizer.layer_decay": (0.8, 1.0),
    }


def _one(optuna: Any, study: Any, trial: Any, run: Callable[[Any], float]) -> float | None:
    logger = logging.getLogger("cloudner")
    before = logger.level
    logger.setLevel(logging.ERROR)  # a poor trial is no news
    try:
        value = run(trial)
    except optuna.TrialPruned:
        study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        return None
    except (KeyboardInterrupt, SystemExit, Stopped):  # Ctrl-C, SIGTERM: no fault of its settings
        requeue(optuna, study, trial)
        raise
    except BaseException:
        study.tell(trial, state=optuna.trial.TrialState.FAIL)
        raise
    finally:
        logger.setLevel(before)
    study.tell(trial, value)
    return value


def _result(
    optuna: Any, study: Any, file: Path, output: Path, folds: int | None, options: dict[str, Any]
) -> Tuning:
    state = optuna.trial.TrialState
    done = study.get_trials(deepcopy=False, states=(state.COMPLETE,))
    if not done:
        raise ConfigError("no trial was finished", fix="more minutes or trials")
    best = dict(study.best_params)
    # As a trial is trained, of which what was given for all of them is a part.
    chosen = {**options["overrides"], **best}
    encoder = chosen.pop("encoder", options["encoder"])
    if options["lang"] is not None:
        chosen.setdefault("nlp.lang", options["lang"])
    write_text(output / BEST, asked_config(file, chosen, encoder).to_str(interpolate=False))
    rows = [
        {"number": t.number, "state": t.state.name.lower(), "f1": t.value if t.state == state.COMPLETE else None,
         "seconds": t.user_attrs.get("seconds"), "settings": dict(t.params),
         **({} if folds is None else {"folds": t.user_attrs.get(SCORES, [])})}
        for t in study.get_trials(deepcopy=False)
        if t.state.is_finished()
    ]  # fmt: skip
    result = Tuning(
        output / BEST, best, float(study.best_value), rows, _importance(optuna, study, len(done)), folds
    )
    write_json(output / "tune.json", result.to_dict())
    write_text(output / "tune.html", result.to_html())
    return result


def _importance(optuna: Any, study: Any, done: int) -> dict[str, float]:
    if done < 8:  # of fewer, shares say nothing
        return {}
    evaluator = optuna.importance.PedAnovaImportanceEvaluator()
    found = optuna.importance.get_param_importances(study, evaluator=evaluator)
    return {name: float(value) for name, value in found.items()}


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)

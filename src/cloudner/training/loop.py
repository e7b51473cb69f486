"""The training loop: spaCy's, to the byte, that can stop at any step and go on from there.

What it does at a step, what it hands to loggers and what it saves are what spaCy's `train` does with the same config and
seed. Beside that it writes checkpoints, and pipelines are put in place whole.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from timeit import default_timer as timer
from typing import Any

from cloudner.atomic import take_back
from cloudner.training.batches import Batches, held
from cloudner.training.checkpoints import Checkpoints, Saved
from cloudner.training.output_folder import copy_pipeline, put_folder
from cloudner.training.signals import stop_signal
from cloudner.training.state import collect, restore, restore_random

BEST, LAST = "model-best", "model-last"


class Stopped(Exception):  # noqa: N818, it is no error
    """A signal asked the training to stop, and it did so between two steps. step: the last one taken."""

    def __init__(self, step: int) -> None:
        super().__init__(f"stopped after step {step}")
        self.step = step


@dataclass
class Progress:
    """Where a training is. step: the last one taken; results: (score, step) of the evaluations; losses: since the last
    of them; seconds: of the runs before this one."""

    step: int = -1
    results: list[tuple[float, int]] = field(default_factory=list)
    losses: dict[str, float] = field(default_factory=dict)
    words: int = 0
    seconds: float = 0.0


@dataclass
class Saving:
    """Where checkpoints go and how often: every `minutes`, or every `steps` where that is not 0."""

    checkpoints: Checkpoints
    asked: dict[str, Any]
    minutes: float = 10.0
    steps: int = 0


def train_pipeline(
    nlp: Any,
    output: Path,
    *,
    use_gpu: int,
    device: str,
    saving: Saving | None = None,
    resumed: Saved | None = None,
) -> None:
    """Train `nlp`, initialised, as the [training] of its config says, into `output`/model-best and model-last.

    resumed: a checkpoint of the same training to go on from. Raises Stopped after a SIGTERM, with a checkpoint written,
    and what components raise; model-last then holds the last state.
    """
    from spacy.training.loop import create_evaluation_callback, update_meta
    from wasabi import msg

    settings, corpora = _settings(nlp, use_gpu)
    optimizer, frozen = settings["optimizer"], settings["frozen_components"]
    batches = Batches(nlp, corpora[0], settings["batcher"], settings["max_epochs"])
    progress = _resume(nlp, optimizer, device, batches, resumed) if resumed is not None else Progress()
    save = _saver(nlp, output, settings)
    _announce(nlp, settings)
    with nlp.select_pipes(disable=frozen):
        log_step, finalize = settings["logger"](nlp, sys.stdout, sys.stderr)
    if resumed is not None:
        _tell_logger(log_step, resumed)
    evaluate = create_evaluation_callback(nlp, held(corpora[1]), settings["score_weights"])
    try:
        with stop_signal() as stopped:
            due = _due(saving)
            for info, is_best in _steps(nlp, settings, optimizer, batches, evaluate, progress):
                if is_best is not None:
                    with nlp.select_pipes(disable=frozen):
                        update_meta(settings, nlp, info)
                    save(is_best)
                    info["output_path"] = str(output / LAST)
                log_step(info if is_best is not None else None)
                if is_best is not None:
                    progress.losses = {}
                if saving is not None and (stopped.is_set() or due(progress.step)):
                    _checkpoint(nlp, optimizer, device, batches, progress, saving, log_step)
                if stopped.is_set():
                    raise Stopped(progress.step)
    except Stopped:
        raise
    except Exception as error:
        msg.warn(f"Aborting and saving the final best model. Encountered exception: {error!r}")
        raise
    finally:
        gc.unfreeze()  # the corpora may go
        finalize()
        save(False)
        if saving is not None:
            saving.checkpoints.wait()
    if optimizer.averages:
        nlp.use_params(optimizer.averages)
    msg.good("Saved pipeline to output directory", str(output / LAST))


def _settings(nlp: Any, use_gpu: int) -> tuple[Any, Any]:
    """[training] resolved, and the corpora; random numbers begin here, as in spaCy's `train`."""
    from spacy.schemas import ConfigSchemaTraining
    from spacy.util import registry, resolve_dot_names
    from thinc.api import fix_random_seed, set_gpu_allocator

    config = nlp.config.interpolate()
    if config["training"]["seed"] is not None:
        fix_random_seed(config["training"]["seed"])
    if use_gpu >= 0 and config["training"]["gpu_allocator"]:
        set_gpu_allocator(config["training"]["gpu_allocator"])
    settings = registry.resolve(config["training"], schema=ConfigSchemaTraining)
    return settings, resolve_dot_names(config, [settings["train_corpus"], settings["dev_corpus"]])


def _saver(nlp: Any, output: Path, settings: Any) -> Callable[[bool], None]:
    """Saves model-last and, where told, model-best."""
    from spacy.training.loop import create_before_to_disk_callback

    before_to_disk = create_before_to_disk_callback(settings["before_to_disk"])
    for name in (BEST, LAST):
        take_back(output / name)

    def write(folder: Path) -> None:
        with nlp.use_params(settings["optimizer"].averages):
            before_to_disk(nlp).to_disk(folder)

    def save(is_best: bool) -> None:
        put_folder(output / LAST, write)
        if is_best:
            put_folder(output / BEST, lambda folder: copy_pipeline(output / LAST, folder))

    return save


def _announce(nlp: Any, settings: Any) -> None:
    from wasabi import msg

    msg.info(f"Pipeline: {nlp.pipe_names}")
    if settings["frozen_components"]:
        msg.info(f"Frozen components: {settings['frozen_components']}")
    if settings["annotating_components"]:
        msg.info(f"Set annotations on update for: {settings['annotating_components']}")
    msg.info(f"Initial learn rate: {settings['optimizer'].learn_rate}")


def _steps(
    nlp: Any,
    settings: Any,
    optimizer: Any,
    batches: Batches,
    evaluate: Callable[[], tuple[float, Any]],
    progress: Progress,
) -> Iterator[tuple[dict[str, Any], bool | None]]:
    """The info of each step, as spaCy's loggers know it, and whether its evaluation was the best (None: there was none)."""
    from spacy.training.loop import subdivide_batch
    from thinc.api import constant

    exclude, annotates = settings["frozen_components"], settings["annotating_components"]
    patience, max_steps = settings["patience"], settings["max_steps"]
    rate: Any = settings["dropout"]
    dropouts: Any = constant(rate) if isinstance(rate, float) else rate
    for _ in range(progress.step + 1):
        next(dropouts)
    began = timer() - progress.seconds
    for epoch, batch in batches:
        progress.step += 1
        step = progress.step
        if settings["before_update"]:
            settings["before_update"](nlp, {"step": step, "epoch": epoch})
        dropout = next(dropouts)
        for part in subdivide_batch(batch, settings["accumulate_gradient"]):
            nlp.update(
                part, drop=dropout, losses=progress.losses, sgd=False, exclude=exclude, annotates=annotates
            )
        for name, pipe in nlp.pipeline:
            trained = getattr(pipe, "is_trainable", False) and pipe.model not in (True, False, None)
            if name not in exclude and trained:
                pipe.finish_update(optimizer)
        optimizer.step_schedules()
        score, scores, is_best = None, None, None
        if not step % settings["eval_frequency"]:
            with nlp.use_params(optimizer.averages or {}):
                score, scores = evaluate()
            progress.results.append((score, step))
            is_best = score == max(progress.results)[0]
        progress.words += sum(len(eg) for eg in batch)
        progress.seconds = timer() - began
        yield (
            {
                "epoch": epoch,
                "step": step,
                "score": score,
                "other_scores": scores,
                "losses": progress.losses,
                "checkpoints": progress.results,
                "seconds": int(progress.seconds),
                "words": progress.words,
            },
            is_best,
        )
        # The earliest of the best evaluations counts.
        best_step = -max((result, -at) for result, at in progress.results)[1]
        if patience and step - best_step >= patience:
            break
        if max_steps and step >= max_steps:
            break


def _checkpoint(
    nlp: Any, optimizer: Any, device: str, batches: Batches, progress: Progress, saving: Saving, log_step: Any
) -> None:
    tensors, facts = collect(nlp, optimizer, device)
    loop = {
        "facts": facts,
        "position": batches.position(),
        "progress": {
            "step": progress.step,
            "results": list(progress.results),
            "losses": {name: float(value) for name, value in progress.losses.items()},
            "words": progress.words,
            "seconds": progress.seconds,
        },
        "logger": _logger_state(log_step),
    }
    saving.checkpoints.write(progress.step, tensors, loop, saving.asked)


def _resume(nlp: Any, optimizer: Any, device: str, batches: Batches, saved: Saved) -> Progress:
    known = saved.loop["progress"]
    progress = Progress(
        step=known["step"],
        results=[(score, step) for score, step in known["results"]],
        losses=dict(known["losses"]),
        words=known["words"],
        seconds=known["seconds"],
    )
    restore(nlp, optimizer, device, saved.tensors, saved.loop["facts"], progress.step + 1)
    batches.go_to(saved.loop["position"], lambda: restore_random(saved.tensors, saved.loop["facts"], device))
    return progress


def _due(saving: Saving | None) -> Callable[[int], bool]:
    """Is a checkpoint due after this step?"""
    last = time.monotonic()

    def due(step: int) -> bool:
        nonlocal last
        if saving is None:
            return False
        if saving.steps:
            return (step + 1) % saving.steps == 0
        if time.monotonic() - last < 60 * saving.minutes:
            return False
        last = time.monotonic()
        return True

    return due


# Our console keeps a clock, the best score and a log file; other loggers start over.


def _logger_state(log_step: Any) -> dict[str, Any] | None:
    state = getattr(getattr(log_step, "__self__", None), "state", None)
    return state() if state is not None else None


def _tell_logger(log_step: Any, saved: Saved) -> None:
    resume = getattr(getattr(log_step, "__self__", None), "resume", None)
    if resume is not None and saved.loop.get("logger") is not None:
        resume(saved.loop["logger"])

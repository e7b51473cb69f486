"""The training loop: spaCy's, to the byte, that can stop at any step and go on from there.

What it does at a step, what it hands to loggers and what it saves are what spaCy's `train` does with the same config and
seed. Beside that it writes checkpoints, and pipelines are put in place whole.
"""

from __future__ import annotations

import gc
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from timeit import default_timer as timer
from typing import TYPE_CHECKING, Any

from cloudner.errors import NonFiniteLossError
from cloudner.training.batches import Batches, fixed, held
from cloudner.training.checkpoints import Saved
from cloudner.training.dev_scores import dev_scores
from cloudner.training.output_folder import LAST, saver
from cloudner.training.progress import Progress, Saving, checkpoint, due_after, resume, tell_logger
from cloudner.training.shared_texts import tell_shared
from cloudner.training.signals import Stopped, stop_signal
from cloudner.training.silence import streams
from cloudner.training.step import batch_sum, take_step

if TYPE_CHECKING:
    from spacy.training import Example

    from cloudner.model.decoding.evidence import Evidence
    from cloudner.model.ranks.group import Ranks


def train_pipeline(
    nlp: Any,
    output: Path,
    *,
    use_gpu: int,
    device: str,
    saving: Saving | None = None,
    resumed: Saved | None = None,
    ranks: Ranks | None = None,
    read: list[Example] | None = None,
) -> Evidence | None:
    """Train `nlp`, initialised, as the [training] of its config says, into `output`/model-best and model-last.

    resumed: a checkpoint of the same training to go on from. ranks: with several processes, this one among them; the
    first alone writes and logs. read: the examples that `nlp` was initialised with, where it left them as they were; they
    are taken up where the corpus would give the same again. Returns the scores that model-best gave on the dev data,
    where they are known. Raises Stopped after a SIGTERM, with a checkpoint written, and what components raise;
    model-last then holds the last state.
    """
    from spacy.training.loop import create_evaluation_callback, update_meta
    from wasabi import msg

    settings, corpora = _settings(nlp, use_gpu)
    optimizer, frozen = settings["optimizer"], settings["frozen_components"]
    first, signals = ranks is None or ranks.first, [signal.SIGTERM]
    if ranks is not None:
        from cloudner.training.ranks.begin import begin

        resumed = begin(nlp, settings, ranks, resumed)
        signals.append(signal.SIGINT)  # sent to all at once, and all stop after the same step
    stream = settings["max_epochs"] < 0
    corpus = held(corpora[0], read) if read and not stream else corpora[0]
    batches = Batches(nlp, corpus, settings["batcher"], settings["max_epochs"])
    progress = resume(nlp, optimizer, device, batches, resumed) if resumed is not None else Progress()
    save: Callable[[bool], None] = saver(nlp, output, settings) if first else lambda is_best: None
    _announce(nlp, settings)
    log_step, finalize = _logger(nlp, settings, resumed) if first else (lambda info: None, lambda: None)
    dev = _dev(nlp, corpora[1], read if first and not stream and resumed is None else None)
    evaluate = create_evaluation_callback(nlp, dev, settings["score_weights"])
    if ranks is not None:
        from cloudner.training.ranks.evaluation import evaluation

        evaluate = evaluation(nlp, dev, evaluate, ranks)
    heard = dev_scores(nlp, settings, corpora[1], dev) if ranks is None else None
    if heard is not None:
        evaluate = heard.listening(evaluate)
    together = True  # does every process come to the end of this function in the same way?
    with stop_signal(*signals) as stopped:
        try:
            due = due_after(saving)
            for info, is_best in _steps(
                nlp, settings, optimizer, batches, evaluate, progress, ranks, due, stopped
            ):
                if is_best and heard is not None:
                    heard.keep()
                if is_best is not None and first:
                    with nlp.select_pipes(disable=frozen):
                        update_meta(settings, nlp, info)
                    save(is_best)
                    info["output_path"] = str(output / LAST)
                log_step(info if is_best is not None else None)
                if is_best is not None:
                    progress.losses = {}
                stop = stopped.is_set() if ranks is None else ranks.stop
                wanted = due(progress.step) if ranks is None else ranks.due
                if saving is not None and (stop or wanted):
                    checkpoint(nlp, optimizer, device, batches, progress, saving, log_step, output, ranks)
                if stop:
                    raise Stopped(progress.step)
        except Stopped:
            raise
        except Exception as error:
            together = isinstance(error, NonFiniteLossError)
            msg.warn(f"Aborting and saving the final best model. Encountered exception: {error!r}")
            raise
        finally:
            gc.unfreeze()  # the corpora may go
            finalize()
            save(False)
            if saving is not None:
                saving.checkpoints.wait()
            if ranks is not None and together:
                ranks.wait()  # a launcher ends them all as soon as one has failed
    if optimizer.averages:
        nlp.use_params(optimizer.averages)
    msg.good("Saved pipeline to output directory", str(output / LAST))
    return heard.best if heard is not None else None


def _dev(nlp: Any, corpus: Any, train: list[Example] | None) -> Any:
    """The dev corpus, kept where it is fixed; compared then with the training examples that are given."""
    dev = held(corpus)
    if train and fixed(corpus):
        tell_shared(train, dev(nlp))
    return dev


def _logger(nlp: Any, settings: Any, resumed: Saved | None) -> tuple[Any, Any]:
    with nlp.select_pipes(disable=settings["frozen_components"]):
        log_step, finalize = settings["logger"](nlp, *streams())
    if resumed is not None:
        tell_logger(log_step, resumed)
    return log_step, finalize


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
    ranks: Ranks | None,
    due: Callable[[int], bool],
    stopped: Any,
) -> Iterator[tuple[dict[str, Any], bool | None]]:
    """The info of each step, as spaCy's loggers know it, and whether its evaluation was the best (None: there was none)."""
    from thinc.api import constant

    if _over(settings, progress):  # stopped after the last step
        return
    rate: Any = settings["dropout"]
    dropouts: Any = constant(rate) if isinstance(rate, float) else rate
    for _ in range(progress.step + 1):
        next(dropouts)
    began, checked = timer() - progress.seconds, -1
    for epoch, batch in batches:
        progress.step += 1
        step = progress.step
        if settings["before_update"]:
            settings["before_update"](nlp, {"step": step, "epoch": epoch})
        if ranks is not None:
            if epoch != checked:
                ranks.same(batch_sum(batch), f"the batches of epoch {epoch}")
                checked = epoch
            ranks.stop, ranks.due = stopped.is_set(), ranks.first and due(step)
        take_step(nlp, settings, optimizer, batch, next(dropouts), progress.losses, ranks)
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
        if _over(settings, progress):
            break


def _over(settings: Any, progress: Progress) -> bool:
    """Was the last step the last?"""
    patience, max_steps = settings["patience"], settings["max_steps"]
    if not progress.results:
        return False
    # The earliest of the best evaluations counts.
    best_step = -max((result, -at) for result, at in progress.results)[1]
    return bool(
        (patience and progress.step - best_step >= patience) or (max_steps and progress.step >= max_steps)
    )

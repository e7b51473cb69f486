"""`spacy cloudner train`: resolve a config, train, calibrate, and write down how."""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloudner.atomic import write_text
from cloudner.training.asked import as_json
from cloudner.training.best import fetch_best
from cloudner.training.checkpoint_options import CheckpointOptions
from cloudner.training.checkpoints import Checkpoints, Saved
from cloudner.training.ending import end
from cloudner.training.output_folder import BEST
from cloudner.training.resolution import Resolution, read_asked, resolve, resolve_again
from cloudner.training.resume import Begun, find, kept_settings, tell_ranks
from cloudner.training.settings_fit import settings_fit

if TYPE_CHECKING:
    from cloudner.model.decoding.evidence import Evidence
    from cloudner.model.ranks.group import Ranks
    from cloudner.training.loop import Saving

logger = logging.getLogger("cloudner")

RESOLVED = "resolved.cfg"


def train(
    config_path: str | Path,
    output: str | Path = "training",
    *,
    gpu_id: str | int = "auto",
    overrides: dict[str, Any] | None = None,
    encoder: str | None = None,
    calibrate: bool = True,
    show: Callable[[Resolution], None] | None = None,
    checkpoints: CheckpointOptions | None = None,
    scale_batch: bool = False,
    reasons: Sequence[tuple[str, Any, str]] = (),
    reduce_in: str = "fp32",
) -> Path:
    """Resolve the config, write `output/resolved.cfg`, train as spaCy does, calibrate the best pipeline's confidences on
    the dev data, and write `output/run.json` (hardware, settings, seconds). A training that was killed goes on from its
    last checkpoint, and ends as it would have. Where another thread of the process trains, it waits for that.

    calibrate: false also leaves out what is written into the pipelines beside: they are what `spacy train
    output/resolved.cfg` writes, byte for byte. scale_batch: with several processes, multiply the batch by them.
    reduce_in: "fp32" or "bf16", in which their gradients are summed. reasons: rows (setting, value, why) of what the caller
    decided.

    Where a launcher has started this process beside others (RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT are set), they
    train one pipeline together: each calls this function, and the first writes. Returns the folder of the best pipeline.
    Raises InputError where another training writes into `output`, RankError where another process fails, and what
    `resolve` and spaCy raise.
    """
    from cloudner.training.output_folder import IN_TURN
    from cloudner.training.ranks.join import joined

    asked = _Asked(
        Path(config_path), Path(output), overrides or {}, encoder, scale_batch, reduce_in, tuple(reasons)
    )
    options = checkpoints or CheckpointOptions()
    with IN_TURN, joined(gpu_id) as ranks, _alone_in(asked.output, ranks):
        try:
            return _train(asked, gpu_id, options, show, calibrate, ranks)
        finally:
            gc.unfreeze()  # of `uncollected`, also where a training ends before its loop


def _alone_in(output: Path, ranks: Ranks | None) -> AbstractContextManager[None]:
    """The lock of the output folder, for the process that writes into it."""
    from cloudner.training.output_folder import one_training

    return one_training(output) if ranks is None or ranks.first else nullcontext()


@dataclass(frozen=True)
class _Asked:
    config: Path
    output: Path
    overrides: dict[str, Any]
    encoder: str | None
    scale_batch: bool
    reduce_in: str
    reasons: tuple[tuple[str, Any, str], ...]

    def settings(self, ranks: int) -> dict[str, Any]:
        """The overrides, and what of several processes changes the result."""
        found = dict(self.overrides)
        if ranks > 1 and self.scale_batch:
            found["scale-batch"] = ranks
        if ranks > 1 and self.reduce_in != "fp32":
            found["reduce-in"] = self.reduce_in
        return found


def _train(
    asked: _Asked,
    gpu_id: str | int,
    options: CheckpointOptions,
    show: Callable[[Resolution], None] | None,
    calibrate: bool,
    ranks: Ranks | None,
) -> Path:
    from cloudner.model.device import computing_on
    from cloudner.model.process import allow_tf32, expand_segments, keep_freed_memory
    from cloudner.training.loop import Saving

    output = asked.output
    if str(gpu_id) != "-1":
        expand_segments()  # before `resolve` wakes the GPU
    kept = Checkpoints(options.where or output / "checkpoints", options.keep)
    if ranks is None:
        begun = _begin(asked, gpu_id, options.resume, kept, show)
    else:
        from cloudner.training.ranks.begin import begin_together, number_format

        ranks.reduce_in = number_format(asked.reduce_in)
        begun = begin_together(ranks, lambda gpu: _begin(asked, gpu, options.resume, kept, show, ranks.size))
    keep_freed_memory()
    made = begun.made
    if made.device != "cpu":
        allow_tf32()
    again = {**begun.asked, "resolved": kept_settings(made)}
    saving = Saving(kept, again, options.minutes, options.steps)
    started = time.perf_counter()
    with computing_on(made.device):
        fast, learnt, scores = _run_loop(output / RESOLVED, output, made, saving, begun.resumed, ranks)
    best = output / BEST
    if ranks is None or ranks.first:
        end(output, begun, time.perf_counter() - started, fast, learnt, calibrate, scores)
        kept.remove()
    return best


def _begin(
    asked: _Asked,
    gpu_id: str | int,
    resume: str,
    kept: Checkpoints,
    show: Callable[[Resolution], None] | None,
    ranks: int = 1,
) -> Begun:
    """Resolve the config, or take up a checkpoint's; write it into the output folder."""
    from cloudner.model.process import uncollected

    output = asked.output
    what = read_asked(asked.config, asked.overrides, asked.encoder)
    what["overrides"] = as_json(asked.settings(ranks))
    resumed = find(resume, kept, what)
    if resumed is not None:
        tell_ranks(resumed, ranks)
        fetch_best(resumed, output)
        if resumed.where == kept.where:
            kept.best = resumed.loop.get("best")
        with uncollected(kept=True):
            made = resolve_again(resumed.loop["resolved"], gpu_id=gpu_id, ranks=ranks)
        made.rows.insert(0, ("resume", f"step {resumed.step + 1:,}", f"checkpoint in {kept.where}"))
    else:
        (output / "run.json").unlink(missing_ok=True)  # an earlier training's
        with uncollected(kept=True):
            made = resolve(
                asked.config,
                gpu_id=gpu_id,
                overrides=asked.overrides,
                encoder=asked.encoder,
                ranks=ranks,
                scale=asked.scale_batch,
            )
        made.rows[1:1] = asked.reasons
        log = made.config["training"].get("logger", {})
        if str(log.get("@loggers", "")).startswith("cloudner.Console") and log.get("log_file") == "auto":
            log["log_file"] = str(output / "log.jsonl")
    if show is not None:
        show(made)
    write_text(output / RESOLVED, made.config.to_str())
    kept.begin(resumed.step if resumed is not None else -1)
    return Begun(what, made, resumed)


def _run_loop(
    config_path: Path,
    output: Path,
    made: Resolution,
    saving: Saving,
    resumed: Saved | None,
    ranks: Ranks | None,
) -> tuple[dict[str, list[dict[str, Any]]], list[str], Evidence | None]:
    """Initialise and train, as spaCy's command does. Returns by component which fast paths were tried, our components that
    are not frozen, and the scores of the best pipeline on dev where they are known."""
    from spacy.training.initialize import init_nlp
    from spacy.util import load_config
    from wasabi import msg

    from cloudner.component import Cloudner
    from cloudner.corpus.training.once import kept_examples
    from cloudner.model.process import uncollected
    from cloudner.training.loop import train_pipeline

    msg.info(f"Saving to output directory: {output}")
    msg.info(f"Using {_by_whom(made)}")
    if ranks is not None and not ranks.first:  # the file is the first one's, maybe on another machine
        config = made.config
    else:
        with settings_fit(config_path):
            config = load_config(config_path, interpolate=False)
    if ranks is not None:
        from cloudner.training.ranks.begin import download_once

        download_once(made.config.interpolate(), ranks)
    msg.divider("Initializing pipeline")
    with (
        settings_fit(config_path),
        uncollected(),
        kept_examples() as read,
    ):
        if ranks is None:
            nlp = init_nlp(config, use_gpu=made.use_gpu)
        else:
            nlp = ranks.together(lambda: init_nlp(config, use_gpu=made.use_gpu))
    msg.good("Initialized pipeline")
    msg.divider("Training pipeline")
    ours = {name: pipe for name, pipe in nlp.pipeline if isinstance(pipe, Cloudner)}
    for pipe in ours.values():
        pipe.read_late()
    if len(ours) < len(nlp.pipeline):
        read = []  # other components may have written into them
    scores = train_pipeline(
        nlp, output, use_gpu=made.use_gpu, device=made.device, saving=saving, resumed=resumed, ranks=ranks, read=read,
    )  # fmt: skip
    frozen = nlp.config.interpolate()["training"]["frozen_components"]
    fast = {name: rows for name, pipe in ours.items() if (rows := pipe.fast_report())}
    return fast, [name for name in ours if name not in frozen], scores


def _by_whom(made: Resolution) -> str:
    if made.device == "cpu":
        return "the CPU"
    return made.device if made.use_gpu >= 0 else f"{made.device} by torch alone, without CuPy"

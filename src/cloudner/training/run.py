"""`spacy cloudner train`: resolve a config, train, calibrate, and write down how."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import srsly

from cloudner.atomic import write_json
from cloudner.errors import InputError
from cloudner.training.checkpoints import Checkpoints, Saved
from cloudner.training.provenance import provenance
from cloudner.training.resolution import Resolution, owners, read_asked, resolve, resolve_again

if TYPE_CHECKING:
    from cloudner.training.loop import Saving

logger = logging.getLogger("cloudner")

# Guesses of a fresh head reach some per cent.
_NOTHING = 0.05
RESOLVED = "resolved.cfg"


@dataclass(frozen=True)
class CheckpointOptions:
    """When a training writes down where it is, and whether it goes on from there.

    resume: "auto" (from the newest complete checkpoint, if the same training is asked for), "never", or the folder or
    URL of a checkpoint. where: a folder or a URL that fsspec opens; None: OUTPUT/checkpoints. minutes, steps: how often;
    steps, where not 0, replaces minutes. keep: how many stay.
    """

    resume: str = "auto"
    where: str | None = None
    minutes: float = 10.0
    steps: int = 0
    keep: int = 2


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
    reasons: Sequence[tuple[str, Any, str]] = (),
) -> Path:
    """Resolve the config, write `output/resolved.cfg`, train as spaCy does, calibrate the best pipeline's confidences on
    the dev data, and write `output/run.json` (hardware, settings, seconds). A training that was killed goes on from its
    last checkpoint, and ends as it would have.

    calibrate: false also leaves out what is written into the pipelines beside: they are what `spacy train
    output/resolved.cfg` writes, byte for byte. reasons: rows (setting, value, why) of what the caller decided. Returns the folder of the best pipeline. Raises InputError where another
    training writes into `output`, and what `resolve` and spaCy raise.
    """
    from cloudner.training.output_folder import one_training

    output = Path(output)
    with one_training(output):
        return _train(
            Path(config_path), output, gpu_id, overrides or {}, encoder, calibrate, show,
            checkpoints or CheckpointOptions(), reasons,
        )  # fmt: skip


def _train(
    config_path: Path,
    output: Path,
    gpu_id: str | int,
    overrides: dict[str, Any],
    encoder: str | None,
    calibrate: bool,
    show: Callable[[Resolution], None] | None,
    options: CheckpointOptions,
    reasons: Sequence[tuple[str, Any, str]],
) -> Path:
    from cloudner.model.device import computing_on
    from cloudner.model.process import allow_tf32, expand_segments, keep_freed_memory, uncollected
    from cloudner.report.card import write_card
    from cloudner.training.loop import Saving
    from cloudner.training.resume import find, kept_settings

    if str(gpu_id) != "-1":
        expand_segments()  # before `resolve` wakes the GPU
    kept = Checkpoints(options.where or output / "checkpoints", options.keep)
    asked = read_asked(config_path, overrides, encoder)
    resumed = find(options.resume, kept, asked)
    if resumed is not None:
        with uncollected(kept=True):
            made = resolve_again(resumed.loop["resolved"], gpu_id=gpu_id)
        made.rows.insert(0, ("resume", f"step {resumed.step + 1:,}", f"checkpoint in {kept.where}"))
    else:
        (output / "run.json").unlink(missing_ok=True)  # an earlier training's
        with uncollected(kept=True):
            made = resolve(config_path, gpu_id=gpu_id, overrides=overrides, encoder=encoder)
        made.rows[1:1] = reasons
        log = made.config["training"].get("logger", {})
        if str(log.get("@loggers", "")).startswith("cloudner.Console") and log.get("log_file") == "auto":
            log["log_file"] = str(output / "log.jsonl")
    if show is not None:
        show(made)
    resolved = output / RESOLVED
    made.config.to_disk(resolved)
    keep_freed_memory()
    if made.device != "cpu":
        allow_tf32()
    kept.begin(resumed.step if resumed is not None else -1)
    saving = Saving(kept, {**asked, "resolved": kept_settings(made)}, options.minutes, options.steps)
    started = time.perf_counter()
    with computing_on(made.device):
        fast = _run_loop(resolved, output, made, saving, resumed)
    seconds = time.perf_counter() - started + (resumed.loop["progress"]["seconds"] if resumed else 0.0)
    best = output / "model-best"
    _look_at_score(best)
    run: dict[str, Any] = {"seconds": round(seconds, 1), "hardware": made.hardware, "settings": _values(made)}
    run |= provenance(asked, made.config)
    if resumed is not None:
        run["resumed_from_step"] = resumed.step + 1
    if fast:
        run["fast"] = fast
    if calibrate and owners(made.config.interpolate()):
        with computing_on(made.device):
            run["calibration"] = _calibrate(best)
    write_json(output / "run.json", run)
    for folder in (best, output / "model-last") if calibrate else ():
        if (folder / "meta.json").is_file():
            _write_meta(folder, run)
            write_card(folder)
    kept.remove()
    return best


def _run_loop(
    config_path: Path, output: Path, made: Resolution, saving: Saving, resumed: Saved | None
) -> dict[str, list[dict[str, Any]]]:
    """Initialise and train, as spaCy's command does. Returns by component which fast paths were tried."""
    from spacy.cli._util import show_validation_error
    from spacy.training.initialize import init_nlp
    from spacy.util import load_config
    from wasabi import msg

    from cloudner.component import Cloudner
    from cloudner.model.process import uncollected
    from cloudner.training.loop import train_pipeline

    msg.info(f"Saving to output directory: {output}")
    msg.info(f"Using {_by_whom(made)}")
    with show_validation_error(config_path):
        config = load_config(config_path, interpolate=False)
    msg.divider("Initializing pipeline")
    with show_validation_error(config_path, hint_fill=False), uncollected():
        nlp = init_nlp(config, use_gpu=made.use_gpu)
    msg.good("Initialized pipeline")
    msg.divider("Training pipeline")
    ours = {name: pipe for name, pipe in nlp.pipeline if isinstance(pipe, Cloudner)}
    for pipe in ours.values():
        pipe.read_late()
    train_pipeline(nlp, output, use_gpu=made.use_gpu, device=made.device, saving=saving, resumed=resumed)
    return {name: rows for name, pipe in ours.items() if (rows := pipe.fast_report())}


def _by_whom(made: Resolution) -> str:
    if made.device == "cpu":
        return "the CPU"
    return made.device if made.use_gpu >= 0 else f"{made.device} by torch alone, without CuPy"


def _look_at_score(best: Path) -> None:
    """Warns where nothing was learnt: spaCy's best pipeline is then that of the first evaluation."""
    from cloudner.report.loggers.progress import entity_score

    meta = best / "meta.json"
    f1 = entity_score(srsly.read_json(meta).get("performance", {})) if meta.is_file() else None
    if f1 is not None and f1 < _NOTHING:
        logger.warning(
            "The best F1 on dev is %.1f %%: the pipeline finds hardly anything. Too few steps (training.max_epochs, "
            "min_steps), a learning rate that does not fit the encoder, or labels that are wrong: `cloudner inspect`.",
            100 * f1,
        )


def _calibrate(best: Path) -> dict[str, Any] | None:
    from cloudner.calibration import calibrate

    try:
        return calibrate(best).to_dict()
    except InputError as error:
        logger.warning("Not calibrated: %s", error)
        return None


def _write_meta(folder: Path, run: dict[str, Any]) -> None:
    meta = json.loads((folder / "meta.json").read_text(encoding="utf8"))
    own = meta.setdefault("cloudner", {})
    own.update(hardware=run["hardware"], settings=run["settings"], training_seconds=run["seconds"])
    write_json(folder / "meta.json", meta)


def _values(made: Resolution) -> dict[str, Any]:
    return {name: value for name, value, _ in made.rows}

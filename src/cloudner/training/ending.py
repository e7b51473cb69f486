"""The end of a training: the best pipeline is calibrated, and how it was made is written down."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloudner.atomic import write_json
from cloudner.errors import ConfigError, InputError
from cloudner.json_files import object_of
from cloudner.training.output_folder import BEST, LAST
from cloudner.training.provenance import provenance
from cloudner.training.resolution import Resolution
from cloudner.training.resume import Begun

if TYPE_CHECKING:
    from cloudner.model.decoding.evidence import Evidence

logger = logging.getLogger("cloudner")

# Guesses of a fresh head reach some per cent.
_NOTHING = 0.05


def end(
    output: Path,
    begun: Begun,
    seconds: float,
    fast: dict[str, list[dict[str, Any]]],
    learnt: Sequence[str],
    calibrate: bool,
    scores: Evidence | None = None,
) -> None:
    """Calibrate the best pipeline, and write run.json and, into the pipelines, what is known of their making. fast: by
    component which fast paths were tried. learnt: our components that were trained, which are calibrated. scores: of the best
    pipeline on dev; without them it is loaded and predicts."""
    from cloudner.model.device import computing_on
    from cloudner.report.card import write_card

    made, resumed, best = begun.made, begun.resumed, output / BEST
    seconds += resumed.loop["progress"]["seconds"] if resumed else 0.0
    _look_at_score(best)
    run: dict[str, Any] = {"seconds": round(seconds, 1), "hardware": made.hardware, "settings": _values(made)}
    run |= provenance(begun.asked, made.config)
    if resumed is not None:
        run["resumed_from_step"] = resumed.step + 1
    if fast:
        run["fast"] = fast
    if calibrate and learnt:
        with computing_on(made.device):
            run["calibration"] = _calibrate(best, learnt, scores)
    write_json(output / "run.json", run)
    for folder in (best, output / LAST) if calibrate else ():
        if (folder / "meta.json").is_file():
            _write_meta(folder, run)
            write_card(folder)


def _look_at_score(best: Path) -> None:
    """Warns where nothing was learnt: spaCy's best pipeline is then that of the first evaluation."""
    from cloudner.report.loggers.progress import entity_score, score_prefix

    meta = best / "meta.json"
    known = object_of(meta).get("performance", {}) if meta.is_file() else {}
    f1 = entity_score(known)
    if f1 is None or f1 >= _NOTHING:
        return
    per_label = f"{score_prefix(known)}_per_type"
    if (
        per_label in known and not known[per_label]
    ):  # spaCy has a row for each label that is annotated or found
        logger.warning(
            "No entity is annotated in the dev data: there is no F1 by which model-best could be chosen."
        )
    else:
        logger.warning(
            "The best F1 on dev is %.1f %%: the pipeline finds hardly anything. Too few steps or evaluations "
            "(training.max_epochs, min_steps, eval_frequency), a learning rate that does not fit the encoder, or labels that are "
            "wrong: `cloudner inspect`.",
            100 * f1,
        )


def _calibrate(best: Path, names: Sequence[str], scores: Evidence | None) -> dict[str, Any] | None:
    from cloudner.calibration import calibrate_these, calibrate_with

    try:
        if scores is None:
            return calibrate_these(names, best, None).to_dict()
        return calibrate_with(best, names[0], scores).to_dict()
    except (ConfigError, InputError) as error:
        logger.warning("Not calibrated: %s", error)
        return None


def _write_meta(folder: Path, run: dict[str, Any]) -> None:
    meta = json.loads((folder / "meta.json").read_text(encoding="utf8"))
    own = meta.setdefault("cloudner", {})
    own.update(hardware=run["hardware"], settings=run["settings"], training_seconds=run["seconds"])
    write_json(folder / "meta.json", meta)


def _values(made: Resolution) -> dict[str, Any]:
    return {name: value for name, value, _ in made.rows}

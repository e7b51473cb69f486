"""The best pipeline so far, kept beside checkpoints that may outlive the output folder.

    best-00000200/    the files of model-best as the evaluation after that step left it

A checkpoint names the best of its time, with sizes and SHA-256 of the files, and is written after it.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from cloudner.atomic import remove, take_back
from cloudner.training.checkpoints import Checkpoints, Saved, digest
from cloudner.training.output_folder import BEST, copy, put_folder

logger = logging.getLogger("cloudner")

_ASIDE = ".model-best.kept"


def outlive(checkpoints: Checkpoints, output: Path) -> bool:
    """May the checkpoints be there when the output folder is not?"""
    return checkpoints.remote or not Path(checkpoints.where).resolve().is_relative_to(output.resolve())


def due_best(checkpoints: Checkpoints, output: Path, results: list[tuple[float, int]]) -> Path | None:
    """A copy of model-best to be kept with the next checkpoint, and then removed; None where it is kept already.

    results: (score, step) of the evaluations; the last of the best has written model-best.
    """
    if not results or not outlive(checkpoints, output):
        return None
    most = max(score for score, _ in results)
    step = max(step for score, step in results if score == most)
    if (checkpoints.best or {}).get("step") == step or not (output / BEST).is_dir():
        return None
    for left in output.glob(f"{_ASIDE}-*"):  # of a kill
        remove(left)
    aside = output / f"{_ASIDE}-{step}"
    put_folder(aside, lambda folder: copy(output / BEST, folder))
    return aside


def store_best(checkpoints: Checkpoints, folder: Path) -> dict[str, Any]:
    """Copy what `due_best` gave to the checkpoints, and remove it; what a checkpoint says of it. Those that no checkpoint
    needs are deleted."""
    step = int(folder.name.rpartition("-")[2])
    filesystem, root = checkpoints.filesystem()
    prune_best(checkpoints, checkpoints.steps())
    files = {}
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        name = path.relative_to(folder).as_posix()
        target = f"{root}/{_name(step)}/{name}"
        filesystem.makedirs(target.rpartition("/")[0], exist_ok=True)
        filesystem.put_file(str(path), target)
        files[name] = {"size": path.stat().st_size, "sha256": digest(path)}
    remove(folder)
    return {"step": step, "files": files}


def fetch_best(saved: Saved, output: Path) -> None:
    """Put the checkpoint's best pipeline into an output folder that has none. Warns where it cannot be had: model-best is
    then the best from here on."""
    best = saved.loop.get("best")
    take_back(output / BEST)
    if not best:
        # A checkpoint below the output folder relies on the pipeline that stands there.
        if not outlive(Checkpoints(saved.where), output) and (output / BEST / "meta.json").is_file():
            return
        results = saved.loop["progress"]["results"]
        if results:
            _forget(saved, max(step for _, step in results), "it does not stand beside the checkpoint")
        return
    if (output / BEST / "meta.json").is_file():
        return
    filesystem, root = Checkpoints(saved.where).filesystem()

    def write(folder: Path) -> None:
        for name, known in best["files"].items():
            target = folder / name
            if not target.resolve().is_relative_to(folder.resolve()):
                raise ValueError(f"{name} leads out of the folder")
            target.parent.mkdir(parents=True, exist_ok=True)
            filesystem.get_file(f"{root}/{_name(best['step'])}/{name}", str(target))
            if target.stat().st_size != known["size"] or digest(target) != known["sha256"]:
                raise ValueError(f"{name} is not what the checkpoint says")

    try:
        put_folder(output / BEST, write)
    except (OSError, ValueError) as error:
        _forget(saved, best["step"], str(error))


def _forget(saved: Saved, step: int, why: str) -> None:
    """No evaluation before counts any more, as none has left a pipeline."""
    saved.loop["progress"]["results"] = []
    if told := (saved.loop.get("logger") or {}).get("run"):
        told["best"] = None
    logger.warning(
        "The best pipeline so far, of step %d, cannot be had from %s (%s): model-best will be the best from here on.",
        step + 1, saved.where, why,
    )  # fmt: skip


def prune_best(checkpoints: Checkpoints, kept: list[int]) -> None:
    """Delete those that no checkpoint of the steps `kept` names: each names the last before it."""
    steps = checkpoints.steps("best-")
    needed = {max((best for best in steps if best <= step), default=-1) for step in kept}
    filesystem, root = checkpoints.filesystem()
    for step in steps:
        if step not in needed:
            filesystem.rm(f"{root}/{_name(step)}", recursive=True)


def _name(step: int) -> str:
    return f"best-{step:08d}"

"""Training and prediction beside transformers' Trainer and pipeline, on the same machine in the same call."""

from __future__ import annotations

import gc
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.command import cores
from benchmarks.gpu.models import subjects
from benchmarks.gpu.pipeline import fast_names, has_fast
from benchmarks.gpu.plan import Settings
from benchmarks.one import result_of
from benchmarks.peers import Job

SENTENCES = 2_400  # of the Trainer: 150 steps of 16, the first twentieth of them warming up
# Ours plans the whole training, as a fast path is chosen by what it saves in it, and is stopped after three buffers.
EPOCHS, STEPS = 3, 192
NAMED = (["graphs"],)  # fast paths that are measured alone too


def train(settings: Settings, put: Callable[[dict[str, Any]], None]) -> None:
    """Each side trains from the same random weights; nothing is scored. What is compared first goes first."""
    kept = settings.folder("models") / "trained"
    first, *others = reversed(fast_names())
    jobs = [(f"cloudner, fast = {first}", _job(settings, "train", "cloudner", fast=first, save=kept))]
    jobs += [(name, _job(settings, "train", name)) for name in ("hf", "hf-grouped")]
    for value in [*others, *(list(names) for names in NAMED if has_fast())]:
        jobs.append((f"cloudner, fast = {value}", _job(settings, "train", "cloudner", fast=value)))
    shutil.rmtree(kept, ignore_errors=True)
    _measure(settings, jobs, put, {})


def predict(settings: Settings, put: Callable[[dict[str, Any]], None]) -> None:
    """Both sides have the same weights and so find the same entities, precision aside."""
    ours, theirs, where = subjects(settings)
    first, *others = reversed(fast_names())
    jobs = [(f"cloudner, fast = {first}", _job(settings, "predict", "cloudner", fast=first, model=ours))]
    jobs.append(("hf-pipeline-16", _job(settings, "predict", "hf-pipeline-16", model=theirs)))
    if settings.cuda:
        half = _job(settings, "predict", "hf-pipeline-16", model=theirs, half=True)
        jobs.append(("hf-pipeline-16, bf16", half))
    for value, name in [
        (first, "cloudner-plain"),
        *((v, "cloudner") for v in others),
        (first, "cloudner-text"),
    ]:
        jobs.append((f"{name}, fast = {value}", _job(settings, "predict", name, fast=value, model=ours)))
    _measure(settings, jobs, put, {"weights": where})


def _job(
    settings: Settings,
    kind: str,
    peer: str,
    *,
    save: Path | None = None,
    model: Path | None = None,
    **options: Any,
) -> Job:
    ours = kind == "train" and peer == "cloudner" and not settings.smoke
    if ours:
        options["stop"] = STEPS
    return Job(
        kind=kind,
        peer=peer,
        encoder=settings.encoder,
        data=settings.data,
        device=settings.device,
        epochs=EPOCHS if ours else 1,
        lr=2e-5,
        threads=cores(),
        train_limit=0 if ours or kind == "predict" else SENTENCES,
        save=str(save or ""),
        model=str(model or ""),
        options=options,
        score=[],
    )


def _measure(
    settings: Settings,
    jobs: list[tuple[str, Job]],
    put: Callable[[dict[str, Any]], None],
    facts: dict[str, Any],
) -> None:
    """One after the other in this process, so that its start is paid once; a side that fails costs itself alone. Memory of
    the host is the highest so far, and so left out."""
    until = time.monotonic() + settings.seconds
    rows: dict[str, Any] = {}
    for name, job in jobs:
        if time.monotonic() > until:
            rows[name] = {"not_measured": "out of time"}
            continue
        _forget(settings)
        began = time.monotonic()
        rows[name] = result_of(job)
        rows[name]["seconds_with_preparation"] = round(time.monotonic() - began, 2)
        rows[name].pop("settings", None)
        rows[name].get("memory", {}).pop("rss", None)
        print(name, rows[name], flush=True)
        put({**facts, "rows": rows, "times_as_fast": ratios(rows)})


def _forget(settings: Settings) -> None:
    """What the side before has left on the device."""
    gc.collect()
    if settings.cuda:
        import torch

        torch.cuda.synchronize()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def ratios(rows: dict[str, Any]) -> dict[str, dict[str, float]]:
    """For each of ours, how many times as many words a second as each other side."""

    def speed(row: dict[str, Any]) -> float:
        return row.get("steady", row).get("words_per_second", 0.0)

    ours = [name for name in rows if name.startswith("cloudner") and speed(rows[name])]
    return {
        name: {other: round(speed(rows[name]) / speed(row), 2) for other, row in rows.items() if speed(row)}
        for name in ours
    }

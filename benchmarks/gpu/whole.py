"""From the command to the saved pipeline: three epochs on data as large as CoNLL-2003's, and where the time goes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.data import ROOT, read_folder, write_docbin
from benchmarks.gpu.clocks import STARTED
from benchmarks.gpu.plan import Settings
from benchmarks.gpu.record import last_lines, read_json

EPOCHS = 3


def run(settings: Settings, put: Callable[[dict[str, Any]], None]) -> None:
    folder = settings.folder("whole")
    output, clocks, log = folder / "training", folder / "clocks.json", folder / "command.log"
    shutil.rmtree(output, ignore_errors=True)
    clocks.unlink(missing_ok=True)
    sentences = read_folder(Path(settings.data))
    for split in ("train", "dev"):
        write_docbin(folder / f"{split}.spacy", sentences[split])
    epochs = 1 if settings.smoke else EPOCHS
    facts = {"epochs": epochs, "sentences": len(sentences["train"]), "dev_sentences": len(sentences["dev"])}
    command = [
        sys.executable, "-m", "benchmarks.gpu.clocks", str(clocks), "train", "configs/gpu.cfg",
        "--output", str(output), "--paths.train", str(folder / "train.spacy"),
        "--paths.dev", str(folder / "dev.spacy"), "--components.cloudner.model.encoder", settings.encoder,
        "--training.max_epochs", str(epochs), "--gpu-id", settings.gpu_id,
    ]  # fmt: skip
    began = time.monotonic()
    with open(log, "wb") as stream:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env=os.environ | {STARTED: str(time.time())},
        )
    while process.poll() is None:
        time.sleep(0.05)
        if clocks.is_file() and int(time.monotonic() - began) % 3 == 0:
            put({**facts, "so_far": read_json(clocks)})  # what is known, should the time run out
    seconds = time.monotonic() - began
    made = {**facts, "exit_code": process.returncode, "seconds_command": round(seconds, 2)}
    if found := read_json(clocks):
        made |= apart(found, seconds)
    made["console_tail"] = last_lines(log, 30)
    if not process.returncode:
        done = read_json(output / "run.json") or {}
        meta = read_json(output / "model-best" / "meta.json") or {}
        made["run"] = {name: value for name, value in done.items() if name != "hardware"}
        made["dev_f1"] = meta.get("performance", {}).get("ents_f")
    put(made)
    print(log.read_text(encoding="utf-8", errors="replace"))
    if process.returncode:
        raise SystemExit(f"the command ended with {process.returncode}: {made['console_tail'][-1:]}")


def apart(found: dict[str, Any], seconds: float) -> dict[str, Any]:
    """The clocks' seconds, steps with what was waited for after them; `rest` is what no clock was around: reading and
    batching the corpus, the console, the model card, the end of the process."""
    parts = dict(found["seconds"])
    steps = parts.pop("steps", 0.0) + parts.pop("steps, waited for", 0.0)
    parts["steps"] = round(steps, 3)
    parts["rest"] = round(seconds - sum(parts.values()), 3)
    return {
        "parts": parts,
        "steps_alone": round(steps, 2),
        "calls": found["calls"],
        "step_ms": found.get("step_ms"),
    }

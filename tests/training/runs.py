"""Trainings in processes of their own, to be compared byte by byte or killed. With a `Fresh` they need not import torch."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import spacy
from spacy.tokens import Doc, DocBin

import spans
import tiny
from fresh import Fresh, environment, hears_interrupts

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


def write_corpus(folder: Path, copies: int = 12) -> None:
    blank = spacy.blank("en")
    names = ["Marie Curie", "Ada Lovelace", "Angela Merkel", "Charles Babbage"]
    data = list(tiny.DATA)
    for i in range(copies):
        name = names[i % 4]
        text = f"In {1800 + i} {name} lived in Paris."
        data.append((text, [(8, 8 + len(name), "PER"), (len(text) - 6, len(text) - 1, "LOC")]))
    _write(folder, [eg.reference for eg in tiny.make_examples(blank, data)])


def write_nested(folder: Path) -> None:
    """Documents with spans that nest, for `spans.cfg`; no two have equal texts."""
    texts = [(f"In {1800 + i} {text}", [(s + 2, e + 2, label) for s, e, label in there])
             for i in range(4) for text, there in spans.NESTED]  # fmt: skip
    _write(folder, [eg.reference for eg in spans.gold(spacy.blank("en"), texts)])


def _write(folder: Path, docs: list[Doc]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    DocBin(docs=docs).to_disk(folder / "train.spacy")
    DocBin(docs=docs[::2]).to_disk(folder / "dev.spacy")


def overrides(encoder: Path, steps: int = 41, component: str = "cloudner", **more: object) -> list[str]:
    values: dict[str, object] = {
        "paths.train": "corpus/train.spacy",
        "paths.dev": "corpus/dev.spacy",
        f"components.{component}.model.encoder": str(encoder),
        f"components.{component}.model.mixed_precision": "fp32",
        f"components.{component}.model.dropout": 0.1,
        "training.max_epochs": 0,
        "training.max_steps": steps - 1,
        "training.eval_frequency": 10,
        "training.batcher.batch_size": 3,
        "training.optimizer.learn_rate.total_steps": steps,
        "training.optimizer.learn_rate.initial_rate": 5e-3,
        **more,
    }
    return [word for key, value in values.items() for word in (f"--{key}", str(value))]


def command(
    folder: Path, encoder: Path, *options: str, steps: int = 41, component: str = "cloudner", **more: object
) -> list[str]:
    config = CONFIGS / ("spans.cfg" if component == "cloudner_spans" else "cpu.cfg")
    return [
        sys.executable, "-m", "spacy", "cloudner", "train", str(config), "--output", "training",
        "--gpu-id", "-1", "--no-calibrate", *options, *overrides(encoder, steps, component, **more),
    ]  # fmt: skip


def run(folder: Path, words: list[str], fresh: Fresh | None = None) -> str:
    if fresh is not None:
        done: Any = fresh.run(*words[1:], cwd=folder)
    else:
        done = subprocess.run(
            words, cwd=folder, env=environment(), capture_output=True, text=True, timeout=300, check=False
        )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout + done.stderr


def start(folder: Path, words: list[str], log: Path, fresh: Fresh | None = None) -> Any:
    """A process that can be asked, told and awaited as a `Popen`; what it says is added to the log."""
    if fresh is not None:
        return fresh.start(words[1:], log, log, folder)
    with open(log, "a", encoding="utf8") as file:
        return subprocess.Popen(
            words, cwd=folder, env=environment(), stdout=file, stderr=file, preexec_fn=hears_interrupts
        )


def killed(
    folder: Path, words: list[str], after_step: int, number: int = signal.SIGKILL, fresh: Fresh | None = None
) -> int:
    """Run until the checkpoint of a step is there, or 60 s are over, and send the signal; the exit code."""
    process = start(folder, words, folder / "killed.log", fresh)
    wanted = folder / "training" / "checkpoints" / f"step-{after_step:08d}" / "state.json"
    until = time.monotonic() + 60
    while process.poll() is None and not wanted.exists() and time.monotonic() < until:
        time.sleep(0.002)
    process.send_signal(number)
    return process.wait()


def files(folder: Path) -> dict[str, bytes]:
    """By name; meta.json with sorted keys, since spaCy writes labels in the order of a set."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            if path.name == "meta.json":
                data = json.dumps(json.loads(data), sort_keys=True).encode()
            found[str(path.relative_to(folder))] = data
    return found


def assert_same(one: Path, other: Path) -> None:
    for name in ("model-best", "model-last"):
        a, b = files(one / "training" / name), files(other / "training" / name)
        assert a.keys() == b.keys()
        differing = [key for key in a if a[key] != b[key]]
        assert differing == [], (name, [(a[k][:300], b[k][:300]) for k in differing if k.endswith("json")])

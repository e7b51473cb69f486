"""The parts of the run in order of worth, their shares of the time, and the settings that each of them gets."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

# Of the time given. What a part does not use goes to those after it.
SHARES = {
    "tests": 0.17,
    "job": 0.17,
    "whole": 0.23,
    "train": 0.17,
    "predict": 0.08,
    "memory": 0.06,
    "long": 0.05,
    "profile": 0.07,
}
WHAT = {
    "tests": "pytest -m gpu",
    "job": "cloudner train configs/cpu.cfg on assets/ in fp32, bf16 and fp16, two seeds each: F1 on the test data",
    "whole": "three epochs on data as large as CoNLL-2003's, BERT-base's shape, from command to saved pipeline",
    "train": "training beside the Trainer (recipe, and grouped by length), plain and with each fast path",
    "predict": "prediction beside the pipeline with batches of 16, plain and with the fast paths",
    "memory": "peak memory, predicted and real",
    "long": "FLOP/s on long documents as a share of an 8192-cubed product in bf16",
    "profile": "kernels, launches and host time of training steps and of nlp.pipe",
}

UNTIMED = ("tests", "job")  # at once, before the others


@dataclass
class Settings:
    """What a part is told. Sentences are counted in the synthetic corpus; 0 is all of them.

    encoder: folder of an encoder with random weights, in BERT-base's shape unless told otherwise. encoder_folder: of
    the small pretrained one that configs/cpu.cfg names, where its package is not installed.
    """

    device: str
    smoke: bool
    work: str
    results: str
    encoder: str = ""
    data: str = ""
    encoder_folder: str = ""
    seconds: float = math.inf

    @property
    def cuda(self) -> bool:
        return self.device.startswith("cuda")

    @property
    def gpu_id(self) -> str:
        return self.device.partition(":")[2] or "0" if self.cuda else "-1"

    def folder(self, name: str) -> Path:
        made = Path(self.work) / name
        made.mkdir(parents=True, exist_ok=True)
        return made

    def write(self, path: Path) -> Path:
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")
        return path

    @classmethod
    def read(cls, path: Path) -> Settings:
        return cls(**json.loads(path.read_text(encoding="utf-8")))


def deadlines(parts: Sequence[str], minutes: float) -> dict[str, float]:
    """When each part, in this order, has to be done: a time of `time.monotonic()`."""
    end, total, ends = time.monotonic(), sum(SHARES[part] for part in parts), {}
    for part in parts:
        end += minutes * 60 * SHARES[part] / total if minutes else math.inf
        ends[part] = end
    return ends


def in_order(names: str) -> list[str]:
    """The parts named, in order of worth. Raises SystemExit for a name that is none."""
    wanted = [name for name in names.split(",") if name]
    if unknown := set(wanted) - set(SHARES):
        raise SystemExit(f"--only {','.join(sorted(unknown))}: expected some of {', '.join(SHARES)}")
    return [name for name in SHARES if name in wanted]

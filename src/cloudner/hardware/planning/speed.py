"""How long training takes: floating-point operations over a rate, plus what does not scale with them.

    update = operations / rate + bytes moved / bandwidth + micro-batches * call + parameters * step

Operations per computed word piece (padding included), a multiply-add being two: each weight of a layer takes 2 in the
forward and 4 in the backward pass; attention 4 * length * width forward and twice that backward. Frozen layers have no
backward pass, gradient checkpointing computes the forward pass twice.

`rate` is measured by `cloudner.time_training` where that was done (and contains the bytes moved). Otherwise, for a GPU, it is the
rated dense tensor-core rate (accelerators.json) times `EFFICIENCY`, and what is not a matrix product takes the time
its bytes need at the rated bandwidth; for a CPU it is `CPU_RATE` per core. Those are assumptions, not measurements.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from cloudner.encoders.shape import EncoderShape
from cloudner.hardware.machine.facts import GPU, Hardware
from cloudner.hardware.planning.memory import budget_per_piece, saved_bytes
from cloudner.hardware.planning.stats import CorpusStats

# Share of the rated rate that the matrix products reach, and of the rated bandwidth that the rest does; assumed.
EFFICIENCY, BANDWIDTH_EFFICIENCY = 0.6, 0.7
# Norms, dropout, activations and casts read and write about six times what autograd saves, forward and backward
# together; assumed.
TRAFFIC = 6
# Kernels a layer launches forward and backward (about 25 and 50), at 5 microseconds each; assumed. It bounds small
# batches on fast cards from below.
GPU_CALL_PER_LAYER = 75 * 5e-6
# FLOP/s per core in fine-tuning by instruction set, those with bf16 in bf16; avx2, avx512f and avx512_bf16 as measured on
# 2-core AMD EPYCs (docs/hardware.md), the others assumed from the width of their units.
CPU_RATE = {"amx_bf16": 4e11, "avx512_bf16": 2e11, "avx512f": 6.5e10, "avx2": 5e10, "neon": 3e10}
CPU_STEP_BYTES = 15e9  # bytes/s at which a CPU's AdamW walks through weights, gradients and moments; assumed
STEP_BYTES = 28  # per parameter: reads 16, writes 12
# Tokenising, aligning and batching on the CPU while training; assumed.
HOST_SECONDS_PER_WORD = 8e-6
_DOCS_SAMPLED = 4096
_BUFFER = 64  # batches' worth of documents that the batcher sorts at a time (cloudner.batch_by_pieces.v1)


@dataclass(frozen=True)
class Rate:
    """How fast one device trains. `basis` says where the numbers come from: "measured", "rated" or "assumed"."""

    flops: float  # FLOP/s
    bandwidth: float = float("inf")  # bytes/s
    call: float = 0.0  # seconds per micro-batch, whatever its size
    step: float = 0.0  # seconds per parameter and optimizer step
    basis: str = "assumed"


@dataclass(frozen=True)
class Calibration:
    """Measured rates: FLOP/s of forward and backward, seconds per parameter of an optimizer step."""

    flops: float
    step: float
    device: str
    precision: str
    threads: int
    updates: int  # timed
    pieces: int  # computed in them, padding included
    seconds: float  # of the whole calibration, torch's import aside

    @property
    def rate(self) -> Rate:
        """The same as `speed` wants it; the cost of a call is contained in the rate."""
        return Rate(self.flops, step=self.step, basis="measured")


@dataclass(frozen=True)
class Load:
    """One epoch in numbers: pieces computed (with padding), micro-batches, updates, FLOPs, words, and the bytes
    that operations other than matrix products move on a GPU in half precision."""

    pieces: int
    micro_batches: int
    updates: int
    flops: float
    words: int
    traffic: float = 0.0

    def seconds(self, rate: Rate, trained_parameters: int) -> float:
        """Seconds of training on a device of this rate."""
        return (
            self.flops / rate.flops
            + self.traffic / rate.bandwidth
            + self.micro_batches * rate.call
            + self.updates * trained_parameters * rate.step
            + self.words * HOST_SECONDS_PER_WORD
        )


def flops_per_piece(
    shape: EncoderShape, length: float, *, frozen_layers: int = 0, checkpointing: bool = False
) -> float:
    """FLOPs of training one word piece in a row of `length`; a third of it is the forward pass."""
    frozen = min(frozen_layers, shape.layers)
    live = shape.layers - frozen
    weights = shape.layer_parameters + 2 * shape.hidden * length  # of one layer, attention counted as weights
    passes = (8 if checkpointing else 6) * live + 2 * frozen
    return passes * weights


def epoch_load(
    shape: EncoderShape,
    stats: CorpusStats,
    *,
    batch_pieces: int,
    docs_per_update: int = 16,
    window: int = 512,
    context: int = 64,
    frozen_layers: int = 0,
    checkpointing: bool = False,
    span_labels: int = 0,
) -> Load:
    """One pass over the corpus, extrapolated from a sample of its documents.

    Follows the training: the batcher sorts 64 updates' documents at a time, an update's sequences are sorted and
    cut into micro-batches of at most `batch_pieces` padded pieces. Documents longer than `window` pieces become
    windows that overlap by `context` on either side. `span_labels`: scores of spans count as pieces of a micro-batch, see
    `memory.budget_per_piece`; computing them is not counted.
    """
    count = min(_DOCS_SAMPLED, max(stats.docs, docs_per_update))
    docs = stats.sample(count)
    pieces = micro = updates = 0
    flops = 0.0
    for start in range(0, len(docs), docs_per_update * _BUFFER):
        buffer = sorted(docs[start : start + docs_per_update * _BUFFER])
        for at in range(0, len(buffer), docs_per_update):
            rows = sorted(
                (
                    row
                    for length in buffer[at : at + docs_per_update]
                    for row in windows(length, window, context)
                ),
                reverse=True,
            )
            updates += 1
            while rows:
                counted = int(rows[0] * budget_per_piece(rows[0], span_labels))
                fits = max(1, batch_pieces // max(1, counted))
                batch, rows = rows[:fits], rows[fits:]
                padded = len(batch) * batch[0]
                pieces += padded
                micro += 1
                flops += padded * flops_per_piece(
                    shape, batch[0], frozen_layers=frozen_layers, checkpointing=checkpointing
                )
    scale = stats.docs / count
    return Load(
        round(pieces * scale),
        max(1, round(micro * scale)),
        max(1, round(updates * scale)),
        flops * scale,
        stats.words,
        pieces * scale * shape.layers * saved_bytes(shape, half=True) * TRAFFIC,
    )


def windows(length: int, window: int, context: int) -> list[int]:
    """Lengths of the rows that a document of `length` pieces becomes."""
    if length <= window:
        return [length]
    stride = max(1, window - 2 * context)
    rows = -(-(length - 2 * context) // stride)
    return [window] * (rows - 1) + [min(window, length - (rows - 1) * stride)]


@lru_cache(maxsize=1)
def _table() -> dict[str, Any]:
    text = (Path(__file__).parent / "accelerators.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def accelerators() -> tuple[dict[str, Any], ...]:
    """The cloud GPUs of a plan: rated rates, memory, compute capability, names elsewhere, source."""
    return tuple(_table()["cloud"])


# Sisters of a card have its name and a word more: "RTX 3090 Ti", "RTX 4090 D", "RTX 4090 Laptop GPU", "H20-3e".
NO_SISTER = r"(?![a-z0-9])(?![ -](?:ti|super|d|laptop|3e)\b)"


def accelerator_of(gpu: GPU) -> dict[str, Any] | None:
    """The row of the table (a cloud GPU or another known card) that a detected card is, or None."""
    kind = gpu.kind.lower()
    matches = [
        (len(part), row)
        for row in (*_table()["cloud"], *_table()["others"])
        for part in row["match"]
        if re.match(re.escape(part.lower()) + NO_SISTER, kind)
    ]
    # the longest name wins: an "H100 PCIe" is not the "H100" of a server board
    return max(matches, key=lambda match: match[0], default=(0, None))[1]


def rated(gpu: GPU, shape: EncoderShape, precision: str) -> Rate:
    """The rate of a GPU from its rated numbers; for a card outside the table from its generation (assumed)."""
    row = accelerator_of(gpu)
    call = GPU_CALL_PER_LAYER * shape.layers
    if row is None:
        generation = (gpu.compute_capability or (7, 0))[0]
        half = {6: 10e12, 7: 40e12, 8: 80e12, 9: 400e12}.get(generation, 100e12)
        flops = half if precision != "fp32" else half / 4
        return Rate(flops * EFFICIENCY, 300e9, call, STEP_BYTES / 300e9, "assumed")
    flops = row["half" if precision != "fp32" else "fp32"] * 1e12
    bandwidth = row["bandwidth"] * 1e9 * BANDWIDTH_EFFICIENCY
    return Rate(flops * EFFICIENCY, bandwidth, call, STEP_BYTES / bandwidth, "rated")


def cpu_rate(machine: Hardware, precision: str) -> Rate:
    """The assumed rate of a CPU, by instruction set and usable cores."""
    flags = [flag for flag in CPU_RATE if flag in machine.cpu_flags]
    if precision == "fp32":
        flags = [flag for flag in flags if "bf16" not in flag]
    each = CPU_RATE[flags[0]] if flags else 1e10
    return Rate(each * max(1.0, machine.cpus), step=STEP_BYTES / CPU_STEP_BYTES, basis="assumed")

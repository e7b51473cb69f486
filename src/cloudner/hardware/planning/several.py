"""What several GPUs gain: 1, 2, 4 and 8 in a machine, and two machines of 8.

    step of n = its part of the arithmetic + launches + AdamW + all-reduce of the gradients

Each GPU computes its part of the batch, launches at least one micro-batch and steps all weights. The gradients, 4 bytes a
parameter, are summed after the backward pass: 2 (n - 1) / n of them cross the slowest link of a GPU, and between machines
all of them cross the network. Nothing here has been measured on several GPUs.
"""

from __future__ import annotations

from dataclasses import dataclass

from cloudner.hardware.planning.speed import HOST_SECONDS_PER_WORD, Load, Rate

COUNTS = ((1, 1), (1, 2), (1, 4), (1, 8), (2, 8))  # machines, GPUs in each
# GB/s of an all-reduce within a machine, as nccl-tests count them (busbw), by the beginning of a GPU's name: NVLink with a
# switch, else PCIe. And between machines: 100 Gb/s, less a tenth. Assumed.
BUS = {"A100": 230.0, "H100": 360.0, "H200": 360.0, "B200": 700.0}
PCIE, NETWORK = 12.0, 11.0
# Of the host's work on a word, what every process does for all of a batch: cutting and sharing out batches took 1 of the
# 8 microseconds (`cloudner.training.ranks.share.mine` after `batch_by_pieces`, one core of a 2-core Intel Xeon).
FOR_ALL = 1 / 8


@dataclass(frozen=True)
class Several:
    """One number of GPUs. Minutes of the whole training at the same batch, and at one as many times as large
    (`--scale-batch`: fewer steps, each GPU with a whole batch); and how many times faster than one GPU each is.
    cost: at the same batch, with so many times the price."""

    machines: int
    gpus: int  # in each machine
    minutes_total: float
    minutes_scaled: float
    speedup: float
    speedup_scaled: float
    all_reduce_ms: float
    cost: float | None

    @property
    def name(self) -> str:
        return f"{self.machines} x {self.gpus}" if self.machines > 1 else str(self.gpus)


def all_reduce_seconds(parameters: int, machines: int, gpus: int, name: str) -> float:
    """Of the gradients of a step, in fp32."""
    size = 4e-9 * parameters
    bus = next((speed for start, speed in BUS.items() if name.startswith(start)), PCIE)
    within = 2 * (gpus - 1) / gpus * size / bus
    return within + (2 * (machines - 1) / machines * size / NETWORK if machines > 1 else 0.0)


def several(
    name: str,
    load: Load,
    rate: Rate,
    parameters: int,
    epochs: float,
    minutes_total: float,
    cost: float | None,
) -> tuple[Several, ...]:
    """For a cloud GPU: load and rate of an epoch on one, which with its evaluations takes `minutes_total` and costs
    `cost`."""

    def minutes(machines: int, gpus: int, *, scaled: bool) -> float:
        n = machines * gpus
        updates = load.updates / n if scaled else load.updates
        calls = max(load.micro_batches / n, updates)
        seconds = load.flops / n / rate.flops + load.traffic / n / rate.bandwidth + calls * rate.call
        seconds += updates * (parameters * rate.step + all_reduce_seconds(parameters, machines, gpus, name))
        host = load.words * HOST_SECONDS_PER_WORD * (FOR_ALL + (1 - FOR_ALL) / n)
        return (seconds + host) * epochs / 60

    rest = minutes_total - minutes(1, 1, scaled=False)  # evaluations, of which each GPU predicts its part
    rows = []
    for machines, gpus in COUNTS:
        n = machines * gpus
        same, scaled = (minutes(machines, gpus, scaled=each) + rest / n for each in (False, True))
        rows.append(
            Several(
                machines=machines,
                gpus=gpus,
                minutes_total=same,
                minutes_scaled=scaled,
                speedup=minutes_total / same,
                speedup_scaled=minutes_total / scaled,
                all_reduce_ms=1e3 * all_reduce_seconds(parameters, machines, gpus, name),
                cost=cost * n * same / minutes_total if cost is not None else None,
            )
        )
    return tuple(rows)


# A doubling that makes training less than so many times as fast costs a third more, or worse.
_WORTH = 1.5


def worth(rows: tuple[Several, ...]) -> int:
    """The most GPUs of one machine of which each doubling is worth its price, at the same batch; 1 where none is, or nothing
    was computed."""
    found, before = 1, 1.0
    for row in (row for row in rows if row.machines == 1 and row.gpus > 1):
        if row.speedup < _WORTH * before:
            break
        found, before = row.gpus, row.speedup
    return found


def advice(rows: tuple[Several, ...], name: str, docs_per_update: int) -> list[str]:
    """What the rows say, one line each."""
    lines = []
    best = max((row for row in rows if row.machines == 1), key=lambda row: row.speedup)
    if best.speedup < _WORTH:
        lines.append(
            f"several {name} gain nothing at {docs_per_update} documents a step: launches, sums and the host take the time; "
            "--batch-size, or `cloudner train --scale-batch`, whose scores must be compared"
        )
    one, two = rows[-2], rows[-1]
    if two.minutes_total >= one.minutes_total:
        lines.append(f"two machines are slower than one: {two.all_reduce_ms:.0f} ms a step over the network")
    return lines

"""Steps of a training over several processes: the part that is on the device, in a group of one.

PYTHONPATH=tests:src python -m device.runs.ranks
"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import torch

import tiny
from cloudner.model.ranks.group import Ranks, join
from device.runs.common import device, encoder, run, shim_of, told

STEPS = 4


class ThroughTheHost(Ranks):
    """NCCL's part is done by gloo on a copy: the stand-in has no NCCL. `sums` counts what is summed."""

    sums = 0

    def sum(self, buffer: torch.Tensor, *, exact: bool = False) -> None:
        copied = buffer.cpu()
        super().sum(copied, exact=exact)
        buffer.copy_(copied)
        self.sums += 1


def alone() -> ThroughTheHost:
    with tempfile.TemporaryDirectory() as folder:
        store = torch.distributed.FileStore(str(Path(folder) / "store"), 1)
        join(0, 1, 0, "cpu", store=store)
    return ThroughTheHost(0, 1, 0, "cuda:0")


def steps(precision: str) -> dict[str, Any]:
    """The same steps with and without the group; the third of the group's is watched."""
    plain, grouped = (
        tiny.make_nlp(encoder("bert"), device="cuda", mixed_precision=precision) for _ in range(2)
    )
    for nlp in (plain, grouped):
        nlp.get_pipe("cloudner").read_late()
    ranks = ThroughTheHost(0, 1, 0, "cuda:0") if torch.distributed.is_initialized() else alone()
    grouped.get_pipe("cloudner").join(ranks)
    losses: list[dict[str, float]] = [{}, {}]
    optimizers = tiny.adamw(1e-3), tiny.adamw(1e-3)

    def step() -> None:
        ranks.begin(1, losses[1])
        grouped.update(tiny.make_examples(grouped), sgd=False, losses=losses[1])
        ranks.part += 1
        ranks.exchange()
        grouped.get_pipe("cloudner").finish_update(optimizers[1])

    waits: list[Any] = []
    for number in range(STEPS):
        plain.update(tiny.make_examples(plain), sgd=optimizers[0], losses=losses[0])
        with device.watch() as watched:
            step()
        if number == 2:
            waits = told(watched.waits)
    for nlp in (plain, grouped):
        shim_of(nlp).settle()
    plain_weights, weights = (
        {k: v.detach().float().cpu().numpy() for k, v in shim_of(nlp).network.state_dict().items()}
        for nlp in (plain, grouped)
    )
    return {
        "losses": [float(each["cloudner"]) for each in losses],
        "difference": tiny.largest_difference(plain_weights, weights),
        "norms": [shim_of(nlp).grad_norm for nlp in (plain, grouped)],
        "waits": waits,
        "sums": ranks.sums / STEPS,
    }


if __name__ == "__main__":
    run({precision: partial(steps, precision) for precision in ("fp32", "bf16", "fp16")})

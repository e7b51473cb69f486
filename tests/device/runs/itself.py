"""The device itself: what it counts, where it waits, what it refuses, and that it computes right."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch

from device.runs.common import device, run

CUDA = torch.device("cuda")


def waits_of(work: Callable[[], Any]) -> dict[str, Any]:
    with device.watch() as seen:
        work()
    return {"waits": [wait.kind for wait in seen.waits]}


def copies() -> dict[str, Any]:
    """What the host finds in pinned memory before and after the event behind a copy to it."""
    values = torch.arange(4.0).to(CUDA)
    first, second = torch.empty(4, pin_memory=True), torch.empty(4, pin_memory=True)
    first.copy_(values, non_blocking=True)
    event = torch.cuda.current_stream().record_event()
    values.add_(1)  # later in the queue: the copy has what was there
    second.copy_(values, non_blocking=True)
    early = first.isnan().all().item()
    event.synchronize()
    late = second.isnan().all().item()
    torch.cuda.synchronize()
    return {"early": early, "first": first.tolist(), "second too early": late, "second": second.tolist()}


def launches() -> dict[str, Any]:
    a = torch.ones(3, 4).to(CUDA)
    with device.watch() as seen:
        b = a.transpose(0, 1)[1:].reshape(9)
        c = b.bfloat16()
        torch._foreach_add_([c, b], 1)
    return {"launches": seen.launches}


def memory() -> dict[str, Any]:
    before = device.used()
    a = torch.zeros(1000, device=CUDA)
    taken = device.used() - before
    b = a + a
    twice = device.used() - before
    del a, b
    refused = []
    with device.room(3000):
        for work in (lambda: torch.zeros(1000, device=CUDA), lambda: torch.ones(2000, 2).to(CUDA)):
            try:
                work()
            except torch.OutOfMemoryError as error:
                refused.append(str(error))
    return {"taken": taken, "twice": twice, "left": device.used() - before, "refused": refused}


def failures() -> dict[str, Any]:
    a = torch.ones(200, 200).to(CUDA)
    found = {}
    works = {"memory": lambda: a + a, "cublas": lambda: a @ a, "pinned": lambda: torch.ones(3).pin_memory()}
    for kind, work in works.items():
        with device.failing(kind, 1):
            work()  # the first does not fail
            try:
                work()
            except RuntimeError as error:
                found[kind] = [type(error).__name__, str(error).splitlines()[0]]
            work()  # nor does the third
    return found


def placement() -> dict[str, Any]:
    try:
        torch.ones(3).to(CUDA) + torch.ones(3)
    except RuntimeError as error:
        mixed = str(error)
    return {"mixed": mixed, "scalar": (torch.ones(3).to(CUDA) * torch.tensor(2.0)).cpu().tolist()}


def gradients() -> dict[str, Any]:
    """A small network, forward and backward on both: the largest difference, by number format."""
    found = {}
    for dtype in (torch.float32, torch.bfloat16, torch.float16):
        results = []
        for where in ("cpu", "cuda"):
            torch.manual_seed(0)
            network = torch.nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True).to(where)
            x = torch.randn(3, 5, 16).to(where)
            with torch.autocast(where, dtype=dtype, enabled=dtype != torch.float32):
                loss = torch.nn.functional.cross_entropy(
                    network(x).flatten(0, 1).float(), torch.arange(15).to(where)
                )
            loss.backward()
            results.append([loss.detach().cpu(), *(p.grad.cpu() for p in network.parameters())])
        found[str(dtype)] = max(float((a - b).abs().max()) for a, b in zip(*results, strict=True))
    return found


def deep_copy() -> dict[str, Any]:
    network = torch.nn.BatchNorm1d(3).to(CUDA)  # parameters and buffers
    made = copy.deepcopy(network)
    network.weight.data.add_(1)
    network.running_mean.add_(1)
    return {"weight": made.weight.cpu().tolist(), "buffer": made.running_mean.cpu().tolist()}


def wait_cases() -> dict[str, Callable[[], dict[str, Any]]]:
    a = torch.arange(6.0).to(CUDA)
    pinned = torch.ones(6).pin_memory()
    counts = torch.tensor([1, 2, 3]).to(CUDA)
    host = torch.empty(6, pin_memory=True)
    works: dict[str, Callable[[], Any]] = {
        "item": lambda: a.sum().item(),
        "if": lambda: bool((a > 2).any()),
        "cpu": lambda: a.cpu(),
        "from host": lambda: torch.ones(3).to(CUDA),
        "tensor made there": lambda: torch.tensor([1.0, 2.0], device=CUDA),
        "from pinned": lambda: pinned.to(CUDA, non_blocking=True),
        "to pinned": lambda: host.copy_(a, non_blocking=True),
        "not pinned": lambda: torch.ones(3).to(CUDA, non_blocking=True),
        "mask": lambda: a[a > 2],
        "filled by mask": lambda: a.clone().masked_fill_(a > 2, 0.0),
        "written by mask": lambda: a.clone().__setitem__(a > 2, a[:3]),
        "index of the host": lambda: a[torch.tensor([0, 1])],
        "repeated": lambda: torch.repeat_interleave(counts, counts),
        "repeated, size known": lambda: torch.repeat_interleave(counts, counts, output_size=6),
        "unique": lambda: counts.unique(),
        "computed": lambda: (a * 2 + 1).softmax(0),
        "filled": lambda: torch.full((3,), 2.0, device=CUDA),
        "event": lambda: torch.cuda.current_stream().record_event().synchronize(),
        "device": lambda: torch.cuda.synchronize(),
    }
    return {f"waits: {name}": (lambda work=work: waits_of(work)) for name, work in works.items()}


if __name__ == "__main__":
    run(
        {
            "copies": copies,
            "launches": launches,
            "memory": memory,
            "failures": failures,
            "placement": placement,
            "gradients": gradients,
            "deep copy": deep_copy,
            **wait_cases(),
        }
    )

"""Checkpoints of a training over several processes: the first writes and reads, the others hand in what only they have."""

from __future__ import annotations

import json
from typing import Any

import torch

from cloudner.model.ranks.group import Ranks
from cloudner.training.checkpoints import Saved
from cloudner.training.state import Tensors, collect, torch_random


def collect_all(nlp: Any, optimizer: Any, device: str, ranks: Ranks) -> tuple[Tensors, dict[str, Any]] | None:
    """What `collect` returns, with torch's random numbers and the budgets of micro-batches of every process
    ("random-1/torch", facts["ranks"]); None in all but the first."""
    from safetensors.torch import load, save

    for reduction in ranks.reductions:
        reduction.shim.settle()  # in all: a step that failed is everybody's
    own = save(torch_random(device), metadata={"shrunk": json.dumps(_shrunk(ranks))})
    every = ranks.gather(own)
    if not ranks.first:
        return None
    tensors, facts = collect(nlp, optimizer, device)
    facts["ranks"] = [json.loads(_metadata(data)["shrunk"]) for data in every]
    for rank, data in enumerate(every[1:], start=1):
        tensors |= {f"random-{rank}/{key}": value for key, value in load(data).items()}
    return tensors, facts


def of_rank(saved: Saved, ranks: Ranks, seed: int) -> Saved:
    """The checkpoint as this process goes on from it. One that the checkpoint does not know draws new random numbers."""
    facts, tensors = saved.loop["facts"], dict(saved.tensors)
    known = facts.get("ranks") or [{}]
    if ranks.first:
        return saved
    for key in [key for key in tensors if key.startswith("random/")]:
        del tensors[key]
    start = f"random-{ranks.rank}/"
    own = {key[len(start) :]: value for key, value in tensors.items() if key.startswith(start)}
    if not own:
        torch.manual_seed(rank_seed(seed + saved.step + 1, ranks.rank))
        own = torch_random(ranks.device)
    tensors |= {f"random/{key}": value for key, value in own.items()}
    if ranks.rank < len(known):
        for name, shrunk in known[ranks.rank].items():
            facts["pipes"][name]["shrunk"] = shrunk
    return Saved(saved.step, tensors, saved.loop, saved.asked)


def rank_seed(seed: int, rank: int) -> int:
    """Of torch's random numbers: dropout of one process is not another's."""
    return seed * 1000 + rank


def sent(saved: Saved | None, ranks: Ranks) -> Saved | None:
    """The first process's checkpoint in all of them, over the connection: another machine may have no way to the files."""
    from safetensors.torch import load, save

    described = ranks.from_first(
        lambda: None if saved is None else {"step": saved.step, "loop": saved.loop, "asked": saved.asked}
    )
    if described is None:
        return None
    data = ranks.broadcast(save(saved.tensors) if saved is not None else b"")
    if saved is not None:
        return saved
    return Saved(described["step"], load(data), described["loop"], described["asked"])


def _shrunk(ranks: Ranks) -> dict[str, dict[str, int]]:
    return {r.name: dict(getattr(r.shim.runner, "shrunk", {})) for r in ranks.reductions}


def _metadata(data: bytes) -> dict[str, str]:
    """Of a safetensors file: its header is JSON, after eight bytes of length."""
    size = int.from_bytes(data[:8], "little")
    return dict(json.loads(data[8 : 8 + size])["__metadata__"])

"""The beginning of a training over several processes: all have the same weights and batches, and dropout of their own."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable
from typing import Any

import torch

from cloudner.component import Cloudner
from cloudner.errors import ConfigError
from cloudner.model.ranks.group import Ranks
from cloudner.training.checkpoints import Saved
from cloudner.training.ranks.state import of_rank, rank_seed, sent
from cloudner.training.resolution import owners, resolve_again
from cloudner.training.resume import Begun, kept_settings
from cloudner.training.step import trained


def begin_together(ranks: Ranks, make: Callable[[str], Begun]) -> Begun:
    """What the first process has decided, in all of them. make: decides, for a GPU's number or "-1"."""
    gpu = "-1" if ranks.device == "cpu" else ranks.device.partition(":")[2]
    begun: Begun | None = None

    def decided() -> dict[str, Any]:
        nonlocal begun
        begun = make(gpu)
        return {"asked": begun.asked, "made": kept_settings(begun.made)}

    told = ranks.from_first(decided)
    resumed = sent(begun.resumed if begun is not None else None, ranks)
    if begun is not None:
        return begun
    return Begun(told["asked"], resolve_again(told["made"], gpu_id=gpu, ranks=ranks.size), resumed)


def number_format(name: str) -> torch.dtype:
    """Of `reduce_in`. Raises ConfigError."""
    formats = {"fp32": torch.float32, "bf16": torch.bfloat16}
    if name not in formats:
        raise ConfigError(f"--reduce-in {name}", expected="fp32 or bf16")
    return formats[name]


def download_once(plain: Any, ranks: Ranks) -> None:
    """An encoder of the hub: one process of each machine downloads it while the others wait."""
    from cloudner.encoders.folders import local_folder
    from cloudner.model.network.encoder import load_pretrained

    for name in owners(plain):
        encoder = plain["components"][name]["model"]["encoder"]
        if local_folder(encoder) is None:
            if ranks.local_rank == 0:
                load_pretrained(encoder)
            ranks.wait()


def begin(nlp: Any, settings: Any, ranks: Ranks, resumed: Saved | None) -> Saved | None:
    """Connect the components, share weights and seeds. Returns the checkpoint as this process goes on from it.

    Raises ConfigError where a component is trained that takes its steps for itself, and RankError where the processes
    have not read the same.
    """
    from thinc.api import fix_random_seed

    for name, pipe in trained(nlp):
        if name in settings["frozen_components"]:
            continue
        if not isinstance(pipe, Cloudner) or pipe.model.has_ref("tok2vec"):
            raise ConfigError(
                f"the component {name!r} cannot be trained over several processes",
                expected="components `cloudner` with an encoder of their own (cloudner.TransformerNER.v1)",
                fix=f'training.frozen_components = ["{name}"], or one process',
            )
        ranks.same(_sum(pipe.labels), f"the labels of {name!r}")
        pipe.join(ranks)
    if not ranks.reductions:
        raise ConfigError("no component is trained", expected="a component `cloudner` that is not frozen")
    for reduction in ranks.reductions:
        reduction.share_weights()
    seed = settings["seed"]
    if seed is None:
        seed = ranks.from_first(lambda: random.randrange(1 << 31))
        fix_random_seed(seed)
    torch.manual_seed(rank_seed(seed, ranks.rank))
    return of_rank(resumed, ranks, seed) if resumed is not None else None


def _sum(labels: tuple[str, ...]) -> int:
    return zlib.crc32("\0".join(labels).encode())

"""Two real processes that train together: forks of this one, which meet over gloo."""

from __future__ import annotations

import json
import os
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

SECONDS = 60


def pair(function: Callable[..., Any], folder: Path, *arguments: Any) -> list[Any]:
    """`function(ranks, *arguments)` in two processes; what it returned in each, as JSON. Fails with the traceback of the
    one that raises, and where they have not ended within a minute: they hang."""
    folder.mkdir(parents=True, exist_ok=True)
    processes = [_fork(function, folder, rank, arguments) for rank in range(2)]
    until = time.monotonic() + SECONDS
    left = dict(enumerate(processes))
    while left and time.monotonic() < until:
        left = {rank: pid for rank, pid in left.items() if os.waitpid(pid, os.WNOHANG)[0] == 0}
        time.sleep(0.002)
    for pid in left.values():
        os.kill(pid, 9)
        os.waitpid(pid, 0)
    found = [
        json.loads((folder / f"{rank}.json").read_text()) if rank not in left else {"raised": "hangs"}
        for rank in range(2)
    ]
    assert [each.get("raised") for each in found] == [None, None], "\n".join(
        str(e.get("raised")) for e in found
    )
    return [each["returned"] for each in found]


def _fork(function: Callable[..., Any], folder: Path, rank: int, arguments: tuple[Any, ...]) -> int:
    pid = os.fork()
    if pid:
        return pid
    answer: dict[str, Any] = {}
    try:
        from cloudner.model.ranks.group import join

        ranks = join(rank, 2, rank, "cpu", store=torch.distributed.FileStore(str(folder / "store"), 2))
        answer["returned"] = function(ranks, *arguments)
    except BaseException:
        answer["raised"] = f"process {rank}:\n{traceback.format_exc()}"
    finally:
        (folder / f"{rank}.json").write_text(json.dumps(answer))
        os._exit(0)  # nothing of the test session is to end twice

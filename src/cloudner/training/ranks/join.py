"""Joining the other processes of a training, where a launcher has started this one beside them (torchrun's contract)."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cloudner.errors import ConfigError, NonFiniteLossError, RankError
from cloudner.orphans import end_with_parent

if TYPE_CHECKING:
    from cloudner.model.ranks.group import Ranks

# The number of the process that started this one, if it was `launch`: it may have ended while this one imported torch.
LAUNCHER = "CLOUDNER_LAUNCHER"
_NEEDED = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


def in_company(environment: Mapping[str, str]) -> bool:
    """Has a launcher started this process as one of several?"""
    size = environment.get("WORLD_SIZE", "")
    return size.isdigit() and int(size) > 1 and all(name in environment for name in _NEEDED)


def speaks(environment: Mapping[str, str] = os.environ) -> bool:
    """Is it this process that tells the user how it went? Of several it is the first."""
    return not in_company(environment) or environment["RANK"] == "0"


@contextmanager
def joined(gpu_id: str | int) -> Iterator[Ranks | None]:
    """This process among the others, or None where it is alone. All but the first print nothing, and leave to it what all
    of them meet: they end with exit code 1.

    gpu_id: "auto" (each its own GPU, by LOCAL_RANK) or -1. Raises ConfigError for any other and where there are fewer GPUs
    than processes on this machine, DeviceError for one that does not work, RankError where the others do not come.
    """
    if not in_company(os.environ):
        yield None
        return
    from cloudner.model.ranks.group import join
    from cloudner.training.signals import Stopped

    if "TORCHELASTIC_RUN_ID" in os.environ:
        # Without the launcher it would train on and hold the output folder, or wait for the others for ever.
        launcher = os.environ.get(LAUNCHER, "")
        end_with_parent(parent=int(launcher) if launcher.isdecimal() else None)
    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    local = int(os.environ.get("LOCAL_RANK", 0))  # without it: one process a machine
    ranks = join(rank, size, local, _device(gpu_id, local))
    with _quiet(ranks):
        try:
            yield ranks
        except RankError:
            if ranks.first:
                raise
            raise SystemExit(1) from None
        except (NonFiniteLossError, Stopped) as error:  # all raise it, after the same step
            ranks.close()
            if ranks.first or isinstance(error, Stopped):
                raise
            raise SystemExit(1) from None
        ranks.close()


@contextmanager
def _quiet(ranks: Ranks) -> Iterator[None]:
    """All but the first print nothing, and of warnings only those of memory: the others are the first one's too."""
    if ranks.first:
        yield
        return

    def own(record: logging.LogRecord) -> bool:
        record.msg = f"process {ranks.rank}: {record.msg}"
        return record.levelno >= logging.ERROR or "memory" in record.msg

    loggers, stdout = [logging.getLogger(name) for name in ("cloudner", "spacy")], sys.stdout
    with open(os.devnull, "w", encoding="utf8") as nowhere:
        try:
            sys.stdout = nowhere
            for logger in loggers:
                logger.addFilter(own)
            yield
        finally:
            sys.stdout = stdout
            for logger in loggers:
                logger.removeFilter(own)


def _device(gpu_id: str | int, local: int) -> str:
    if str(gpu_id) == "-1":
        return "cpu"
    if str(gpu_id) != "auto":
        raise ConfigError(
            f"--gpu-id {gpu_id} with several processes", expected='"auto", a GPU for each process, or -1'
        )
    import torch

    from cloudner.loading import choose_device
    from cloudner.model.process import expand_segments

    expand_segments()  # before a GPU is woken
    if not torch.cuda.is_available():
        return "cpu"
    count = torch.cuda.device_count()
    if count == 1:  # the launcher shows each process its own GPU alone
        local = 0
    if local >= count:
        raise ConfigError(
            f"process {local} of this machine finds {count} GPUs", expected="one for each process"
        )
    return choose_device(f"cuda:{local}")

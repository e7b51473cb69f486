"""`cloudner train --ranks N`: the same command in N processes of this machine, started by torch.distributed.run."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Sequence

from cloudner.cores import waiting_settings
from cloudner.errors import ConfigError
from cloudner.training.ranks.join import LAUNCHER

# Seconds from SIGTERM to SIGKILL: the step in hand, a checkpoint and model-last are to be written in between.
_SHUTDOWN = 300


def how_many(asked: str, gpu_id: str) -> int:
    """Of `--ranks`: a number, or "gpus", one for each GPU of this machine. Raises ConfigError."""
    import torch

    gpus = torch.cuda.device_count() if gpu_id != "-1" and torch.cuda.is_available() else 0
    if asked == "gpus":
        if not gpus:
            raise ConfigError("--ranks gpus, but torch sees no GPU", fix="--ranks 2 --gpu-id -1")
        return gpus
    if not (asked.isdecimal() and len(asked) < 6 and int(asked) >= 1):
        raise ConfigError(f"--ranks {asked}", expected='a number of processes, or "gpus"')
    if 0 < gpus < int(asked):
        raise ConfigError(
            f"--ranks {asked}, and this machine has {gpus} GPU(s)",
            expected="no more processes than GPUs",
            fix="--ranks gpus, or --gpu-id -1 for the CPU",
        )
    return int(asked)


def launch(words: Sequence[str], ranks: int) -> int:
    """Run `python -m spacy WORDS` in so many processes; the exit code is that of the first that ended badly, else 0."""
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.run import parse_args, run

    _share_cores(ranks)
    os.environ[LAUNCHER] = str(os.getpid())
    for name in ("torch.distributed.elastic", "torch.distributed.run"):  # the processes say what went wrong
        logging.getLogger(name).setLevel(logging.CRITICAL)
    options = ["--standalone", "--nproc-per-node", str(ranks)]
    if _knows_shutdown():
        options += ["--shutdown-timeout", str(_SHUTDOWN)]
    try:
        run(parse_args([*options, "--module", "spacy", *words]))
    except ChildFailedError as error:
        code = int(error.get_first_failure()[1].exitcode)
        return code if code > 0 else 128 - code
    except SignalException as error:
        return 128 + int(error.sigval)
    except KeyboardInterrupt:
        return 128 + int(signal.SIGINT)
    return 0


def _share_cores(ranks: int) -> None:
    """torch.distributed.run gives each process one thread: here they share the cores, unless the user has said otherwise."""
    from cloudner.hardware.machine.cpu import cgroup_folders, cpu_limit, usable_cpus

    if "OMP_NUM_THREADS" not in os.environ:
        cores = int(usable_cpus(cpu_limit(cgroup_folders("cpu"))))
        os.environ["OMP_NUM_THREADS"] = str(max(1, cores // ranks))
    os.environ.update(waiting_settings(os.environ))


def _knows_shutdown() -> bool:
    from torch.distributed.run import get_args_parser

    return any("--shutdown-timeout" in action.option_strings for action in get_args_parser()._actions)

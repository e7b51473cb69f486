"""A SkyPilot task that trains on the machine a plan advises: spot GPU, checkpoints in a bucket."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

from cloudner.atomic import replacing
from cloudner.errors import InputError
from cloudner.hardware.planning.result import Plan
from cloudner.hardware.planning.several import worth
from cloudner.hardware.planning.speed import accelerators

CHECKPOINTS = "/checkpoints"
MIN_DISK_GB = 50  # system, CUDA libraries, a cache of models
# run.json is the last thing that training writes.
FINISHED = """if [ -f "$OUTPUT/run.json" ]; then echo "already trained: $OUTPUT/model-best"; exit 0; fi
"""


def sky_task(
    plan: Plan,
    *,
    machine: str | None = None,
    config: str = "configs/gpu.cfg",
    encoder: str | None = None,
    bucket: str = "cloudner-checkpoints",
    spot: bool = True,
) -> dict[str, Any]:
    """The task as SkyPilot's YAML has it: accelerator, setup, file mounts, run.

    `machine`: a cloud GPU of the plan (default: the recommended one). A plan of several of it asks for as many as are
    worth their price, and trains with a process on each, in batches of the documents that were planned. The current folder travels as the working
    directory. Training writes into `bucket`, mounted at /checkpoints: a job whose spot machine was taken away is started
    again on another one by `sky jobs launch`, and goes on from its last checkpoint. One that is started again after it was
    done stops at once. `encoder`: to train in place of the config's, for a plan of another one.
    Raises `InputError` if the machine is no cloud GPU, or the bucket's name is bad.
    """
    row = accelerator(machine or plan.recommended)
    check_bucket(bucket)
    planned = plan.row(row["name"])
    gpus = worth(plan.several) if plan.several_of == row["name"] else 1
    memory = max(16, -(-plan.encoder.parameters * 16 // 2**30) * 4) * gpus  # each process holds the corpus
    minutes = planned.minutes_total
    own = "" if encoder is None else f" --encoder {shlex.quote(encoder)}"
    if gpus > 1:
        minutes = next(s.minutes_total for s in plan.several if (s.machines, s.gpus) == (1, gpus))
    return {
        "name": "cloudner-train",
        "resources": {
            "accelerators": {row["sky"]: gpus},
            "use_spot": spot,
            "disk_size": MIN_DISK_GB + int(plan.encoder.parameters * 20 // 10**9),
            "memory": f"{memory}+",
        },
        "workdir": ".",
        # cached: plain MOUNT can neither append to the log nor overwrite parts of a file
        "file_mounts": {CHECKPOINTS: {"name": bucket, "mode": "MOUNT_CACHED"}},
        "envs": {"CONFIG": config, "OUTPUT": f"{CHECKPOINTS}/training"},
        "setup": install("quickstart", gpu=True),
        "run": f"set -e\n{FINISHED}"
        ". ~/cloudner-env/bin/activate\n"
        "python -m cloudner doctor\n"
        f'python -m cloudner train "$CONFIG"{own} {_on(gpus, plan)} --output "$OUTPUT" --checkpoint-minutes 5\n'
        f"# planned: {minutes:.0f} minutes\n",
    }


def _on(gpus: int, plan: Plan) -> str:
    """Options of `cloudner train`. Several GPUs are worth it at the batch that the plan is for, which may not be the
    config's."""
    if gpus == 1:
        return "--gpu-id 0"
    return f"--ranks gpus --training.batcher.batch_size {plan.docs_per_update}"


def write_sky(plan: Plan, path: str | Path, **options: Any) -> Path:
    """Write `sky_task` as YAML; `sky jobs launch FILE` starts it. Returns the path."""
    return write_yaml(sky_task(plan, **options), path)


def accelerator(name: str | None) -> dict[str, Any]:
    """The row of a GPU that SkyPilot's clouds have, by name. Raises `InputError` for another."""
    row = next((a for a in accelerators() if name and a["name"].lower() == name.lower()), None)
    if row is None:
        names = ", ".join(a["name"] for a in accelerators())
        raise InputError(f"no cloud GPU called {name!r}", expected=f"one of {names}")
    if row["sky"] is None:
        names = ", ".join(a["name"] for a in accelerators() if a["sky"])
        raise InputError(
            f"SkyPilot's clouds have no {row['name']}", expected=f"one of {names}", fix="--gpu NAME"
        )
    return row


def check_bucket(bucket: str) -> None:
    """Raises `InputError` for a name that no store takes."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", bucket):
        raise InputError(
            f"the bucket name {bucket!r}", expected="3 to 63 lower-case letters, digits and hyphens"
        )


def install(extra: str, *, gpu: bool) -> str:
    """A script that makes the environment ~/cloudner-env with this extra."""
    head = "set -e\npython3 -m venv --system-site-packages ~/cloudner-env\n. ~/cloudner-env/bin/activate\n"
    if not gpu:
        return (
            f"{head}pip install torch --index-url https://download.pytorch.org/whl/cpu\n"
            f'pip install "cloudner[{extra}]"\n'
        )
    return (
        f"{head}# 12 or 13: the CUDA that this image's driver runs decides which torch and cupy are installed\n"
        "major=$(nvidia-smi | sed -n 's/.*CUDA Version: \\([0-9]*\\).*/\\1/p')\n"
        f'if [ "$major" = 12 ]; then pip install "cloudner[cuda12x,{extra}]" "torch<2.11"\n'
        f'else pip install "cloudner[cuda13x,{extra}]"; fi\n'
    )


def write_yaml(task: dict[str, Any], path: str | Path) -> Path:
    """The file, with scripts as blocks of lines, for people to read and change. Returns the path."""
    from srsly.ruamel_yaml import YAML
    from srsly.ruamel_yaml.scalarstring import LiteralScalarString

    task = {**task, **{script: LiteralScalarString(task[script]) for script in ("setup", "run")}}
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as aside, aside.open("w", encoding="utf-8") as file:
        YAML().dump(task, file)
    return path

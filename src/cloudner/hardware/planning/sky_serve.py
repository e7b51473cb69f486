"""A SkyPilot service: replicas of `cloudner serve` behind one address, more of them under load."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cloudner.errors import InputError
from cloudner.hardware.planning.sky import CHECKPOINTS, accelerator, check_bucket, install, write_yaml

PORT = 8000


def sky_service(
    *,
    machine: str | None = None,
    bucket: str = "cloudner-checkpoints",
    model: str = "training/model-best",
    replicas: tuple[int, int] = (1, 4),
    requests_a_second: float = 10.0,
) -> dict[str, Any]:
    """The service as SkyPilot's YAML has it.

    `machine`: a cloud GPU for each replica; None: CPUs alone. `bucket`, `model`: where the pipeline is; by default where
    the task of `sky_task` leaves it. `replicas`: least and most. `requests_a_second`: of one replica, above which
    another is started. The token that requests must bear comes from the variable CLOUDNER_TOKEN.
    Raises `InputError` for a machine that is no cloud GPU, a bad bucket name or replicas.
    """
    check_bucket(bucket)
    least, most = replicas
    if not 1 <= least <= most or requests_a_second <= 0:
        raise InputError(
            f"replicas {least} to {most}, {requests_a_second} requests/s",
            expected="at least one replica, and more than 0 requests/s",
        )
    resources: dict[str, Any] = {"ports": PORT, "cpus": "4+", "memory": "8+", "disk_size": 50}
    if machine is not None:
        resources["accelerators"] = {accelerator(machine)["sky"]: 1}
    return {
        "name": "cloudner-serve",
        "service": {
            "readiness_probe": {"path": "/ready", "initial_delay_seconds": 900, "timeout_seconds": 15},
            "replica_policy": {
                "min_replicas": least,
                "max_replicas": most,
                "target_qps_per_replica": requests_a_second,
            },
        },
        "resources": resources,
        "file_mounts": {CHECKPOINTS: {"name": bucket, "mode": "MOUNT"}},
        "envs": {"MODEL": f"{CHECKPOINTS}/{model}", "CLOUDNER_TOKEN": ""},
        "setup": install("serve", gpu=machine is not None),
        "run": "set -e\n"
        ': "${CLOUDNER_TOKEN:?the address is public: --env CLOUDNER_TOKEN, at least 16 characters}"\n'
        "umask 077\n"
        'printf "%s\\n" "$CLOUDNER_TOKEN" > ~/cloudner-token\n'
        ". ~/cloudner-env/bin/activate\n"
        f'exec cloudner serve "$MODEL" --host 0.0.0.0 --port {PORT} --token-file ~/cloudner-token\n',
    }


def write_sky_service(path: str | Path, **options: Any) -> Path:
    """Write `sky_service` as YAML; `sky serve up FILE --env CLOUDNER_TOKEN` starts it. Returns the path."""
    return write_yaml(sky_service(**options), path)

"""What `nvidia-smi` says: the last source, where NVIDIA's library for Python is not installed."""

from __future__ import annotations

import csv
import io
import re
import subprocess
from typing import Any

from cloudner.hardware.machine.facts import GPU
from cloudner.hardware.machine.gpu import THROTTLE, bare

_FIELDS = (
    "index",
    "name",
    "memory.total",
    "memory.free",
    "compute_cap",
    "uuid",
    "mig.mode.current",
    "temperature.gpu",
    "clocks_throttle_reasons.active",
    "driver_version",
)
# A driver that does not know one of the fields refuses the whole query: compute_cap and MIG are younger than CUDA 11.
_OLD_FIELDS = ("index", "name", "memory.total", "memory.free", "uuid", "driver_version")


def from_smi(timeout: float) -> dict[str, Any]:
    """What `nvidia-smi` prints. Raises OSError where it cannot be run, TimeoutError where it hangs (after `timeout` seconds),
    RuntimeError with its own words where it fails."""

    def smi(*arguments: str) -> str:
        try:
            done = subprocess.run(
                ["nvidia-smi", *arguments], capture_output=True, text=True, errors="replace", timeout=timeout
            )
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"no answer within {timeout:.1f} s") from None
        if done.returncode != 0:
            said = (done.stdout + done.stderr).strip().splitlines()
            raise RuntimeError(f"exit code {done.returncode}" + (f": {said[0]}" if said else ""))
        return done.stdout

    def query(fields: tuple[str, ...]) -> str:
        return smi(f"--query-gpu={','.join(fields)}", "--format=csv,noheader,nounits")

    banner = smi()
    fields: tuple[str, ...] = _FIELDS
    try:
        table = query(fields)
    except RuntimeError:
        fields = _OLD_FIELDS
        table = query(fields)
    facts = parse_smi(table, banner, fields)
    # Only this list has the instances of a card in MIG mode.
    return parse_smi(table, banner, fields, smi("-L")) if any(gpu.mig for gpu in facts["gpus"]) else facts


def parse_smi(
    table: str, banner: str, fields: tuple[str, ...] = _FIELDS, listing: str = ""
) -> dict[str, Any]:
    """`nvidia-smi`'s query of these fields, its plain output and, for MIG instances, that of `-L` -> fields of `Hardware`."""
    gpus, driver = [], None
    instances = _instances(listing)
    for row in csv.reader(io.StringIO(table), skipinitialspace=True):
        if len(row) != len(fields):
            continue
        said = dict(zip(fields, row, strict=True))
        if not said["index"].isdigit():
            continue
        index = int(said["index"])
        throttle = said.get("clocks_throttle_reasons.active", "")
        reasons = int(throttle, 16) if re.fullmatch("0x[0-9a-fA-F]+", throttle) else 0
        capability = re.fullmatch(r"(\d+)\.(\d+)", said.get("compute_cap", ""))
        temperature = said.get("temperature.gpu", "")
        gpus.append(
            GPU(
                index,
                said["name"],
                _mib(said["memory.total"]) or 0,
                _mib(said["memory.free"]),
                (int(capability[1]), int(capability[2])) if capability else None,
                bare(said["uuid"]) if said["uuid"].startswith("GPU-") else None,
                mig=said.get("mig.mode.current") == "Enabled",
                mig_instances=instances.get(index, 0),
                throttle=tuple(name for bit, name in THROTTLE.items() if reasons & bit),
                temperature=int(temperature) if temperature.isdigit() else None,
            )
        )
        driver = said["driver_version"]
    cuda = re.search(r"CUDA Version:\s*(\d+)\.(\d+)", banner)
    return {
        "driver": driver,
        "driver_cuda": (int(cuda[1]), int(cuda[2])) if cuda else None,
        "gpus": tuple(gpus),
    }


def _instances(listing: str) -> dict[int, int]:
    """How many MIG instances each card has: the lines "  MIG ..." below its "GPU 0: ..."."""
    counts: dict[int, int] = {}
    card = None
    for line in listing.splitlines():
        if head := re.match(r"GPU (\d+):", line):
            card = int(head[1])
        elif card is not None and re.match(r"\s+MIG ", line):
            counts[card] = counts.get(card, 0) + 1
    return counts


def _mib(text: str) -> int | None:
    return int(float(text)) * 2**20 if re.fullmatch(r"\d+(\.\d+)?", text) else None

"""CPU, RAM, shared memory and disk, as the container limits them (cgroup v1 and v2)."""

from __future__ import annotations

import os
import platform
import shutil
from pathlib import Path

# The instruction sets that decide about precision or int8 speed; `bf16` and `i8mm` are Arm's names.
CPU_FLAGS = (
    "avx2",
    "avx512f",
    "avx512_bf16",
    "avx512_vnni",
    "avx_vnni",
    "amx_tile",
    "amx_bf16",
    "amx_int8",
    "neon",
    "asimddp",
    "bf16",
    "i8mm",
)


def cgroup_folders(controller: str, *, proc: Path = Path("/proc"), sys: Path = Path("/sys")) -> list[Path]:
    """The cgroup folders of this process for `controller`, innermost first; v2 ("unified") folders come last.

    A limit on any ancestor binds too, hence the whole chain. A container often sees its own group mounted at
    the root while /proc/self/cgroup still names the host's path, hence only the folders that exist.
    """
    chains: list[tuple[Path, str]] = []
    try:
        lines = (proc / "self" / "cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    root = sys / "fs" / "cgroup"
    for line in lines:
        number, _, rest = line.partition(":")
        names, _, path = rest.partition(":")
        if number == "0" and names == "":
            chains.append((root / "unified" if (root / "unified").is_dir() else root, path))
        elif controller in names.split(","):
            chains.insert(0, (root / controller, path))
            chains.insert(1, (root / names, path))
    if not chains:
        chains = [(root / controller, "/"), (root, "/")]
    folders: list[Path] = []
    for base, path in chains:
        parts = [part for part in path.split("/") if part]
        for end in range(len(parts), -1, -1):
            folder = base.joinpath(*parts[:end])
            if folder.is_dir() and folder not in folders:
                folders.append(folder)
    return folders


def _number(path: Path) -> int | None:
    try:
        text = path.read_text(encoding="utf-8").split()[0]
    except (OSError, IndexError):
        return None
    return int(text) if text.lstrip("-").isdigit() else None


def cpu_limit(folders: list[Path]) -> float | None:
    """CPUs that the cgroup quota allows (may be a fraction), None without a quota."""
    limits = []
    for folder in folders:
        quota, period = _number(folder / "cpu.cfs_quota_us"), _number(folder / "cpu.cfs_period_us")
        try:
            text = (folder / "cpu.max").read_text(encoding="utf-8").split()
            quota, period = int(text[0]), int(text[1])
        except (OSError, IndexError, ValueError):
            pass
        if quota and quota > 0 and period:
            limits.append(quota / period)
    return min(limits, default=None)


def memory_limit(folders: list[Path]) -> tuple[int | None, int | None]:
    """(limit, bytes left below it) of the tightest group, (None, None) without a limit.

    Cached file pages count as used there but are given back when memory is wanted, so `inactive_file` is
    counted as left (as `docker stats` does).
    """
    limit: int | None = None
    left: int | None = None
    for folder in folders:
        maximum = _number(folder / "memory.max")
        used = _number(folder / "memory.current")
        if maximum is None:
            maximum = _number(folder / "memory.limit_in_bytes")
            used = _number(folder / "memory.usage_in_bytes")
        if maximum is None or maximum >= 2**60:  # cgroup v1 writes a huge number for "no limit"
            continue
        rest = maximum - (used or 0) + _inactive_file(folder)
        limit = maximum if limit is None else min(limit, maximum)
        left = rest if left is None else min(left, rest)
    return limit, left


def _inactive_file(folder: Path) -> int:
    try:
        lines = (folder / "memory.stat").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    values = dict(line.split()[:2] for line in lines if len(line.split()) >= 2)
    return int(values.get("total_inactive_file", values.get("inactive_file", 0)))


def usable_cpus(limit: float | None) -> float:
    """CPUs this process may use at once: the affinity mask, cut by the cgroup quota."""
    try:
        allowed = float(len(os.sched_getaffinity(0)))
    except AttributeError:  # macOS, Windows
        allowed = float(os.cpu_count() or 1)
    return min(allowed, limit) if limit else allowed


def cpu_name_and_flags(cpuinfo: Path = Path("/proc/cpuinfo")) -> tuple[str, tuple[str, ...]]:
    """The CPU's name and those of CPU_FLAGS that it has. Without /proc only the architecture is known."""
    name, flags = platform.processor() or platform.machine(), set()
    try:
        text = cpuinfo.read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    for line in text.split("\n\n")[0].splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            name = value.strip()
        elif key.strip() in ("flags", "Features"):
            flags = set(value.split())
    if platform.machine().lower() in ("arm64", "aarch64") or "asimd" in flags:
        flags.add("neon")
    return name, tuple(flag for flag in CPU_FLAGS if flag in flags)


def shared_memory(path: str = "/dev/shm") -> tuple[int | None, int | None]:
    """(total, free) bytes of shared memory, (None, None) where the system has no such folder."""
    try:
        usage = shutil.disk_usage(path)
    except OSError:
        return None, None
    return usage.total, usage.free

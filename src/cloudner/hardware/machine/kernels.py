"""Whether a build of torch has kernels for a card.

A kernel built for sm_XY runs on compute capability X.Z with Z >= Y; only PTX ("compute_XY") runs on a newer major
(CUDA C++ Programming Guide, "Binary compatibility" and "PTX compatibility").
"""

from __future__ import annotations


def runs_on(capability: tuple[int, int], archs: list[str]) -> bool:
    """Whether code built for `archs` ("sm_80", "sm_90a", "compute_90") runs on a card of `capability`."""
    for arch in archs:
        major, minor = capability_of(arch)
        if arch.startswith("compute_"):
            if capability >= (major, minor):
                return True
        elif arch[-1] == "a":  # architecture-specific code runs nowhere else
            if capability == (major, minor):
                return True
        elif capability[0] == major and capability[1] >= minor:
            return True
    return False


def capability_of(arch: str) -> tuple[int, int]:
    """The compute capability that code for this architecture ("sm_90a") is built for."""
    digits = "".join(c for c in arch.partition("_")[2] if c.isdigit())
    return int(digits[:-1]), int(digits[-1])

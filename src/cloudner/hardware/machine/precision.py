"""Which number format a device computes in: decided here, for training, prediction and planning alike."""

from __future__ import annotations

from collections.abc import Iterable

# AVX512-BF16, AMX, and Arm's BF16 extension.
_BF16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}


def multiplies_bf16(flags: Iterable[str]) -> bool:
    """Whether a CPU with these instruction sets multiplies bf16 in hardware; without it bf16 is slower than fp32."""
    return not _BF16_FLAGS.isdisjoint(flags)


def best_on_cpu(flags: Iterable[str]) -> tuple[str, str]:
    """ "bf16" or "fp32" for a CPU with these instruction sets, and why."""
    if multiplies_bf16(flags):
        return "bf16", "this CPU multiplies bf16 in hardware"
    return "fp32", "without AVX512-BF16 or AMX, bf16 is slower than fp32 on a CPU"


def best_on_gpu(capability: tuple[int, int] | None, hip: bool = False) -> tuple[str, str]:
    """ "bf16", "fp16" or "fp32" for a card of this compute capability (None: not known), and why; hip: torch is built for
    AMD."""
    if hip:
        return "bf16", "AMD's matrix cores have bf16"
    if capability is None:
        return "fp32", "the card's compute capability is not known"
    text = f"compute capability {capability[0]}.{capability[1]}"
    if capability >= (8, 0):
        return "bf16", f"{text}: bf16 is as fast as fp16 and cannot overflow"
    if capability >= (7, 0):
        return "fp16", f"{text} has fp16 tensor cores and no bf16; the loss is scaled"
    return "fp32", f"{text} has no tensor cores"


def usable(wanted: str, best: str, device: str) -> str:
    """The precision asked for, or what comes nearest where the device cannot do it.

    wanted: "auto", "fp32", "bf16" or "fp16". best: of the device, as above. device: "cpu", "cuda", ...
    """
    if wanted == "auto" or (wanted == "bf16" and best != "bf16"):
        return best
    if wanted == "fp16" and device != "cuda":
        return "bf16" if best == "bf16" else "fp32"
    return wanted

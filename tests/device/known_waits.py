"""Waits for the device that transformers makes by itself, by family. Each is one a forward pass."""

from __future__ import annotations

from typing import NamedTuple


class KnownWait(NamedTuple):
    """kind: of `Wait`. where: file and function of its innermost frame. reason: what waits, and why it cannot be left
    out from outside. versions: major versions of transformers in which it is met."""

    kind: str
    where: str
    reason: str
    versions: tuple[int, ...] = (4, 5)


KNOWN: dict[str, tuple[KnownWait, ...]] = {
    "deberta-v3": (
        KnownWait("copy from host", "modeling_deberta_v2.py build_relative_position",
                  "its buckets are compared with a scalar tensor that is made in host memory"),
    ),
    "modernbert": (
        KnownWait("copy from host", "modeling_modernbert.py _update_attention_mask",
                  "the mask of the sliding window is made in host memory", (4,)),
    ),
    "mpnet": (
        KnownWait("copy from host", "modeling_mpnet.py compute_position_bias",
                  "the buckets of relative positions are made in host memory"),
    ),
    "xlnet": (
        KnownWait("copy from host", "modeling_xlnet.py forward",
                  "the sinusoids of the positions are made in host memory (4: also the mask of the diagonal)"),
    ),
    "longformer": (
        KnownWait("item", "modeling_longformer.py forward",
                  "it asks whether any piece attends globally, to choose its code"),
        KnownWait("copy from host", "masking_utils.py eager_mask",
                  "it makes its mask of 0, 1 and 2 into another, which takes no mask of four dimensions", (5,)),
    ),
}  # fmt: skip


def is_known(family: str, wait: dict, version: int) -> KnownWait | None:
    """The entry for a wait as `device.runs` print it."""
    if not wait["frames"]:
        return None
    path, _, function = wait["frames"][0].partition(" ")
    where = f"{path.rpartition('/')[2].partition(':')[0]} {function}"
    for known in KNOWN.get(family, ()):
        if (known.kind, known.where) == (wait["kind"], where) and version in known.versions:
            return known
    return None

"""What `CUDA_VISIBLE_DEVICES` leaves visible, as CUDA reads it: entries count up to the first that is no card, and one that is
there twice hides all ("CUDA C++ Programming Guide", environment variables; torch.cuda reads it the same way)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cloudner.hardware.machine.facts import GPU


def hides_all(visible: str | None, cards: Sequence[GPU]) -> bool:
    """Whether the variable hides every card. `cards`: those that the driver lists; where it lists none, or an entry is a UUID
    that cannot be compared, only what hides cards on any machine does."""
    if visible is None:
        return False
    entries = [entry.strip() for entry in visible.split(",")]
    first = entries[0]
    if first.startswith("MIG-"):
        return False
    if first.startswith("GPU-"):
        known = [card.uuid for card in cards if card.uuid]
        wanted = first.lower().removeprefix("gpu-")
        return bool(known) and not any(uuid.startswith(wanted) for uuid in known)
    numbers: list[int] = []
    for entry in entries:
        number = re.match(r"\+?(\d+)", entry)
        if number is None or (cards and int(number[1]) >= len(cards)):
            break
        numbers.append(int(number[1]))
    return not numbers or len(set(numbers)) < len(numbers)


def entry_of(index: int, visible: str | None) -> str:
    """What the variable would have to be for torch's card of this index alone: torch counts what is visible now."""
    entries = [entry.strip() for entry in (visible or "").split(",") if entry.strip()]
    return entries[index] if index < len(entries) else str(index)

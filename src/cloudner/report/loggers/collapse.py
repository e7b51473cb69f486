"""A training that has collapsed onto O: the tag of no entity is right for most tokens, and some never leave it."""

from __future__ import annotations

_FIRST_STEPS = 100  # a fresh head may need them
_SHARE = 1 / 3  # of all steps; the learning rate is past its peak then
_UNKNOWN_TOTAL = 300  # steps, where it is not known how many there will be
_EVALUATIONS = 2


class CollapseWatch:
    """Looks at each evaluation, and speaks once."""

    def __init__(self) -> None:
        self._without = 0  # evaluations in a row
        self._spoken = False

    def told(self, step: int, total: int | None, f1: float | None) -> str | None:
        """One line at the second evaluation in a row without a right entity, once a third of the steps is done."""
        if f1 is None or self._spoken:
            return None
        self._without = 0 if f1 > 0 else self._without + 1
        late = max(_FIRST_STEPS, _SHARE * total) if total else _UNKNOWN_TOTAL
        if step < late or self._without < _EVALUATIONS:
            return None
        self._spoken = True
        of = f" of {total:,}" if total else ""
        return (
            f"Not one entity of the dev data is right after {step:,}{of} steps: training may have collapsed onto O, the tag of no "
            "entity. Stop it (Ctrl-C) and take a third of the rate (training.optimizer.learn_rate.initial_rate), a longer warmup, or "
            "another encoder; look at the labels with `cloudner inspect`."
        )

"""Learning-rate schedules that know how long training lasts.

No `from __future__ import annotations` here: thinc checks a config's values by the annotations of the function.
"""

import logging
from collections.abc import Generator
from typing import Any

from cloudner.errors import ConfigError

logger = logging.getLogger("cloudner")


class LinearSchedule(Generator):
    """Rises linearly over the warm-up, then falls linearly to 0 after the last step.

    Step s (from 0) of N with W warm-up steps has the rate `peak * min((s + 1) / W, (N - s) / (N - W))`: the first
    step already learns, and the rate after the last would be 0. A generator to thinc, which asks it for the next
    value once per step. While `total_steps` is "auto" it warms up and stays at `peak`.
    """

    def __init__(
        self, peak: float, total_steps: int | str = "auto", warmup: float = 0.1, min_steps: int = 0
    ) -> None:
        if not peak > 0:
            raise ConfigError(f"learn_rate = {peak}", expected="a number above 0")
        if not (warmup >= 0):
            raise ConfigError(f"warmup = {warmup}", expected="a share below 1, or a number of steps")
        if total_steps != "auto" and (not isinstance(total_steps, int) or total_steps < 1):
            raise ConfigError(f"total_steps = {total_steps!r}", expected='"auto" or a number of steps')
        if not isinstance(min_steps, int) or min_steps < 0:
            raise ConfigError(
                f"min_steps = {min_steps!r}", expected="a number of steps; 0: as max_epochs says"
            )
        self.peak, self.total_steps, self.warmup = float(peak), total_steps, float(warmup)
        self.step = -1  # of the value given last

    def rate(self, step: int) -> float:
        total = self.total_steps if isinstance(self.total_steps, int) else None
        steps = self.warmup if self.warmup >= 1 else (self.warmup * total if total else 0)
        warm = max(1.0, steps)
        rising = min(1.0, (step + 1) / warm)
        if total is None:
            return self.peak * rising
        falling = max(0.0, (total - step) / max(1.0, total - warm + 1))
        return self.peak * min(rising, falling, 1.0)

    def send(self, value: Any) -> float:
        self.step += 1
        return self.rate(self.step)

    def throw(self, kind: Any, value: Any = None, traceback: Any = None) -> Any:
        raise StopIteration

    @property
    def current(self) -> float:
        return self.rate(max(self.step, 0))


def tell_unresolved(schedule: LinearSchedule | None) -> bool:
    """Warns, and returns True, where a step is taken at a rate that never falls."""
    if schedule is None or schedule.total_steps != "auto":
        return False
    logger.warning(
        'The learning rate stays at %g: total_steps = "auto" becomes a number when a component is initialised, and a sourced or '
        "loaded one is not. `cloudner train` counts the steps in any case; elsewhere set total_steps to a number, and "
        "[training] max_steps to one less.",
        schedule.peak,
    )
    return True


def linear(
    initial_rate: float, *, total_steps: int | str = "auto", warmup: float = 0.1, min_steps: int = 0
) -> Generator:
    """`cloudner.linear.v1`: warm-up, then linear decay to 0 over the true number of steps.

    initial_rate: the highest rate. total_steps: "auto" is resolved when the pipeline is initialised.
    warmup: share of all steps (below 1), or a number of steps (1 or more). min_steps: where `total_steps` is "auto" and
    `max_epochs` would end training earlier, it goes on to this many: a small corpus needs more epochs.
    """
    return LinearSchedule(initial_rate, total_steps, warmup, min_steps)

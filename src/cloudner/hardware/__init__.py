"""What the machine is, what is wrong with it, and which settings, cloud GPU and price fit.

Looking (`machine`) is separate from judging (`doctor`) and estimating (`planning`): the latter two are pure functions of
a `Hardware`, which prints as JSON and can come from another machine. Each name is loaded when it is first used, so
that asking for the CPU's name does not load price lists.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cloudner.encoders.shape import EncoderShape
    from cloudner.hardware.doctor.diagnose import diagnose
    from cloudner.hardware.doctor.finding import Finding
    from cloudner.hardware.machine.detect import detect_hardware
    from cloudner.hardware.machine.facts import GPU, GPUProcess, Hardware
    from cloudner.hardware.planning.memory import Peak, prediction_peak, training_peak
    from cloudner.hardware.planning.plan import plan
    from cloudner.hardware.planning.prices import Price
    from cloudner.hardware.planning.recommend import recommend
    from cloudner.hardware.planning.result import Plan, PlanRow
    from cloudner.hardware.planning.settings import Settings
    from cloudner.hardware.planning.sky import sky_task, write_sky
    from cloudner.hardware.planning.speed import Calibration
    from cloudner.hardware.planning.stats import CorpusStats

_HOMES = {
    "cloudner.encoders.shape": ("EncoderShape",),
    "cloudner.hardware.doctor.diagnose": ("diagnose",),
    "cloudner.hardware.doctor.finding": ("Finding",),
    "cloudner.hardware.machine.detect": ("detect_hardware",),
    "cloudner.hardware.machine.facts": ("GPU", "GPUProcess", "Hardware"),
    "cloudner.hardware.planning.memory": ("Peak", "prediction_peak", "training_peak"),
    "cloudner.hardware.planning.plan": ("plan",),
    "cloudner.hardware.planning.result": ("Plan", "PlanRow"),
    "cloudner.hardware.planning.prices": ("Price",),
    "cloudner.hardware.planning.recommend": ("recommend",),
    "cloudner.hardware.planning.settings": ("Settings",),
    "cloudner.hardware.planning.sky": ("sky_task", "write_sky"),
    "cloudner.hardware.planning.speed": ("Calibration",),
    "cloudner.hardware.planning.stats": ("CorpusStats",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}
__all__ = [
    "GPU",
    "Calibration",
    "CorpusStats",
    "EncoderShape",
    "Finding",
    "GPUProcess",
    "Hardware",
    "Peak",
    "Plan",
    "PlanRow",
    "Price",
    "Settings",
    "detect_hardware",
    "diagnose",
    "plan",
    "prediction_peak",
    "recommend",
    "sky_task",
    "training_peak",
    "write_sky",
]


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        return getattr(importlib.import_module(_HOME_OF[name]), name)
    raise AttributeError(f"module 'cloudner.hardware' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__

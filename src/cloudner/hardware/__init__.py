"""What the machine is, what is wrong with it, and which settings, cloud GPU and price fit.

Looking (`detect`, `checks`) is apart from judging (`rules`, `recommend`, `plan`): the latter are pure
functions of a `Hardware`, which prints as JSON and can come from another machine.
"""

from cloudner.encoders.shape import EncoderShape
from cloudner.hardware.detect import detect_hardware
from cloudner.hardware.findings import Finding, diagnose
from cloudner.hardware.machine import GPU, GPUProcess, Hardware
from cloudner.hardware.memory import Peak, prediction_peak, training_peak
from cloudner.hardware.plan import Plan, PlanRow, plan
from cloudner.hardware.prices import Price
from cloudner.hardware.recommend import Settings, recommend
from cloudner.hardware.sky import sky_task, write_sky
from cloudner.hardware.speed import Calibration
from cloudner.hardware.stats import CorpusStats

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

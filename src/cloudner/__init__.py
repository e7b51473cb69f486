"""cloudner: train and run transformer NER inside spaCy.

The names in `__all__` are what users may touch; each is loaded when it is first used, so that importing cloudner
costs nothing beyond what `import spacy` loads.
"""

import importlib
from typing import Any

from cloudner.cores import set_waiting

__version__ = "0.1.0"

_HOMES = {
    "load": "cloudner.loading",
    "convert": "cloudner.corpus.convert.convert",
    "detect_hardware": "cloudner.hardware.machine.detect",
    "diagnose": "cloudner.hardware.doctor.diagnose",
    "inspect_corpus": "cloudner.corpus.inspection.inspect",
    "recommend": "cloudner.hardware.planning.recommend",
    "plan": "cloudner.hardware.planning.plan",
    "evaluate": "cloudner.report.evaluate",
    "Evaluation": "cloudner.report.evaluate",
    "calibrate": "cloudner.calibration",
    "time_training": "cloudner.model.benchmark",
    "CloudnerError": "cloudner.errors",
}
__all__ = sorted(_HOMES)


set_waiting()  # read when torch is loaded, which may be next


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'cloudner' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]

"""cloudner: train and run transformer NER inside spaCy.

The names in `__all__` are what users may touch; each is loaded when it is first used, so that importing cloudner
costs nothing beyond what `import spacy` loads.
"""

import importlib
from typing import TYPE_CHECKING, Any

from cloudner.cores import set_waiting
from cloudner.notebook import quiet_bars

if TYPE_CHECKING:  # what `__getattr__` gives, for editors and type checkers
    from cloudner.bulk.job import annotate
    from cloudner.calibration import calibrate
    from cloudner.corpus.convert.convert import convert
    from cloudner.corpus.inspection.inspect import inspect_corpus
    from cloudner.errors import CloudnerError
    from cloudner.hardware.doctor.diagnose import diagnose
    from cloudner.hardware.machine.detect import detect_hardware
    from cloudner.hardware.planning.plan import plan
    from cloudner.hardware.planning.recommend import recommend
    from cloudner.inference.entities import predict, predict_stream
    from cloudner.loading import load
    from cloudner.model.benchmark import time_training
    from cloudner.report.evaluate import Evaluation, evaluate
    from cloudner.reviewing.pool import choose_texts
    from cloudner.reviewing.run import review
    from cloudner.studies.cross_validation import CrossValidation, cross_validate
    from cloudner.studies.learning_curve import LearningCurve, curve
    from cloudner.studies.tuning import Tuning, tune
    from cloudner.studies.watching import Drift, drift
    from cloudner.training.checkpoint_options import CheckpointOptions
    from cloudner.training.fit import train
    from cloudner.training.result import TrainingResult

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
    "review": "cloudner.reviewing.run",
    "choose_texts": "cloudner.reviewing.pool",
    "time_training": "cloudner.model.benchmark",
    "CloudnerError": "cloudner.errors",
    "annotate": "cloudner.bulk.job",
    "train": "cloudner.training.fit",
    "curve": "cloudner.studies.learning_curve",
    "LearningCurve": "cloudner.studies.learning_curve",
    "cross_validate": "cloudner.studies.cross_validation",
    "CrossValidation": "cloudner.studies.cross_validation",
    "tune": "cloudner.studies.tuning",
    "Tuning": "cloudner.studies.tuning",
    "drift": "cloudner.studies.watching",
    "Drift": "cloudner.studies.watching",
    "predict": "cloudner.inference.entities",
    "predict_stream": "cloudner.inference.entities",
    "TrainingResult": "cloudner.training.result",
    "CheckpointOptions": "cloudner.training.checkpoint_options",
}
__all__ = [
    "CheckpointOptions",
    "CloudnerError",
    "CrossValidation",
    "Drift",
    "Evaluation",
    "LearningCurve",
    "TrainingResult",
    "Tuning",
    "annotate",
    "calibrate",
    "choose_texts",
    "convert",
    "cross_validate",
    "curve",
    "detect_hardware",
    "diagnose",
    "drift",
    "evaluate",
    "inspect_corpus",
    "load",
    "plan",
    "predict",
    "predict_stream",
    "recommend",
    "review",
    "time_training",
    "train",
    "tune",
]


set_waiting()  # read when torch is loaded, which may be next
quiet_bars()


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'cloudner' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]

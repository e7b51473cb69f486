import json
from pathlib import Path

import pytest

from cloudner.hardware import Hardware

MACHINES = Path(__file__).parent / "machines"


def load(name):
    return Hardware.from_dict(json.loads((MACHINES / f"{name}.json").read_text(encoding="utf-8")))


@pytest.fixture
def machine():
    """A recorded machine by its file name."""
    return load


def pytest_runtest_setup(item):
    if item.get_closest_marker("gpu"):
        torch = pytest.importorskip("torch")
        if not torch.cuda.is_available():
            pytest.skip("needs a CUDA device")

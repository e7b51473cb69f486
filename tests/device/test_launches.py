"""How many operators a step of a 12-layer BERT launches, and in which part; `launches.py` prints them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from device.conftest import TESTS, passed

# No more than this, with room for what a version of torch or transformers adds: a step of a small encoder is bound by
# launching. What launches.py printed: fp32 923, bf16 1,482, fp16 1,502.
MOST = {"fp32": 1000, "bf16": 1600, "fp16": 1650}


@pytest.mark.parametrize("precision", MOST)
def test_launches_of_a_step_by_part(on_device, precision):
    found = passed(on_device("launching"), precision)
    training, prediction = found["training"], found["prediction"]
    print(training["parts"], prediction["parts"])
    assert all(training["parts"][part] > 0 for part in ("input", "forward", "gradients", "finish"))
    assert training["parts"]["rest"] < 20
    assert training["total"] <= MOST[precision]
    assert prediction["parts"]["forward"] > 100
    assert prediction["parts"]["rest"] < 10
    assert prediction["total"] < training["parts"]["input"] + training["parts"]["forward"] + 20


def test_the_weights_are_cast_in_half_precision_alone(on_device):
    cases = on_device("launching")
    casts = {p: passed(cases, p)["training"]["operators"].get("cast", 0) for p in MOST}
    assert casts["fp32"] <= 2
    assert casts["bf16"] == casts["fp16"] > 12


def test_the_command_prints_them():
    """From any folder, with nothing on the path."""
    done = subprocess.run(
        [sys.executable, str(TESTS / "device" / "launches.py"), "--precision", "fp32", "--docs", "4"],
        capture_output=True, text=True, timeout=300, check=False, cwd="/",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert "launches a step (input" in done.stdout
    assert "launches a batch" in done.stdout

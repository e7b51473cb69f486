"""How many operators a step of a 12-layer BERT launches, and in which part; `launches.py` prints them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from device.conftest import TESTS, passed

# At most, since a small encoder's step takes as long as its launches. `launches.py` printed, with attention dropout: fp32
# 864, bf16 1,400, fp16 1,414 (transformers 4.53, torch 2.13); versions differ by some.
MOST = {"fp32": 930, "bf16": 1490, "fp16": 1500}


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


def test_nothing_is_cast_in_fp32(on_device):
    """But masks and counts, once a step or a micro-batch."""
    training = passed(on_device("launching"), "fp32")["training"]
    assert training["operators"].get("cast", 0) < 10


def test_the_command_prints_them():
    """From any folder, with nothing on the path."""
    done = subprocess.run(
        [sys.executable, str(TESTS / "device" / "launches.py"), "--precision", "fp32", "--docs", "4"],
        capture_output=True, text=True, timeout=300, check=False, cwd="/",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert "launches a step (input" in done.stdout
    assert "launches a batch" in done.stdout

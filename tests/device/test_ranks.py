"""A step of several processes waits for the device as often as that of one."""

from __future__ import annotations

import pytest

from device.conftest import passed


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_a_step_of_a_group_of_one_is_the_step_and_waits_once(on_device, precision):
    found = passed(on_device("ranks"), precision)
    plain, grouped = found["losses"]
    assert grouped == pytest.approx(plain, abs=1e-4)
    assert found["difference"] < (1e-6 if precision == "fp32" else 1e-4)
    assert found["norms"][1] == pytest.approx(found["norms"][0], rel=1e-4)
    assert found["sums"] == 2  # a step: gradients and losses
    # The stand-in has no NCCL: each sum is a copy to the host and back.
    sums = [wait for wait in found["waits"] if "model/ranks/reduction.py" in wait["frames"][0]]
    assert [wait["kind"] for wait in sums] == ["copy to host", "copy from host"] * 2
    assert [wait["kind"] for wait in found["waits"] if wait not in sums] == ["event"]

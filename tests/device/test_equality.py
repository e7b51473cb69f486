"""The device computes what the CPU computes."""

from __future__ import annotations

import pytest

from device.cases import EQUAL, FAMILIES, name
from device.conftest import passed

CASES = [("settings", name("bert", settings)) for settings in EQUAL] + [("families", f) for f in FAMILIES]


@pytest.mark.parametrize(("group", "case"), CASES, ids=[case for _, case in CASES])
def test_equals_the_cpu(on_device, group, case):
    """In fp32; attention is another kernel there, hence the rounding."""
    found = passed(on_device("equality", group), case)
    assert found["moved"] > 1e-3
    assert found["losses"] < 1e-5
    assert found["weights"] < 1e-5
    assert found["scores"] < 1e-4
    on_cpu, on_gpu = found["found"]
    assert on_cpu == on_gpu
    assert any(on_cpu)

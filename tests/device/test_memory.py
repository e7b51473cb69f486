"""Memory that runs out changes no result: smaller micro-batches, and the optimizer's state in host memory."""

from __future__ import annotations

import pytest

from device.conftest import passed


def test_training_goes_on_in_smaller_micro_batches(on_device):
    found = passed(on_device("memory"), "update in little room")
    assert found["budget"] is not None
    assert found["difference"] < 1e-6


def test_prediction_goes_on_in_smaller_micro_batches(on_device):
    found = passed(on_device("memory"), "predict in little room")
    assert found["budget"] is not None
    assert any(found["expected"])
    assert found["found"] == found["expected"]


def test_states_that_do_not_fit_step_in_host_memory(on_device):
    found = passed(on_device("memory"), "state in little room")
    assert 0 < found["on the device"] < found["parameters"]
    assert found["difference"] < 1e-6


@pytest.mark.parametrize("kind", ["memory", "cublas", "pinned"])
def test_an_update_survives_a_failure_wherever_it_comes(on_device, kind):
    """memory: an allocation on the device; cublas: a product that gets no workspace; pinned: host memory for a copy.
    The last two raise no OutOfMemoryError."""
    found = passed(on_device("memory"), f"update {kind}")
    assert found["uses"] >= 4
    assert found["raised"] == []
    assert found["difference"] < 1e-6


@pytest.mark.parametrize("kind", ["memory", "cublas", "pinned"])
def test_a_prediction_survives_a_failure_wherever_it_comes(on_device, kind):
    found = passed(on_device("memory"), f"predict {kind}")
    assert found["uses"] >= 4
    assert found["any"]
    assert found["raised"] == []
    assert found["others"] == []

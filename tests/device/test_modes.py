"""In an update the encoder trains: `from_pretrained` hands it over in evaluation mode."""

from __future__ import annotations

import pytest

from device.conftest import passed

PRECISIONS = ("fp32", "bf16", "fp16")


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("when", ["first", "after prediction"])
def test_every_module_of_the_encoder_is_in_training_mode_in_an_update(on_device, precision, when):
    found = passed(on_device("modes"), f"modes {precision}")[when]
    assert found["met"] > 20
    assert found["evaluating"] == []


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("when", ["first", "after prediction"])
def test_none_is_in_training_mode_in_a_prediction(on_device, precision, when):
    assert passed(on_device("modes"), f"modes {precision}")[f"prediction {when}"] == []


@pytest.mark.parametrize("precision", PRECISIONS)
def test_attention_dropout_makes_each_pass_another(on_device, precision):
    losses = passed(on_device("modes"), f"dropout {precision}")
    assert len(set(losses["0.5"])) == 3
    assert len(set(losses["0.0"])) == 1


@pytest.mark.parametrize("precision", PRECISIONS)
def test_with_checkpointing_each_layer_runs_once_more_for_the_backward_pass(on_device, precision):
    cases = on_device("modes")
    assert passed(cases, f"layers {precision} False")["counts"] == [1, 1]
    assert passed(cases, f"layers {precision} True")["counts"] == [2, 2]

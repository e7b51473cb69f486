"""inf and NaN stop a step before any weight changes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from thinc.api import Adam

import tiny
from cloudner.errors import NonFiniteLossError


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("make", [tiny.adamw, lambda rate: Adam(rate)], ids=["ours", "stock"])
def test_it_names_the_step_and_keeps_the_weights(bert, tmp_path, value, make):
    nlp = tiny.make_nlp(bert)
    optimizer = make(1e-3)
    examples = tiny.make_examples(nlp)
    nlp.update(examples, sgd=optimizer)
    before = tiny.weights(nlp)
    network = nlp.get_pipe("cloudner").model.shims[0].network
    broken = network.head.register_forward_hook(lambda module, args, output: output * value)
    with pytest.raises(NonFiniteLossError) as caught:
        nlp.update(examples, sgd=optimizer)
    message = str(caught.value)
    assert "step 1" in message
    assert "Marie Curie lived in Paris." in message
    assert "0.001" in message
    assert "\n" not in message
    assert tiny.largest_difference(before, tiny.weights(nlp)) == 0
    # What spaCy writes after the exception is whole.
    nlp.to_disk(tmp_path / "model-last")
    saved = load_file(tmp_path / "model-last" / "cloudner" / "model" / "model.safetensors")
    assert all(torch.isfinite(tensor).all() for tensor in saved.values())
    # And training can go on from there: nothing of the bad step is left in the gradients.
    broken.remove()
    losses = nlp.update(examples, sgd=optimizer)
    assert np.isfinite(losses["cloudner"])
    assert all(np.isfinite(w).all() for w in tiny.weights(nlp).values())

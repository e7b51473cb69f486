"""The same training on the device and on the CPU, in fp32 and without dropout."""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

import tiny
from device.cases import EQUAL, FAMILIES, name
from device.runs.common import encoder, entities, run, shim_of


def compare(family: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Largest differences of losses, of weights after three steps, and of scores; what both find after 20 more."""
    texts = [text for text, _ in tiny.DATA]
    weights, losses, scores, found = [], [], [], []
    for where in ("cpu", "cuda"):
        nlp = tiny.make_nlp(encoder(family), device=where, **settings)
        examples, optimizer = tiny.make_examples(nlp), tiny.adamw(1e-3, eps=1e-2)
        losses.append([float(nlp.update(examples, sgd=optimizer)["cloudner"]) for _ in range(3)])
        network = shim_of(nlp).network
        weights.append({key: value.cpu().numpy().copy() for key, value in network.state_dict().items()})
        pipe = nlp.get_pipe("cloudner")
        scores.append({"scores": pipe.model.predict([nlp.make_doc(text) for text in texts]).scores})
        tiny.overfit(nlp, steps=20)
        found.append(entities(list(nlp.pipe(texts, batch_size=2))))
    return {
        "losses": max(abs(a - b) for a, b in zip(*losses, strict=True)),
        "weights": tiny.largest_difference(*weights),
        "scores": tiny.largest_difference(*scores),
        "moved": losses[0][0] - losses[0][2],
        "found": found,
    }


if __name__ == "__main__":
    chosen = (
        [("bert", settings) for settings in EQUAL]
        if sys.argv[1] == "settings"
        else [(f, {}) for f in FAMILIES]
    )
    run({name(family, settings): partial(compare, family, settings) for family, settings in chosen})

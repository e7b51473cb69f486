"""What the encoder's modules do in an update: their modes, their dropout, how often each layer runs."""

from __future__ import annotations

from functools import partial
from typing import Any

import tiny
from device.runs.common import encoder, run, shim_of

PRECISIONS = ("fp32", "bf16", "fp16")


def modes(precision: str) -> dict[str, Any]:
    """The modules of the encoder that were called in evaluation mode, and how many in training mode, in the first update
    after `initialize`, in one after a prediction, and in evaluation after that."""
    nlp = tiny.make_nlp(encoder("bert"), device="cuda", mixed_precision=precision)
    found: dict[str, Any] = {}
    met: dict[str, bool] = {}
    for name, module in shim_of(nlp).network.encoder.named_modules():
        module.register_forward_pre_hook(lambda m, args, name=name: met.update({name: m.training}))
    examples, optimizer = tiny.make_examples(nlp), tiny.adamw()
    for when in ("first", "after prediction"):
        met.clear()
        nlp.update(examples, sgd=optimizer)
        found[when] = {"evaluating": [n for n, training in met.items() if not training], "met": len(met)}
        met.clear()
        list(nlp.pipe([text for text, _ in tiny.DATA]))
        found[f"prediction {when}"] = [n for n, training in met.items() if training]
    return found


def dropout(precision: str) -> dict[str, Any]:
    """Losses of passes over the same tokens with the same weights: with attention dropout, and without."""
    found = {}
    for rate in (0.5, 0.0):
        nlp = tiny.make_nlp(encoder("bert"), device="cuda", mixed_precision=precision, attention_dropout=rate)
        examples = tiny.make_examples(nlp)
        found[str(rate)] = [float(nlp.update(examples, sgd=False)["cloudner"]) for _ in range(3)]
    return found


def layers(precision: str, checkpointing: bool) -> dict[str, Any]:
    """How often each layer runs in an update of one micro-batch."""
    nlp = tiny.make_nlp(
        encoder("bert"), device="cuda", mixed_precision=precision, gradient_checkpointing=checkpointing
    )
    counts = [0, 0]
    for number, layer in enumerate(shim_of(nlp).network.encoder.encoder.layer):

        def count(module: Any, args: Any, number: int = number) -> None:
            counts[number] += 1

        layer.register_forward_pre_hook(count)
    nlp.update(tiny.make_examples(nlp), sgd=tiny.adamw())
    return {"counts": counts}


if __name__ == "__main__":
    run(
        {f"modes {p}": partial(modes, p) for p in PRECISIONS}
        | {f"dropout {p}": partial(dropout, p) for p in PRECISIONS}
        | {f"layers {p} {c}": partial(layers, p, c) for p in PRECISIONS for c in (False, True)}
    )

"""Each setting and each encoder family trains and predicts: losses, waits and predictions.

PYTHONPATH=tests:src python -m device.runs.training settings|families
"""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

import tiny
from device.cases import by_family, by_setting, name
from device.runs.common import device, encoder, entities, run, shim_of, told

STEPS = 25
BATCH = 2  # documents a batch of `pipe`


def train(family: str, settings: dict[str, Any]) -> dict[str, Any]:
    """STEPS updates and a stream of batches. waits: of the second update, when the optimizer's state is made; piped:
    of the stream's second pass, when the prediction copy is."""
    nlp = tiny.make_nlp(encoder(family), device="cuda", **{"mixed_precision": "bf16", **settings})
    shim = shim_of(nlp)
    examples, optimizer = tiny.make_examples(nlp), tiny.adamw(1e-2)
    losses = [nlp.update(examples, sgd=optimizer)["cloudner"]]
    with device.watch() as update:
        losses.append(nlp.update(examples, sgd=optimizer)["cloudner"])
    losses += [nlp.update(examples, sgd=optimizer)["cloudner"] for _ in range(STEPS - 2)]
    texts = [text for text, _ in tiny.DATA] * 2
    docs = list(nlp.pipe(texts, batch_size=BATCH))
    with device.watch() as piped:
        list(nlp.pipe(texts, batch_size=BATCH))
    return {
        "precision": shim.precision,
        "overflows": shim.overflows,
        "losses": [float(loss) for loss in losses],
        "waits": told(update.waits),
        "piped": told(piped.waits),
        "batches": len(texts) // BATCH,
        "launches": [len(update.launches), len(piped.launches)],
        "found": entities(docs[: len(tiny.DATA)]),
        "gold": entities([eg.reference for eg in examples]),
    }


if __name__ == "__main__":
    chosen = by_setting() if sys.argv[1] == "settings" else by_family()
    run({name(family, settings): partial(train, family, settings) for family, settings in chosen})

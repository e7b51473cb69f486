"""Memory that runs out on the device, at every place: results are what they are where it does not."""

from __future__ import annotations

import gc
import logging
import traceback
from typing import Any

import tiny
from device.runs.common import device, encoder, entities, run, shim_of

DATA = tiny.DATA * 4
PLACES = 25  # in an update, or in a prediction, at which one allocation fails


def started(**settings: Any) -> tuple[Any, Any, Any]:
    """A pipeline after one update, with its examples and its optimizer."""
    nlp = tiny.make_nlp(encoder("bert"), device="cuda", **settings)
    examples, optimizer = tiny.make_examples(nlp, DATA), tiny.adamw(1e-3, eps=1e-2)
    nlp.update(examples, sgd=optimizer)
    return nlp, examples, optimizer


def weights(nlp: Any) -> dict[str, Any]:
    network = shim_of(nlp).network
    return {key: value.detach().cpu().numpy().copy() for key, value in network.state_dict().items()}


def places(uses: int) -> list[int]:
    """Spread over all uses, the first and the last among them."""
    return sorted({round(i * (uses - 1) / (PLACES - 1)) for i in range(PLACES)})


def told(place: int, error: Exception) -> str:
    """What was raised at a place, and the innermost line of ours."""
    ours = [f for f in traceback.extract_tb(error.__traceback__) if "/cloudner/" in f.filename]
    return f"{place}: {type(error).__name__}: {str(error)[:100]} @ {ours[-1].filename.rpartition('/')[2]}:{ours[-1].lineno}"


def update_in_little_room() -> dict[str, Any]:
    """Three updates where half of what they take is free."""
    plain, examples, optimizer = started()
    gc.collect()
    held = device.used()
    device.reset_peak()
    plain.update(examples, sgd=optimizer)
    needed = device.peak() - held
    for _ in range(2):
        plain.update(examples, sgd=optimizer)
    tight, examples, optimizer = started()
    with device.room(needed // 2):
        for _ in range(3):
            tight.update(examples, sgd=optimizer)
    return {
        "difference": tiny.largest_difference(weights(plain), weights(tight)),
        "budget": shim_of(tight).runner.shrunk.get("train"),
        "needed": needed,
    }


def predicted(nlp: Any) -> list[Any]:
    """By the component itself: `nlp.pipe` meets an error by taking one document after the other."""
    pipe = nlp.get_pipe("cloudner")
    docs = [nlp.make_doc(text) for text, _ in DATA]
    pipe.set_annotations(docs, pipe.predict(docs))
    return entities(docs)


def predict_in_little_room() -> dict[str, Any]:
    nlp = tiny.overfit(tiny.make_nlp(encoder("bert"), device="cuda"))
    predicted(nlp)
    gc.collect()
    held = device.used()
    device.reset_peak()
    expected = predicted(nlp)
    needed = device.peak() - held
    with device.room(needed // 2):
        found = predicted(nlp)
    return {
        "expected": expected,
        "found": found,
        "budget": shim_of(nlp).runner.shrunk.get("predict"),
        "needed": needed,
    }


def update_fails_once(kind: str, uses: int | None = None) -> dict[str, Any]:
    """The second of two updates, in which one use of `kind` fails: at each place in turn, as far as PLACES allow.

    uses: how often an update uses it; None: as often as it allocates."""
    plain, examples, optimizer = started()
    before = device.allocations()
    plain.update(examples, sgd=optimizer)
    uses = uses or device.allocations() - before
    expected = weights(plain)
    worst, raised = 0.0, []
    for place in places(uses):
        nlp, examples, optimizer = started()
        try:
            with device.failing(kind, place):
                nlp.update(examples, sgd=optimizer)
        except Exception as error:
            raised.append(told(place, error))
            continue
        worst = max(worst, tiny.largest_difference(expected, weights(nlp)))
    return {"uses": uses, "difference": worst, "raised": raised}


def predict_fails_once(kind: str, uses: int | None = None) -> dict[str, Any]:
    nlp = tiny.overfit(tiny.make_nlp(encoder("bert"), device="cuda"))
    predicted(nlp)
    before = device.allocations()
    expected = predicted(nlp)
    uses = uses or device.allocations() - before
    raised, others = [], []
    for place in places(uses):
        shim_of(nlp).runner.shrunk.clear()
        try:
            with device.failing(kind, place):
                found = predicted(nlp)
        except Exception as error:
            raised.append(told(place, error))
            continue
        if found != expected:
            others.append(place)
    return {"uses": uses, "any": any(expected), "others": others, "raised": raised}


def state_in_little_room() -> dict[str, Any]:
    """The first step, in room for its gradients and not for the optimizer's state."""
    found = []
    for tight in (False, True):
        nlp = tiny.make_nlp(encoder("bert"), device="cuda")
        examples, optimizer = tiny.make_examples(nlp, DATA), tiny.adamw(1e-3, eps=1e-2)
        nlp.update(examples, sgd=False)
        if tight:
            with device.room(40_000):
                shim_of(nlp).finish_update(optimizer)
        else:
            shim_of(nlp).finish_update(optimizer)
        for _ in range(2):
            nlp.update(examples, sgd=optimizer)
        found.append(weights(nlp))
    step = shim_of(nlp).step.adamw
    return {
        "difference": tiny.largest_difference(*found),
        "on the device": len(step.state),
        "parameters": len(list(shim_of(nlp).network.parameters())),
    }


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    run(
        {
            "update in little room": update_in_little_room,
            "predict in little room": predict_in_little_room,
            "state in little room": state_in_little_room,
            "update memory": lambda: update_fails_once("memory"),
            "update cublas": lambda: update_fails_once("cublas", 20),
            "update pinned": lambda: update_fails_once("pinned", 4),
            "predict memory": lambda: predict_fails_once("memory"),
            "predict cublas": lambda: predict_fails_once("cublas", 12),
            "predict pinned": lambda: predict_fails_once("pinned", 4),
        }
    )

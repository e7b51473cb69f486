"""Training settings that depend on the data: total steps, and when to evaluate."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from spacy.training import Example
from spacy.util import registry

logger = logging.getLogger("cloudner")


# Constant rates for a plain `nlp.update` loop, by the encoder's width: small encoders need higher ones. The recipes
# in configs/ warm up to about three times as much and decay to 0.
_PLAIN_RATES = ((512, 1e-4), (1024, 3e-5), (1 << 30, 1e-5))


# Where `min_steps` makes many epochs of a small corpus, an evaluation after each would take longer than training.
_EVALUATIONS = 10


def replace_default_optimizer(config: dict[str, Any], width: int, *, alone: bool = True) -> bool:
    """Where `[training.optimizer]` is spaCy's untouched default, put AdamW with a fine-tuning rate in its place.

    The default, Adam at a rate of 0.001, was made for small networks trained from nothing: it destroys what an
    encoder of this `width` has been pretrained with. An optimizer that anybody chose stays; and so does the default
    where the component is not `alone` in being trained, with a warning, since the others may want it. Returns whether
    it was replaced; the change is in place, so that the saved config says what trained.
    """
    from spacy.language import DEFAULT_CONFIG

    training = config.get("training") or {}
    if training.get("optimizer") != DEFAULT_CONFIG["training"]["optimizer"]:
        return False
    rate = next(rate for limit, rate in _PLAIN_RATES if width < limit or limit == 1 << 30)
    if not alone:
        logger.warning(
            "The config has spaCy's default optimizer (Adam, learning rate 0.001), which ruins a pretrained encoder. It "
            "stays, as other components are trained too. Try [training.optimizer] with "
            '@optimizers = "cloudner.AdamW.v1" and learn_rate = %g, which trains all of them.',
            rate,
        )
        return False
    training["optimizer"] = {"@optimizers": "cloudner.AdamW.v1", "learn_rate": rate}
    logger.warning(
        "The config has spaCy's default optimizer (Adam, learning rate 0.001), which ruins a pretrained encoder: "
        "training with cloudner.AdamW.v1 at %g instead. Set [training.optimizer] to choose another.",
        rate,
    )
    return True


def weigh_scores_of(config: dict[str, Any], default: str, keys: Sequence[str]) -> None:
    """Where no component writes the group `default` of spans, what its scores weigh goes to the groups `keys`, in place and in
    equal parts, unless these have weights already: spaCy counts a score that is not there as 0, and the best step would be
    the first. The default's become null, since spaCy adds them again where they are left out."""
    weights = (config.get("training") or {}).get("score_weights")
    if not weights or not keys or default in keys:
        return
    for name in ("f", "p", "r", "per_type"):
        weight = weights.get(f"spans_{default}_{name}")
        if (
            weight is None and name != "per_type"
        ):  # which weighs nothing, and is kept with the pipeline all the same
            continue
        weights[f"spans_{default}_{name}"] = None
        for key in keys:
            weights.setdefault(f"spans_{key}_{name}", None if weight is None else weight / len(keys))


def count_steps(training: dict[str, Any], examples: Sequence[Example]) -> int:
    """How many batches the config's batcher makes of the examples: the steps of one epoch."""
    batcher = registry.resolve({"batcher": training["batcher"]})["batcher"]
    return sum(1 for _ in batcher(list(examples)))


def resolve_training(config: dict[str, Any], examples: Sequence[Example]) -> dict[str, int]:
    """Turn `total_steps = "auto"` of a `cloudner.linear.v1` learning rate into a number, in place.

    With it go `max_steps` and `eval_frequency`: spaCy evaluates at steps that are multiples of the frequency and
    stops after step `max_steps` (counting from 0), without a last evaluation. `min_steps` of the rate prolongs training
    that `max_epochs` would end before. So the frequency becomes the smaller
    of what the config says and one epoch, then both are moved a little so that the last step is one of its multiples.
    Nothing changes where `total_steps` is a number already, or where neither `max_epochs` nor `max_steps` ends
    training. Returns what was set, and why: `prolonged_from` (steps) or `cut_to` (max_steps).
    """
    training = config.get("training") or {}
    rate = training.get("optimizer", {}).get("learn_rate")
    if not isinstance(rate, dict) or rate.get("total_steps") != "auto" or not examples:
        return {}
    why = {}
    max_epochs, max_steps = training.get("max_epochs") or 0, training.get("max_steps") or 0
    if max_epochs > 0:
        epoch = count_steps(training, examples)
        asked, wanted = epoch * max_epochs, int(rate.get("min_steps") or 0)
        last = max(asked, wanted) - 1
        if wanted > asked:
            why = {"prolonged_from": asked}
            epoch = max(epoch, wanted // _EVALUATIONS)
        if max_steps and max_steps < last:
            last, why = max_steps, {"cut_to": max_steps}
    elif max_steps:
        epoch, last, why = max_steps, max_steps, {"cut_to": max_steps}
    else:
        return {}
    last = max(last, 1)
    frequency = max(1, min(int(training.get("eval_frequency") or 200), epoch, last))
    frequency, last = _end_on_evaluation(frequency, last, max_steps)
    resolved = {"max_steps": last, "eval_frequency": frequency, "total_steps": last + 1, **why}
    rate["total_steps"] = resolved["total_steps"]
    training["max_steps"], training["eval_frequency"] = last, frequency
    # The steps end training now; with max_epochs spaCy would stop a step or two earlier, unevaluated.
    training["max_epochs"] = min(max_epochs, 0)
    logger.info("Training for %(total_steps)d steps, evaluating every %(eval_frequency)d", resolved)
    return resolved


def _end_on_evaluation(frequency: int, last: int, limit: int) -> tuple[int, int]:
    """A frequency within a quarter of the given one, and its multiple near `last`, not above `limit` (0: any)."""
    near = range(max(1, frequency * 3 // 4), frequency * 5 // 4 + 1)
    ends = [(f, f * n) for f in near for n in (last // f, last // f + 1)]
    fit = [(f, end) for f, end in ends if end and not (limit and end > limit)]
    # A step more or less of training weighs as much as moving all evaluations by one.
    evaluations = last / frequency
    return min(fit, key=lambda found: evaluations * abs(found[1] - last) + abs(found[0] - frequency))

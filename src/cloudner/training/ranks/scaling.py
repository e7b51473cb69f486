"""How large a batch is for several processes."""

from __future__ import annotations

import math
from typing import Any

from cloudner.errors import ConfigError

# Sentences of a step below which a GPU waits for the launching of kernels, not for arithmetic.
_ENOUGH = {"cpu": 2, "cuda": 16}


def scale_batch(config: Any, ranks: int) -> list[tuple[str, Any, str]]:
    """Multiply the batch of a training config by `ranks` and its learning rate by the square root of that, in place; rows
    for the table of settings. Steps that are counted from the data are counted with the new batch. Raises ConfigError
    for a batcher or a learning rate that has no such number."""
    training = config["training"]
    batcher = training.get("batcher", {})
    key = next((key for key in ("batch_size", "size") if isinstance(batcher.get(key), int)), None)
    if key is None:
        raise ConfigError(
            "--scale-batch: [training.batcher] has no batch_size that is a number",
            fix='@batchers = "cloudner.batch_by_pieces.v1"',
        )
    why = f"--scale-batch: {ranks} times {batcher[key]}"
    batcher[key] *= ranks
    rows: list[tuple[str, Any, str]] = [(f"batcher.{key}", batcher[key], why)]
    if isinstance(batcher.get("max_pieces"), int) and batcher["max_pieces"]:
        batcher["max_pieces"] *= ranks
        rows.append(("batcher.max_pieces", batcher["max_pieces"], "--scale-batch"))
    optimizer = training.get("optimizer", {})
    rate = optimizer.get("learn_rate")
    place, key = (rate, "initial_rate") if isinstance(rate, dict) else (optimizer, "learn_rate")
    if not isinstance(place.get(key), (int, float)):
        raise ConfigError(
            "--scale-batch: [training.optimizer] has no learning rate that is a number",
            fix='[training.optimizer.learn_rate] @schedules = "cloudner.linear.v1", initial_rate = 5e-5',
        )
    before = place[key]
    place[key] = float(f"{before * math.sqrt(ranks):.6g}")
    rows.append((key, place[key], f"--scale-batch: {before:g} times the square root of {ranks}"))
    return rows


def told(plain: Any, ranks: int, device: str) -> tuple[str, str, str]:
    """The row of the table of settings that says what each process computes, and where that is too little to gain from
    it. plain: the config, interpolated."""
    kind = device.partition(":")[0]
    batcher = plain.get("training", {}).get("batcher", {})
    size = batcher.get("batch_size", batcher.get("size"))
    value = f"{ranks} processes, {'a GPU each' if kind == 'cuda' else 'on the CPU'}"
    if not isinstance(size, int):
        return "ranks", value, "each takes its part of a batch"
    each = size / ranks
    why = f"a batch of {size} is {each:g} documents for each"
    if each < _ENOUGH[kind]:
        why += ": too few to gain time; --scale-batch, or a larger training.batcher.batch_size"
    return "ranks", value, why

"""Packed attention in prediction: used from when it has shown, on this device and this network, that it is right and faster."""

from __future__ import annotations

import logging
from typing import Any

import torch

from cloudner.errors import first_line
from cloudner.model.device_time import GAIN, DeviceTimes
from cloudner.model.memory_errors import is_out_of_memory
from cloudner.model.network.batch import Sequences
from cloudner.model.network.lean import LeanCalls
from cloudner.model.network.tag_network import TagNetwork

logger = logging.getLogger("cloudner")

# Shortest sequences, in pieces, for which attention is enough of the work to be worth a look, and micro-batches of
# them before it: by then kernels are loaded, and there will be more.
LONG, WARM, TIMED = 128, 4, 3
# Largest relative difference of scores (norm of the difference over the norm), in half precision.
TOLERANCE = 0.03


class PackedPrediction:
    """Scores of a network in prediction. fast: the setting of that name."""

    def __init__(self, fast: Any) -> None:
        self.used: bool | None = None if fast == "auto" or "packed" in fast else False
        self.why = ""
        self._met = 0

    def __call__(self, network: TagNetwork, batch: Sequences) -> torch.Tensor:
        """(tokens, tags) fp32."""
        if self.used is False or batch.lengths is None or batch.ids.shape[1] < LONG:
            return network(batch)
        if self.used is None:
            self._met += 1
            if self._met <= WARM:
                return network(batch)
            self._prove(network, batch)
            if not self.used:
                return network(batch)
        try:
            return self._packed(network, batch)[0]
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise
            self.used, self.why = False, f"it raised: {first_line(error)}"
            logger.warning("Packed attention in prediction is left: %s", first_line(error))
        return network(batch)

    def _packed(self, network: TagNetwork, batch: Sequences) -> tuple[torch.Tensor, int]:
        """The scores, and how many calls of attention were packed."""
        with LeanCalls(("packed",), batch, network.encoder) as mode:
            scores = network(batch)
        return scores, mode.calls["packed"]

    def _prove(self, network: TagNetwork, batch: Sequences) -> None:
        self.used = False
        try:
            scores, calls = self._packed(network, batch)
            if not calls:
                self.why = "this encoder's attention in this precision is not taken"
                return
            expected = network(batch)
            apart = float((scores - expected).norm() / expected.norm())
            plain = _timed(lambda: network(batch))
            packed = _timed(lambda: self._packed(network, batch))
        except Exception as error:
            self.why = f"it raised: {first_line(error)}"
            logger.debug("packed prediction", exc_info=True)
            return
        self.used = apart <= TOLERANCE and packed * GAIN <= plain
        self.why = f"{plain:.2f} ms before, {packed:.2f} ms packed, scores {apart:.2g} apart"
        logger.info("Packed attention in prediction: %s (%s)", "used" if self.used else "not used", self.why)


def _timed(take: Any) -> float:
    """ms: the median of three."""
    times = DeviceTimes()
    for _ in range(TIMED):
        times.of(take)
    return times.median()

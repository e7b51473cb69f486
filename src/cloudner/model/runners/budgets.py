"""How many word pieces a micro-batch may hold: as set, or as a device takes, and less once memory has run out."""

from __future__ import annotations

import logging

from cloudner.model.settings import Settings

logger = logging.getLogger("cloudner")

# Padded pieces per micro-batch, where the config leaves it open. On CPUs more costs cache misses and gains nothing.
DEFAULT_BUDGET = {"cpu": {"train": 4096, "predict": 2048}, "cuda": {"train": 16384, "predict": 32768}}


class Budgets:
    """By mode, "train" or "predict". shrunk: those found by running out of memory."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.shrunk: dict[str, int] = {}

    def most(self, mode: str, kind: str) -> int:
        """Most padded word pieces of a micro-batch. kind: "cpu" or "cuda"."""
        wanted = self.settings.batch_pieces if mode == "train" else self.settings.predict_pieces
        allowed = wanted or DEFAULT_BUDGET[kind][mode]
        return min(allowed // self._held(mode), self.shrunk.get(mode, 1 << 40))

    def _held(self, mode: str) -> int:
        """Passes held in memory at once."""
        return 2 if mode == "train" and self.settings.r_drop else 1

    def shrink(self, mode: str, pieces: int) -> None:
        """Lower it after running out of memory."""
        if pieces >= self.shrunk.get(mode, 1 << 40):
            return
        if mode not in self.shrunk:
            logger.warning(
                "Out of memory: %s goes on in micro-batches of %d word pieces; results stay the same. Set "
                '"%s = %d" to start with them.',
                "training" if mode == "train" else "prediction",
                pieces,
                "batch_pieces" if mode == "train" else "predict_pieces",
                pieces * self._held(mode),
            )
        self.shrunk[mode] = max(pieces, 8)

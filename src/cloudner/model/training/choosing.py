"""How the fast paths of a training are chosen: each is proved beside the plain pass and timed, and the fastest way is taken.

Lean calls come first, one added to another; then graphs, with all of them and, where launching is what a pass waits for,
with fewer.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch

from cloudner.errors import first_line
from cloudner.model.device_time import GAIN
from cloudner.model.network.lean import LEAN
from cloudner.model.training.proof import Proof, refuse_waits

if TYPE_CHECKING:
    import numpy as np

    from cloudner.model.network.sequences import Prepared
    from cloudner.model.training.graphs import GraphedPasses

logger = logging.getLogger("cloudner")

GRAPHS = "graphs"
ALIKE = 1.02  # of ways this close the simplest is taken
Names = tuple[str, ...]
Way = tuple[Names, bool]  # lean calls, is it a graph


class Choice:
    """Among `names`, on one micro-batch of the run.

    row: writes a line of the report. lean, graphs: what has been chosen.
    """

    def __init__(
        self,
        runner: Any,
        names: Names,
        batch: tuple[Prepared, np.ndarray, Any],
        launch: Callable[[Names], tuple[torch.Tensor, dict[str, int]]],
        row: Callable[..., None],
    ) -> None:
        """launch: a pass with these lean calls: its loss, and how many calls of each kind it made."""
        self.runner, self.names, self.row = runner, names, row
        self.prepared, self.rows, self.gold = batch
        self.lean: Names = ()
        self.graphs: GraphedPasses | None = None
        self._launch = launch
        self._proof = Proof(runner.shim.step, self.gold.drop, lambda: launch(())[0])
        self._ms: dict[Way, float] = {((), False): self._proof.timed(lambda: launch(())[0])[0]}
        self._apart: dict[str, float] = {}  # how far each is from the plain pass
        self._right: list[Names] = [()]

    def make(self, *, fastest: bool) -> None:
        """Prove them all; take the fastest or, where all were asked for, whatever is right."""
        for name in LEAN:
            if name in self.names:
                self._try(name, self._prove_lean)
        if GRAPHS in self.names:
            self._try(GRAPHS, self._prove_graphs)
        self._take(fastest)

    def _try(self, name: str, prove: Callable[[str], str]) -> None:
        """A line for what is not right."""
        try:
            why = prove(name)
        except Exception as error:
            why = f"it raised: {first_line(error)}"
            logger.debug(name, exc_info=True)
        self._proof.step.drop()
        if why:
            if name == GRAPHS:
                self.graphs = None
            more = {"difference": self._apart[name]} if name in self._apart else {}
            self.row(name, used=False, why=why, **more)

    def _prove_lean(self, name: str) -> str:
        """Why launched passes with this kind of call too are not right, or ""."""
        lean = (*self._right[-1], name)
        made: dict[str, int] = {}

        def launched() -> torch.Tensor:
            nonlocal made
            loss, made = self._launch(lean)
            return loss

        difference = self._proof.difference(launched)
        if not made[name]:
            return "this encoder makes no such call"
        self._apart[name] = float(f"{difference:.2g}")
        if not difference <= self._proof.tolerance:
            return "its gradients differ from the plain pass's"
        self._ms[lean, False] = self._proof.timed(launched)[0]
        self._right.append(lean)
        return ""

    def _prove_graphs(self, name: str) -> str:
        """Why graphs are not right, or ""."""
        from cloudner.model.training.graphs import GraphedPasses

        refuse_waits(lambda: self._launch(())[0])
        self._proof.step.drop()
        runner, step = self.runner, self.runner.shim.step
        graphs = self.graphs = GraphedPasses(
            step,
            most=runner.tokenizer.max_length,
            special=runner.tokenizer.special,
            smoothing=runner.settings.label_smoothing,
            weight=runner.weights.tensor(step.device),
        )

        def replayed() -> torch.Tensor:
            key = graphs.key(self.prepared, self.rows)
            return graphs.run(key, graphs.pack(self.prepared, self.rows, self.gold.tags, *key[:2]), 1)

        for lean in reversed(self._right):
            graphs.begin(lean)
            difference = self._proof.difference(replayed, graphs.flat.views)
            self._apart[name] = max(self._apart.get(name, 0.0), float(f"{difference:.2g}"))
            if not difference <= self._proof.tolerance:
                return "its gradients differ from the plain pass's"
            ms, drawn = self._proof.timed(replayed)
            if not drawn and self._proof.has_dropout():
                return "two replays drew the same dropout"
            self._ms[lean, True] = ms
            if ms * GAIN > self._ms[lean, False]:
                break  # the device is what a pass waits for: no graph is faster
        return ""

    def _take(self, fastest: bool) -> None:
        ways = [way for way in self._ms if self.graphs is not None or not way[1]]
        plain = self._ms[(), False]
        if fastest:
            best = min(self._ms[way] for way in ways)
            ways.sort(key=lambda way: len(way[0]) + way[1])
            way = next(way for way in ways if self._ms[way] <= best * ALIKE)
            if plain < self._ms[way] * GAIN:
                way = ((), False)
        else:
            way = max(ways, key=lambda way: (way[1], len(way[0])))
        self.lean, graphed = way
        for before, lean in pairwise(self._right):
            name, used = lean[-1], lean[-1] in self.lean
            ratio = self._ratio((before, graphed), (lean, graphed)) or self._ratio(
                (before, False), (lean, False)
            )
            why = "faster" if used and fastest else "asked for" if used else "it is not faster here"
            self.row(name, used=used, why=why, ratio=ratio, difference=self._apart[name])
        if self.graphs is None:
            return
        lean = next(lean for lean, is_graph in self._ms if is_graph)
        ratio = self._ratio(((), False) if graphed else (lean, False), way if graphed else (lean, True))
        why = (
            f"{plain:.1f} ms a pass before, {self._ms[way]:.1f} ms now"
            if graphed
            else "it is not faster here"
        )
        self.row(GRAPHS, used=graphed, why=why, ratio=ratio, difference=self._apart[GRAPHS])
        if not graphed:
            self.graphs = None
        elif self.graphs.lean != self.lean:
            self.graphs.begin(self.lean)

    def _ratio(self, without: Way, with_it: Way) -> float | None:
        """How much faster a pass is one way than the other, where both were timed."""
        if without not in self._ms or with_it not in self._ms:
            return None
        return round(self._ms[without] / self._ms[with_it], 2)

"""Which fast paths a training uses: those that have shown, on this device and this model, that they are right and faster.

A few steps into a run, where enough of it is left, lean calls (`network/lean.py`) and CUDA graphs (`graphs.py`) compute one
of its micro-batches beside the plain pass. Loss and gradients must agree (`proof.py`); the fastest way is used
(`choosing.py`). A path that raises, differs or is not faster is left out with one line.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from cloudner.errors import ConfigError, first_line
from cloudner.model.network.lean import LEAN, LeanCalls
from cloudner.model.training.choosing import GRAPHS, Choice, Names
from cloudner.model.training.proof import restored

if TYPE_CHECKING:
    from cloudner.model.network.batch import Sequences
    from cloudner.model.network.sequences import Prepared
    from cloudner.model.training.graphs import GraphedPasses

logger = logging.getLogger("cloudner")

NAMES = (*LEAN, GRAPHS)
# Passes before the proof: by then kernels are loaded and memory is cached.
WARM = 12
# Proving lean calls costs about this many plain passes, and so does proving graphs; a run pays at most this share of itself.
PROOF_PASSES, SHARE = 12, 0.05
# Word pieces from which a pass is taken to be bound by the device, where a run has time for one of the two proofs.
MANY_PIECES = 8_192
# A training that does not say how long it lasts is taken to last.
UNKNOWN_STEPS = 10_000


def check_fast(fast: Any) -> Any:
    """`fast` as given in a config. Raises ConfigError for what it cannot be."""
    names = fast if isinstance(fast, (list, tuple)) else None
    if fast in ("auto", "off") or (names is not None and all(name in NAMES for name in names)):
        return fast
    raise ConfigError(f"fast = {fast!r}", expected=f'"auto", "off", or a list of {", ".join(NAMES)}')


class FastPaths:
    """The choice for one network in training.

    runner: of an encoder. Its `plain(prepared, rows, gold, n_labelled)` is the pass that a path must equal; gold: `Gold`.
    report: a row for each path that was tried: {"name", "used", "ratio", "difference", "why"}.
    lean: the lean calls in use.
    """

    def __init__(self, runner: Any, fast: Any) -> None:
        self.runner, self.fast = runner, fast
        self.report: list[dict[str, Any]] = []
        self.graphs: GraphedPasses | None = None
        self.lean: Names = ()
        self._latest: LeanCalls | None = None
        self._decided = False
        self._passes = 0

    # -- in use -----------------------------------------------------------------------------------------------

    def run(self, prepared: Prepared, rows: np.ndarray, gold: Any, n_labelled: int) -> torch.Tensor | None:
        """The pass by a graph: its loss, detached, on the device; None where the pass is to be launched."""
        if self.fast == "off" or self.runner.shim.device.type != "cuda":
            return None
        if not self._decided:
            self._passes += 1
            if self._passes > WARM and self.runner.shim.step.labelled == 0:
                self._decide(prepared, rows, gold)
        if self.graphs is None:
            return None
        try:
            return self._graphed(self.graphs, prepared, rows, gold, n_labelled)
        except Exception as error:
            self.give_up(f"a shape could not be captured ({first_line(error)})")
            return None

    def calls(self, batch: Sequences) -> AbstractContextManager[Any]:
        """The lean calls in use, for a pass that is launched."""
        if not self.lean:
            return nullcontext()
        self._latest = LeanCalls(self.lean, batch, self.runner.network.encoder)
        return self._latest

    def _graphed(
        self, graphs: GraphedPasses, prepared: Prepared, rows: np.ndarray, gold: Any, n_labelled: int
    ) -> torch.Tensor | None:
        from cloudner.model.training.graphs import MOST_GRAPHS

        key = graphs.key(prepared, rows)
        if key not in graphs.shapes:
            graphs.seen[key] = graphs.seen.get(key, 0) + 1
            if graphs.seen[key] < 2 or len(graphs.shapes) >= MOST_GRAPHS:
                return None
        given = graphs.pack(prepared, rows, gold.tags, *key[:2])
        return graphs.run(key, given, n_labelled)

    def give_up(self, why: str) -> bool:
        """Leave the graphs; False where none is in use."""
        if self.graphs is None:
            return False
        self._row(GRAPHS, used=False, why=why)
        self.graphs = None
        self.runner.shim.step.forget_graphs()
        return True

    # -- the choice -------------------------------------------------------------------------------------------

    def _decide(self, prepared: Prepared, rows: np.ndarray, gold: Any) -> None:
        self._decided = True
        names = self._fitting(NAMES if self.fast == "auto" else tuple(self.fast))
        if self.fast == "auto":
            names = self._affordable(names, int(prepared.lengths[rows].sum()))
        if not names:
            return
        started = time.perf_counter()
        try:
            with restored(self.runner.shim.step, gold.drop):
                self._choose(names, prepared, rows, gold)
        except Exception as error:
            self.graphs, self.lean = None, ()
            self.report = [row for row in self.report if row["name"] not in names]
            for name in names:
                self._row(name, used=False, why=f"it raised: {first_line(error)}")
            logger.debug("the proof", exc_info=True)
        self.report[-1]["seconds"] = round(time.perf_counter() - started, 2)
        if self.graphs is not None:
            self.runner.shim.step.use_graphs(self.graphs)

    def _fitting(self, names: Sequence[str]) -> Names:
        """Those that the settings leave; the others get their line."""
        fitting = []
        for name in NAMES:
            if name in names and (why := self.unfit(name)):
                self._row(name, used=False, why=why)
            elif name in names:
                fitting.append(name)
        return tuple(fitting)

    def _affordable(self, names: Names, n_pieces: int) -> Names:
        """Those that what is left of the run repays the proof of."""
        steps = self.runner.shim.step.total_steps or UNKNOWN_STEPS
        proofs = SHARE * steps / PROOF_PASSES
        wanted = LEAN if n_pieces >= MANY_PIECES else (GRAPHS,)
        kept = names if proofs >= 2 else tuple(n for n in names if n in wanted) if proofs >= 1 else ()
        for name in names:
            if name not in kept:
                self._row(name, used=False, why=f"{steps} steps are too few to repay the proof")
        return kept

    def unfit(self, name: str = GRAPHS) -> str:
        """Why the settings leave no such path, or ""."""
        s, precision = self.runner.settings, self.runner.shim.precision
        whole = [("compile", s.compile), ("gradient_checkpointing", s.gradient_checkpointing)]
        if name == GRAPHS:
            whole += [("head", s.head != "softmax" and s.head), ("pooling", s.pooling != "first" and s.pooling),
                      ("r_drop", s.r_drop), ("fgm", s.fgm)]  # fmt: skip
        for setting, value in whole:
            if value:
                return f"not with {setting} = {value}"
        half = {"packed": ("bf16", "fp16"), "stream": ("bf16",)}.get(name)
        return f"not in {precision}" if half is not None and precision not in half else ""

    def _choose(self, names: Names, prepared: Prepared, rows: np.ndarray, gold: Any) -> None:
        def launch(lean: Names) -> tuple[torch.Tensor, dict[str, int]]:
            self._latest, self.lean = None, lean
            try:
                loss = self.runner.plain(prepared, rows, gold, 1)
            finally:
                self.lean = ()
            return loss, self._latest.calls if self._latest is not None else dict.fromkeys(LEAN, 0)

        choice = Choice(self.runner, names, (prepared, rows, gold), launch, self._row)
        choice.make(fastest=self.fast == "auto")
        self.lean, self.graphs = choice.lean, choice.graphs

    # -- the report -------------------------------------------------------------------------------------------

    def _row(self, name: str, *, used: bool, why: str, **more: Any) -> None:
        self.report.append({"name": name, "used": used, "why": why, **more})
        faster = f", {more['ratio']}x the pass without it" if more.get("ratio") else ""
        logger.info("Fast path %s: %s (%s)%s", name, "used" if used else "not used", why, faster)

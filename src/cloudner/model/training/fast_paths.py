"""Which fast paths a training uses: those that have shown, on this device and this model, that they are right and faster.

A few steps into a run, where enough of it is left, a path computes one of its micro-batches beside the plain one, both
without dropout: loss and gradients must agree. Then it is timed as it will be used, with dropout, against the plain passes
that the run has taken so far. State, gradients and random numbers are as before afterwards. A path that raises, differs
or is not faster is left out with one line.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from cloudner.errors import ConfigError

if TYPE_CHECKING:
    from cloudner.model.network.sequences import Prepared
    from cloudner.model.training.graphs import GraphedPasses

logger = logging.getLogger("cloudner")

NAMES = ("graphs",)
# Passes before the proof: by then kernels are loaded and memory is cached.
WARM, TIMED = 4, 8
# A proof costs about this many plain passes; a run pays at most this share of itself for it.
PROOF_PASSES, SHARE = 10, 0.05
GAIN = 1.05  # how much faster it must be
# Largest relative difference (norm of the difference over the norm) of gradients: sums in another order, and in
# another shape, round differently in each layer.
TOLERANCE = {"fp32": 5e-3, "bf16": 5e-2, "fp16": 2e-2}
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
    """

    def __init__(self, runner: Any, fast: Any) -> None:
        self.runner, self.fast = runner, fast
        self.report: list[dict[str, Any]] = []
        self.graphs: GraphedPasses | None = None
        self._decided = False
        self._passes = 0
        self._times: deque[tuple[Any, Any]] = deque(maxlen=TIMED)

    # -- in use -----------------------------------------------------------------------------------------------

    def run(self, prepared: Prepared, rows: np.ndarray, gold: Any, n_labelled: int) -> torch.Tensor | None:
        """The pass by a fast path: its loss, detached, on the device; None where the plain pass is to be taken."""
        if self.fast == "off" or self.runner.shim.device.type != "cuda":
            return None
        if not self._decided:
            self._passes += 1
            if self._passes > WARM + TIMED and self.runner.shim.step.labelled == 0:
                self._decide(prepared, rows, gold)
        if self.graphs is None:
            return None
        try:
            return self._graphed(self.graphs, prepared, rows, gold, n_labelled)
        except Exception as error:
            self.give_up(f"a shape could not be captured ({_first_line(error)})")
            return None

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
        """Leave the fast paths; False where none is in use."""
        if self.graphs is None:
            return False
        self._row("graphs", used=False, why=why)
        self.graphs = None
        self.runner.shim.step.forget_graphs()
        return True

    def timed(self, take: Any) -> torch.Tensor:
        """A plain pass, timed while the choice is open. The events are read when it is made."""
        if self._decided or self.fast == "off" or self.runner.shim.device.type != "cuda":
            return take()
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        loss = take()
        end.record()
        if self._passes > WARM:
            self._times.append((begin, end))
        return loss

    # -- the proof --------------------------------------------------------------------------------------------

    def _decide(self, prepared: Prepared, rows: np.ndarray, gold: Any) -> None:
        self._decided = True
        names = NAMES if self.fast == "auto" else tuple(self.fast)
        if "graphs" not in names:
            return
        if why := self.unfit():
            self._row("graphs", used=False, why=why)
            return
        started = time.perf_counter()
        try:
            self._prove_graphs(prepared, rows, gold)
        except Exception as error:
            self.graphs = None
            self._row("graphs", used=False, why=f"it raised: {_first_line(error)}")
            logger.debug("graphs", exc_info=True)
        finally:
            self.runner.network.train()
            self.runner.network.head.dropout.p = gold.drop
            self.runner.shim.step.drop()
        if self.report:
            self.report[-1]["seconds"] = round(time.perf_counter() - started, 2)
        if self.graphs is not None:
            self.runner.shim.step.use_graphs(self.graphs)

    def unfit(self) -> str:
        """Why the settings leave no graph, or ""."""
        s = self.runner.settings
        for name, value in (("head", s.head != "softmax" and s.head), ("pooling", s.pooling != "first" and s.pooling),
                            ("r_drop", s.r_drop), ("fgm", s.fgm), ("compile", s.compile),
                            ("gradient_checkpointing", s.gradient_checkpointing)):  # fmt: skip
            if value:
                return f"not with {name} = {value}"
        return ""

    def _prove_graphs(self, prepared: Prepared, rows: np.ndarray, gold: Any) -> None:
        from cloudner.model.training.graphs import GraphedPasses

        runner, step = self.runner, self.runner.shim.step
        plain = sorted(begin.elapsed_time(end) for begin, end in self._times)[len(self._times) // 2]
        steps = step.total_steps or UNKNOWN_STEPS
        if self.fast == "auto" and SHARE * steps < PROOF_PASSES:
            self._row("graphs", used=False, why=f"{steps} steps are too few to repay the proof")
            return
        assert runner.tokenizer is not None
        state = torch.cuda.get_rng_state(step.device)
        graphs = GraphedPasses(
            step,
            most=runner.tokenizer.max_length,
            special=runner.tokenizer.special,
            smoothing=runner.settings.label_smoothing,
            weight=runner.weights.tensor(step.device),
        )
        _refuse_waits(lambda: self._plain(prepared, rows, gold))
        step.drop()
        network = runner.network
        network.eval()
        network.head.dropout.p = 0.0
        expected_loss = float(self._plain(prepared, rows, gold))
        expected = [p.grad.clone() if p.grad is not None else None for p in step.parameters]
        step.drop()
        key = graphs.key(prepared, rows)
        given = graphs.pack(prepared, rows, gold.tags, *key[:2])
        loss = float(graphs.run(key, given, 1))
        difference = max(
            _relative(expected, graphs.flat.views), abs(loss - expected_loss) / max(abs(expected_loss), 1e-6)
        )
        step.drop()
        del expected
        proof = graphs.shapes.pop(
            key
        )  # kept until there is another: with its last graph the memory they share is gone
        network.train()
        network.head.dropout.p = gold.drop
        key = graphs.key(prepared, rows)
        losses, times = [], []
        for _ in range(4):
            begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            begin.record()
            losses.append(graphs.run(key, given, 1))
            end.record()
            step.drop()
            times.append((begin, end))
        del proof
        drawn = len({float(loss) for loss in losses})
        fast = sorted(begin.elapsed_time(end) for begin, end in times[1:])[1]
        torch.cuda.set_rng_state(state, step.device)
        ratio = plain / fast
        row = {"ratio": round(ratio, 2), "difference": float(f"{difference:.2g}")}
        if not difference <= TOLERANCE[step.precision]:
            self._row("graphs", used=False, why="its gradients differ from the plain pass's", **row)
        elif drawn == 1 and self._has_dropout(gold.drop):
            self._row("graphs", used=False, why="two replays drew the same dropout", **row)
        elif ratio < GAIN and self.fast == "auto":
            self._row("graphs", used=False, why="it is not faster here", **row)
        else:
            self._row("graphs", used=True, why=f"{plain:.1f} ms a pass before, {fast:.1f} ms now", **row)
            self.graphs = graphs

    def _plain(self, prepared: Prepared, rows: np.ndarray, gold: Any) -> torch.Tensor:
        return self.runner.plain(prepared, rows, gold, 1)

    def _has_dropout(self, drop: float) -> bool:
        return drop > 0 or any(
            m.p > 0 for m in self.runner.network.modules() if isinstance(m, torch.nn.Dropout)
        )

    def _row(self, name: str, *, used: bool, why: str, **more: Any) -> None:
        self.report.append({"name": name, "used": used, "why": why, **more})
        faster = f", {more['ratio']}x the plain pass" if "ratio" in more else ""
        logger.info("Fast path %s: %s (%s)%s", name, "used" if used else "not used", why, faster)


def _relative(expected: list[torch.Tensor | None], values: list[torch.Tensor]) -> float:
    """Norm of the difference over the norm, over all gradients."""
    apart, norm = 0.0, 0.0
    for one, other in zip(expected, values, strict=True):
        reference = torch.zeros_like(other) if one is None else one
        apart += float((reference.double() - other.double()).square().sum())
        norm += float(reference.double().square().sum())
    return (apart / norm) ** 0.5 if norm else apart**0.5


def _refuse_waits(take: Any) -> None:
    """Run a pass; raise where it waits for the device, which a capture would not survive."""
    before = torch.cuda.get_sync_debug_mode()
    torch.cuda.set_sync_debug_mode("error")
    try:
        take()
    finally:
        torch.cuda.set_sync_debug_mode(before)


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:160]

"""Documents through a network with a span head and back: the encoder's runner with other gold and other scores."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from spacy.tokens import Doc
from thinc.api import Model

from cloudner.errors import ConfigError
from cloudner.hardware.planning.memory import SCORES_PER_PIECE
from cloudner.model.decoding.span_scores import SpanScores, span_scores
from cloudner.model.network.attention import without_plans
from cloudner.model.network.sequences import to_device
from cloudner.model.network.span_head import SpanNetwork, SpanSequences
from cloudner.model.network.span_sequences import SpanPrepared
from cloudner.model.network.tag_network import Network
from cloudner.model.runners.inputs import SpanGold, SpanQuery
from cloudner.model.runners.own_encoder import EncoderRunner
from cloudner.model.runners.skeleton import skeleton
from cloudner.model.saving import Saved
from cloudner.model.settings import Settings
from cloudner.model.soundness import broken, need, whole_number
from cloudner.model.training.regularization import pass_for
from cloudner.model.training.span_loss import span_loss
from cloudner.pieces.tokenizer import Pieces

logger = logging.getLogger("cloudner")

HEAD = "global_pointer"


@dataclass(slots=True)
class SpanSettings(Settings):
    """Those of an encoder, and the width of the span head's vectors."""

    head: str = HEAD
    head_size: int = 64

    def __post_init__(self) -> None:
        Settings.__post_init__(self)
        if self.head_size < 2 or self.head_size % 2:
            raise ConfigError(f"head_size = {self.head_size}", expected="an even number, 2 or more")


class Targets(NamedTuple):
    """Of a micro-batch: gold spans as indices into the flattened scores, and (sequences, start, end) bool, the spans of
    which it is known whether they are there."""

    gold: torch.Tensor
    known: torch.Tensor


class SpanRunner(EncoderRunner):
    """`EncoderRunner` of a `SpanNetwork`."""

    settings: SpanSettings
    told_long = False
    _of_network = ("head_size", "pooling", "case_features")

    # -- making, saving ---------------------------------------------------------------------------------------

    def _made(self, encoder: torch.nn.Module, n_tags: int, *, cases: bool) -> Network:
        s = self.settings
        return SpanNetwork(encoder, n_tags, size=s.head_size, pooling=s.pooling, case_features=cases)

    def _facts(self, network: Network) -> dict[str, Any]:
        return {"n_tags": network.head.n_labels, "head": HEAD, "head_size": network.head.size}

    def skeleton(self, saved: Saved) -> Network:
        values, where = saved.json("network.json"), saved.where("network.json")
        need(values, where, {"head": str})
        if values["head"] != HEAD:
            raise broken(f"head = {values['head']!r}", where, f"{HEAD!r}: a pipeline with cloudner_spans")
        if whole_number(values, "head_size", where, 2, 1 << 16) % 2:
            raise broken(f"head_size = {values['head_size']}", where, "an even number")
        return skeleton(saved, _network)

    # -- what a micro-batch holds -----------------------------------------------------------------------------

    def _prepared(self, pieces: list[Pieces], docs: Sequence[Doc]) -> SpanPrepared:
        return SpanPrepared(pieces, lambda p: self.windows(p, docs))

    def _costs(self, lengths: np.ndarray, mode: str) -> np.ndarray:
        """Pieces, and for the scores, whose number grows with the square of the length, as many as need their memory."""
        n_labels = self.network.head.n_labels
        return lengths + lengths * lengths * n_labels // SCORES_PER_PIECE[mode]

    def _laid_out(self, prepared: SpanPrepared, rows: np.ndarray) -> SpanSequences:
        batch, _ = self._sequences(prepared, rows, self.network)
        return prepared.laid_out(batch, rows, self.shim.device)

    # -- training ---------------------------------------------------------------------------------------------

    def _labelled(self, prepared: Any, gold: Any) -> np.ndarray:
        """A sequence of which something is known counts once for each label."""
        known = np.concatenate([[0], np.cumsum(~gold.unknown)])
        bounds = prepared.row_bounds
        gold.rows = prepared.rows_of(gold.spans) if len(gold.spans) else np.zeros(0, np.int64)
        self._tell_long(gold)
        some = known[bounds[1:]] > known[bounds[:-1]]
        some[gold.rows[gold.rows >= 0]] = True
        counts = some * self.network.head.n_labels
        gold.counted = int(counts.sum())
        return counts

    def _tell_long(self, gold: SpanGold) -> None:
        lost = int((gold.rows < 0).sum())
        if lost and not self.told_long:
            self.told_long = True
            logger.warning(
                "%d of the %d spans of a batch end beyond the window in which they begin, and are not learnt: a window "
                "reads `context` (%d) word pieces after the tokens that it answers for. A larger context or window "
                "takes longer spans. Told once.",
                lost,
                len(gold.rows),
                self.settings.context,
            )

    def plain(self, prepared: Any, rows: np.ndarray, gold: Any, n_labelled: int) -> torch.Tensor:
        batch = self._laid_out(prepared, rows)
        targets = self._targets(prepared, rows, gold, batch)
        take = pass_for(self.settings)
        with without_plans(self.shim.device):
            return take(self, batch, targets, prepared.sizes[rows], n_labelled)  # type: ignore[arg-type]

    def loss(self, scores: torch.Tensor, tags: Any, sizes: np.ndarray) -> torch.Tensor:
        """Summed over sequences and labels. tags: `Targets`."""
        return span_loss(scores, tags.gold, tags.known)

    def _targets(
        self, prepared: SpanPrepared, rows: np.ndarray, gold: SpanGold, batch: SpanSequences
    ) -> Targets:
        place = np.full(len(prepared.sizes) + 1, -1, dtype=np.int64)  # the last is for spans of no sequence
        place[rows] = np.arange(len(rows))
        here = np.flatnonzero(place[gold.rows] >= 0)
        first, last, label = gold.spans[here].T
        base = prepared.row_first[gold.rows[here]]
        flat = place[gold.rows[here]] * self.network.head.n_labels + label
        flat = (flat * batch.longest + first - base) * batch.longest + last - base
        known = batch.spans()
        if gold.unknown.any():
            known = known & self._known(prepared, rows, gold, batch)
        return Targets(to_device(flat, self.shim.device), known)

    def _known(
        self, prepared: SpanPrepared, rows: np.ndarray, gold: SpanGold, batch: SpanSequences
    ) -> torch.Tensor:
        """(sequences, start, end) bool: has the span no unknown token in it?"""
        before = np.concatenate([[0], np.cumsum(gold.unknown)])
        tokens = prepared.row_first[rows][:, None] + np.arange(batch.longest + 1)
        counted = to_device(before[np.minimum(tokens, len(gold.unknown))], self.shim.device)
        return counted[:, None, 1:] == counted[:, :-1, None]

    # -- prediction -------------------------------------------------------------------------------------------

    def find(self, query: SpanQuery) -> SpanScores:
        """The spans whose score is at least `query.least`."""
        network, context = self.shim.predictor()
        assert self.tokenizer is not None
        prepared = self._prepared(self.tokenizer.encode(query.docs), query.docs)
        parts: list[tuple[np.ndarray, np.ndarray]] = []

        def run(rows: np.ndarray) -> None:
            batch = self._laid_out(prepared, rows)
            with context, without_plans(self.shim.device):
                scores = self._run(network, batch)
            parts.append(span_scores(scores, batch, prepared.row_first[rows], query.least))

        with torch.inference_mode():
            costs = self._costs(prepared.lengths, "predict")
            self._in_micro_batches(np.arange(len(prepared.lengths)), costs, "predict", run)
        return SpanScores.joined(parts, prepared.offsets)


def _network(encoder: torch.nn.Module, values: dict[str, Any]) -> Network:
    return SpanNetwork(
        encoder,
        values["n_tags"],
        size=values["head_size"],
        pooling=values["pooling"],
        case_features=values["case_features"],
    )


def forward(model: Model, inputs: Any, is_train: bool) -> tuple[Any, Callable]:
    """As `cloudner.model.runners.own_encoder.forward`: docs or a `SpanQuery` give `SpanScores`, a `SpanGold` its loss."""
    runner: SpanRunner = model.shims[0].runner  # type: ignore[attr-defined]
    if isinstance(inputs, SpanGold):
        return runner.accumulate(inputs), lambda d_loss: []  # type: ignore[arg-type]
    query = inputs if isinstance(inputs, SpanQuery) else SpanQuery(list(inputs))
    return runner.find(query), lambda d_scores: []

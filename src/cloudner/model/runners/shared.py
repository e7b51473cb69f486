"""The tag head on vectors that another component computes, such as a transformer shared with a parser."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from thinc.api import Model, torch2xp, xp2torch

from cloudner.errors import ConfigError
from cloudner.model.network.tag_network import HEADS, TagNetwork
from cloudner.model.prediction.emissions import Emissions
from cloudner.model.runners.inputs import Gold
from cloudner.model.runners.skeleton import check_choice, tell_passed_over
from cloudner.model.saving import Saved
from cloudner.model.settings import check_smoothing
from cloudner.model.shim import TaggerShim
from cloudner.model.soundness import whole_number
from cloudner.model.training.class_weights import ClassWeights
from cloudner.model.training.loss import crf_loss, token_loss
from cloudner.pieces.gold import solid_tokens


class SharedRunner:
    """Builds and saves the head; the vectors come from the thinc model's `tok2vec` layer."""

    def __init__(self, shim: TaggerShim, *, head: str, label_smoothing: float, weights: ClassWeights) -> None:
        self.shim, self.head, self.label_smoothing, self.weights = shim, head, label_smoothing, weights

    def start(self, n_tags: int, width: int) -> None:
        check_smoothing(self.head, self.label_smoothing)
        self.shim.set_network(TagNetwork(width, n_tags, head=self.head))

    def files(self, network: TagNetwork) -> dict[str, str]:
        settings = {"n_tags": network.head.linear.out_features, "width": network.width, "head": self.head}
        return {"network.json": json.dumps(settings | self.weights.to_dict(), indent=2)}

    def skeleton(self, saved: Saved) -> TagNetwork:
        values, where = saved.json("network.json"), saved.where("network.json")
        check_choice(values, "head", HEADS, where)
        sizes = [whole_number(values, name, where, 1, 1 << 24) for name in ("width", "n_tags")]
        with torch.device("meta"):
            return TagNetwork(*sizes, head=values["head"])

    def build(self, saved: Saved) -> TagNetwork:
        values = saved.json("network.json")
        tell_passed_over({"head": self.head}, saved)
        self.head = values["head"]
        self.weights.check_head(self.head)
        self.weights.from_dict(values)
        return TagNetwork(values["width"], values["n_tags"], head=self.head)

    def for_shim(self, shim: TaggerShim) -> SharedRunner:
        return SharedRunner(
            shim, head=self.head, label_smoothing=self.label_smoothing, weights=self.weights.copy()
        )

    def accumulate(self, model: Model, gold: Gold, vectors: list[Any]) -> tuple[torch.Tensor, list[Any]]:
        """The summed loss, and its gradient for each doc's (tokens, width) vectors. It is the sum's, as that of
        spaCy's own components is: a mean's would be nothing beside theirs in the layer they share."""
        network = self.shim.begin(gold.docs)
        network.head.dropout.p = gold.drop
        flat, solid = self._flat(model, gold.docs, vectors)
        flat.requires_grad_(True)
        tags = torch.from_numpy(gold.tags).to(flat.device)
        n_labelled = int((gold.tags >= 0).sum())
        with self.shim.forward_context():
            scores = network.head(flat[solid]).float()
            if not len(solid):  # white space alone
                loss = scores.sum()
            else:
                sizes = _sizes(gold.docs)
                loss = self.loss(scores, tags, sizes[sizes > 0])
        (d_flat,) = self.shim.accumulate(loss, n_labelled, [flat])
        parts = torch.split(d_flat, [len(doc) for doc in gold.docs])
        return loss.detach(), [torch2xp(part.contiguous(), ops=model.ops) for part in parts]

    def loss(self, scores: torch.Tensor, tags: torch.Tensor, sizes: np.ndarray) -> torch.Tensor:
        """Summed over labelled tokens. scores: (tokens, tags); sizes: tokens of each document that has some."""
        head = self.shim.network.head
        if head.crf:
            return crf_loss(head, scores, tags, torch.from_numpy(sizes))
        weight = self.weights.tensor(scores.device)
        return token_loss(scores, tags, smoothing=self.label_smoothing, weight=weight)

    def predict(self, model: Model, docs: list[Any], vectors: list[Any]) -> Emissions:
        network, context = self.shim.predictor()
        offsets = np.concatenate([[0], np.cumsum(_sizes(docs))]) if docs else np.zeros(1, np.int64)
        with torch.inference_mode(), context:
            flat, solid = self._flat(model, docs, vectors)
            dtype = (
                network.head.linear.weight.dtype
                if hasattr(network.head.linear.weight, "dtype")
                else flat.dtype
            )
            return Emissions([network.head(flat[solid].to(dtype))], offsets)

    def _flat(self, model: Model, docs: Any, vectors: list[Any]) -> tuple[torch.Tensor, torch.Tensor]:
        device = self.shim.device
        flat = xp2torch(model.ops.xp.concatenate(vectors), device=device).detach()
        return flat, torch.from_numpy(np.flatnonzero(solid_tokens(docs))).to(device)


def _sizes(docs: Any) -> np.ndarray:
    """(docs,) int64 tokens that are not white space."""
    return np.array([int(solid_tokens([doc]).sum()) if len(doc) else 0 for doc in docs], dtype=np.int64)


def width_of(tok2vec: Model, sample: list[Any]) -> int:
    """Of the layer's vectors. Raises ConfigError where neither it nor a sample tells."""
    if tok2vec.has_dim("nO"):
        return int(tok2vec.get_dim("nO"))
    if sample:
        return int(tok2vec.predict(sample)[0].shape[1])
    raise ConfigError("the tok2vec layer does not know its width", expected="examples to initialise it with")


def forward(model: Model, inputs: Any, is_train: bool) -> tuple[Any, Callable]:
    """As `cloudner.model.runners.own_encoder.forward`; the callback hands the layer below its gradients. Docs go down in the
    order they came: a listener aligns them by position."""
    runner: SharedRunner = model.shims[0].runner  # type: ignore[attr-defined]
    tok2vec = model.get_ref("tok2vec")
    if isinstance(inputs, Gold):
        vectors, back = tok2vec(list(inputs.docs), is_train=True)
        loss, d_vectors = runner.accumulate(model, inputs, vectors)
        return loss, lambda d_loss: back(d_vectors)
    docs = list(inputs)
    return runner.predict(model, docs, tok2vec.predict(docs)), lambda d_scores: []

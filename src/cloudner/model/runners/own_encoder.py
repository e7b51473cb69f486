"""The thinc model around the network: documents in, scores of tags out; with gold tags, one accumulated loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from spacy.tokens import Doc
from thinc.api import Model

from cloudner.corpus.training.batcher import register_counter
from cloudner.model.compiling import compile_encoder
from cloudner.model.cpu.dropout import pool_dropout
from cloudner.model.cpu.sparse_embeddings import sparse_table
from cloudner.model.network.attention import short_attention, without_plans
from cloudner.model.network.batch import Sequences
from cloudner.model.network.encoder import build_from_config, load_pretrained, longest_input
from cloudner.model.network.sequences import Prepared, to_device
from cloudner.model.network.tag_network import Network, TagNetwork
from cloudner.model.prediction.emissions import Emissions
from cloudner.model.prediction.packing import PackedPrediction
from cloudner.model.runners.budgets import Budgets
from cloudner.model.runners.inputs import Gold
from cloudner.model.runners.micro_batches import OVERHEAD, in_micro_batches
from cloudner.model.runners.skeleton import read_tokenizer, skeleton, take_saved, texts
from cloudner.model.runners.windowing import Windowing
from cloudner.model.saving import Saved
from cloudner.model.settings import Settings, check_settings, check_smoothing
from cloudner.model.shim import TaggerShim
from cloudner.model.training.class_weights import ClassWeights
from cloudner.model.training.fast_paths import FastPaths
from cloudner.model.training.loss import crf_loss, token_loss
from cloudner.model.training.masking import masked
from cloudner.model.training.regularization import pass_for
from cloudner.model.training.swapping import swapped
from cloudner.pieces.cache import PieceCache
from cloudner.pieces.tokenizer import Pieces, PieceTokenizer
from cloudner.pieces.windows import Windows


class EncoderRunner:
    """Runs a network that owns its encoder: pieces, windows, micro-batches, and what to do when memory runs out."""

    # Settings that make the network; a saved one has its own.
    _of_network: tuple[str, ...] = ("head", "pooling", "case_features")

    def __init__(self, shim: TaggerShim, settings: Settings) -> None:
        self.shim, self.settings = shim, settings
        self.tokenizer: PieceTokenizer | None = None
        self.cache: PieceCache | None = None
        self.weights = ClassWeights(settings.class_weights)
        self._budgets = Budgets(settings)
        self._windowing = Windowing(settings)
        # Called between two micro-batches of a prediction: a service lets short texts pass. What it raises ends it.
        self.between: Callable[[], None] | None = None
        self._paths: tuple[Any, FastPaths] | None = None
        self._packed = PackedPrediction(settings.fast)

    def __getstate__(self) -> dict[str, Any]:
        here = {"_paths": None, "between": None, "_packed": PackedPrediction(self.settings.fast)}
        return {**self.__dict__, **here}  # without what is of this process and its device

    # -- making, saving, copying ------------------------------------------------------------------------------

    def start(self, n_tags: int) -> None:
        """The pretrained encoder with a fresh head."""
        check_smoothing(self.settings.head, self.settings.label_smoothing)
        encoder, tokenizer = load_pretrained(self.settings.encoder, **self._rates())
        self.set_tokenizer(tokenizer)
        assert self.cache is not None
        register_counter(self.cache)
        wanted = self.settings.case_features
        cases = tokenizer.uncased if wanted == "auto" else bool(wanted)
        self.shim.set_network(self._network(encoder, n_tags, cases=cases))

    def _rates(self) -> dict[str, float | None]:
        return {"dropout": self.settings.dropout, "attention_dropout": self.settings.attention_dropout}

    def _network(self, encoder: torch.nn.Module, n_tags: int, *, cases: bool) -> Network:
        s = self.settings
        if s.compile:
            compile_encoder(encoder, self.shim.device)
        else:
            pool_dropout(encoder)
        network = self._made(encoder, n_tags, cases=cases)
        network.freeze(s.freeze_layers, embeddings=s.freeze_embeddings)
        if s.gradient_checkpointing:
            encoder.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})  # type: ignore[operator]
        return network

    def _made(self, encoder: torch.nn.Module, n_tags: int, *, cases: bool) -> Network:
        s = self.settings
        return Network(encoder, n_tags, pooling=s.pooling, head=s.head, case_features=cases)

    def _facts(self, network: Network) -> dict[str, Any]:
        """What network.json says of the head."""
        head = "crf" if network.head.crf else "softmax"
        return {"n_tags": network.head.linear.out_features, "head": head} | self.weights.to_dict()

    def files(self, network: TagNetwork) -> dict[str, str]:
        assert isinstance(network, Network)
        assert self.tokenizer is not None
        return texts(network, self.tokenizer, self._facts(network))

    def skeleton(self, saved: Saved) -> Network:
        return skeleton(saved)

    def build(self, saved: Saved) -> Network:
        encoder = build_from_config(saved.files["encoder.json"], **self._rates())
        tokenizer, values = read_tokenizer(saved, encoder), saved.json("network.json")
        take_saved(self.settings, self._of_network, saved)
        check_settings(self.settings)
        self.weights.from_dict(values)
        network = self._network(encoder, values["n_tags"], cases=values["case_features"])
        tokenizer.max_length = min(tokenizer.max_length, longest_input(encoder.config))
        self.set_tokenizer(tokenizer)
        return network

    def for_shim(self, shim: TaggerShim) -> EncoderRunner:
        made = type(self)(shim, self.settings)
        made.weights = self.weights.copy()
        if self.tokenizer is not None:
            made.set_tokenizer(self.tokenizer)
        return made

    def set_tokenizer(self, tokenizer: PieceTokenizer) -> None:
        self.tokenizer, self.cache = tokenizer, PieceCache(tokenizer)

    @property
    def network(self) -> Network:
        network = self.shim.network
        assert isinstance(network, Network)
        return network

    @property
    def shrunk(self) -> dict[str, int]:
        """The budgets found by running out of memory."""
        return self._budgets.shrunk

    def budget(self, mode: str) -> int:
        """Most padded word pieces of a micro-batch in "train" or "predict"."""
        return self._budgets.most(mode, self._kind)

    @property
    def _kind(self) -> str:
        return "cuda" if self.shim.device.type == "cuda" else "cpu"

    def _in_micro_batches(
        self, rows: np.ndarray, lengths: np.ndarray, mode: str, run: Callable[[np.ndarray], None]
    ) -> None:
        in_micro_batches(
            rows,
            lengths,
            run,
            budget=lambda: self.budget(mode),
            overhead=OVERHEAD[self._kind],
            make_room=lambda: mode == "train" and self.paths.give_up("memory ran out"),
            shrink=lambda pieces: self._budgets.shrink(mode, pieces),
        )

    def windows(self, pieces: Sequence[Pieces], docs: Sequence[Doc] = ()) -> Windows:
        assert self.tokenizer is not None
        return self._windowing(pieces, docs, self.tokenizer.max_length)

    # -- training ---------------------------------------------------------------------------------------------

    def accumulate(self, gold: Gold) -> torch.Tensor:
        """Adds gradients to the shim's; returns the summed loss, detached, still on the device."""
        network = self.shim.begin(gold.docs)
        assert isinstance(network, Network)
        assert self.cache is not None
        network.head.dropout.p = gold.drop
        register_counter(self.cache)
        pieces = self.cache.encode(gold.keys, gold.docs)
        if gold.mentions is not None:
            pieces, tags = swapped(pieces, gold.tags, gold.mentions, self.settings.swap_entities)
            gold = replace(gold, tags=tags)
        if self.settings.mask_words:
            pieces = masked(pieces, self.settings.mask_words, self.cache.tokenizer.mask)
        prepared = self._prepared(pieces, gold.docs)
        labelled = self._labelled(prepared, gold)  # a sequence without labelled tokens teaches nothing
        total: list[torch.Tensor] = []
        taught = np.flatnonzero(labelled > 0)
        paths = self.paths

        def run(rows: np.ndarray) -> None:
            n_labelled = int(labelled[rows].sum())
            loss = paths.run(prepared, rows, gold, n_labelled)
            if loss is None:
                loss = self.plain(prepared, rows, gold, n_labelled)
            total.append(loss)

        with nullcontext() if self.settings.compile else sparse_table(network.encoder):  # compiled: dense
            self._in_micro_batches(taught, self._costs(prepared.lengths, "train"), "train", run)
        return torch.stack(total).sum() if total else torch.zeros((), device=self.shim.device)

    def _prepared(self, pieces: list[Pieces], docs: Sequence[Doc]) -> Prepared:
        return Prepared(pieces, lambda p: self.windows(p, docs))

    def _labelled(self, prepared: Prepared, gold: Any) -> np.ndarray:
        """(sequences,) by how much each counts in the mean."""
        known = np.append(0, np.cumsum(gold.tags >= 0))
        return known[prepared.row_bounds[1:]] - known[prepared.row_bounds[:-1]]

    def _costs(self, lengths: np.ndarray, mode: str) -> np.ndarray:
        """(sequences,) int64 what each needs of a micro-batch's budget: its pieces."""
        return lengths

    @property
    def paths(self) -> FastPaths:
        """Which fast paths train this network; a new network begins anew."""
        if self._paths is None or self._paths[0] is not self.shim.step:
            self._paths = self.shim.step, FastPaths(self, self.settings.fast)
        return self._paths[1]

    def plain(self, prepared: Prepared, rows: np.ndarray, gold: Gold, n_labelled: int) -> torch.Tensor:
        """Forward and backward pass of these sequences, kernel by kernel; the summed loss, detached."""
        batch, tokens = self._sequences(prepared, rows, self.network)
        tags = to_device(gold.tags[tokens], self.shim.device)
        take = pass_for(self.settings)
        with without_plans(self.shim.device):
            return take(self, batch, tags, prepared.sizes[rows], n_labelled)

    def loss(self, scores: torch.Tensor, tags: torch.Tensor, sizes: np.ndarray) -> torch.Tensor:
        """Summed over labelled tokens. scores: (tokens, tags); sizes: tokens of each sequence."""
        head = self.network.head
        if head.crf:
            return crf_loss(head, scores, tags, torch.from_numpy(sizes))
        weight = self.weights.tensor(scores.device)
        return token_loss(scores, tags, smoothing=self.settings.label_smoothing, weight=weight)

    def scores(self, batch: Sequences) -> torch.Tensor:
        """(tokens, tags) fp32 of the network in training."""
        if self.shim.device.type == "cpu":
            return self._run(self.network, batch)
        with self.paths.calls(batch):
            return self.network(batch)

    def _run(self, network: TagNetwork, batch: Sequences) -> torch.Tensor:
        if self.settings.compile or self.settings.gradient_checkpointing:  # neither sees a mode of the calls
            return network(batch)
        if batch.ids.device.type == "cuda":
            return self._packed(network, batch)
        with short_attention(self.shim.device):
            return network(batch)

    # -- prediction -------------------------------------------------------------------------------------------

    def predict(self, docs: Sequence[Doc]) -> Emissions:
        network, context = self.shim.predictor()  # says what to do where nothing is initialised yet
        assert self.tokenizer is not None
        prepared = self._prepared(self.tokenizer.encode(docs), docs)
        parts: list[tuple[np.ndarray, torch.Tensor]] = []

        def run(rows: np.ndarray) -> None:
            if parts and self.between is not None:
                self.between()
            batch, tokens = self._sequences(prepared, rows, self.network)
            with context, without_plans(self.shim.device):
                parts.append((tokens, self._run(network, batch)))

        with torch.inference_mode():
            self._in_micro_batches(np.arange(len(prepared.lengths)), prepared.lengths, "predict", run)
            if not parts:
                return Emissions([torch.zeros(0, network.head.linear.out_features)], prepared.offsets)
            order = np.concatenate([tokens for tokens, _ in parts])
            return Emissions([part for _, part in parts], prepared.offsets, order)

    # -- both -------------------------------------------------------------------------------------------------

    def _sequences(
        self, prepared: Prepared, rows: np.ndarray, network: Network
    ) -> tuple[Sequences, np.ndarray]:
        assert self.tokenizer is not None
        return prepared.sequences(
            rows,
            self.tokenizer.special,
            self.shim.device,
            most=self.tokenizer.max_length,
            counts=network.pooling != "first",
            cases=network.cases is not None,
        )


def forward(model: Model, inputs: Any, is_train: bool) -> tuple[Any, Callable]:
    """thinc's forward: docs give `Emissions`; `Gold` gives the summed loss, its gradients already accumulated.

    An encoder's micro-batches go forward and backward one after another, so that only one is held in memory; the
    callback that thinc expects has nothing left to do.
    """
    tagger: EncoderRunner = model.shims[0].runner  # type: ignore[attr-defined]
    if isinstance(inputs, Gold):
        return tagger.accumulate(inputs), lambda d_loss: []
    return tagger.predict(list(inputs)), lambda d_scores: []

"""Training passes as CUDA graphs: a step of 16 sentences is bound by the launching of its thousand kernels, and a graph is
launched as one.

A graph is made for a shape of micro-batch: (sequences, length) rounded up, the further sequences holding one piece and no
tag. It holds the forward pass, the loss and the gradients, which it writes into one flat buffer. A second graph
holds the norm, clipping and AdamW. What changes from step to step goes in through tensors that stay where they are.

In half precision the linear layers' weights are cast once per step to the type they are multiplied in, and gradients are
taken for the copies: what autocast does with a kernel for each weight, twice a pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from cloudner.model.network.attention import without_plans
from cloudner.model.network.batch import Sequences
from cloudner.model.network.lean import LeanCalls
from cloudner.model.network.masks import attention_mask
from cloudner.model.network.sequences import Prepared
from cloudner.model.network.tag_network import Network, encode
from cloudner.model.precision import autocast
from cloudner.model.training.capturing import captured, on_stream
from cloudner.model.training.loss import token_loss

if TYPE_CHECKING:
    from cloudner.model.training.step import TrainingStep

# Shapes that are kept as graphs; a micro-batch of any other is run as it is.
MOST_GRAPHS = 64
_HALF = {"bf16": torch.bfloat16, "fp16": torch.float16}


def rounded(count: int, longest: int, most: int) -> tuple[int, int]:
    """Sequences and length of the graph that takes a micro-batch of this shape: few shapes, little padding. most: the
    longest sequence that the encoder reads."""
    step = 1 if count <= 2 else 4 if count <= 32 else 16
    stride = 8 if longest <= 32 else 16 if longest <= 128 else 32
    return -(-count // step) * step, max(longest, min(-(-longest // stride) * stride, most))


class FlatGradients:
    """One buffer for the gradients of all trained parameters; each parameter's `grad` is a view of it."""

    def __init__(self, parameters: Sequence[nn.Parameter]) -> None:
        self.parameters = list(parameters)
        # Each begins at a multiple of 128 bytes, as separate tensors would.
        starts = np.cumsum([0, *(-(-p.numel() // 32) * 32 for p in self.parameters)])
        self.buffer = torch.zeros(int(starts[-1]), device=self.parameters[0].device)
        self.views = [
            self.buffer[start : start + p.numel()].as_strided(p.shape, p.stride())
            for p, start in zip(self.parameters, starts.tolist(), strict=False)
        ]

    def take_over(self) -> None:
        """From now on they are the parameters' gradients; what these had is kept."""
        had = [
            (view, p.grad) for p, view in zip(self.parameters, self.views, strict=True) if p.grad is not None
        ]
        if had:
            self.buffer.zero_()
            torch._foreach_copy_([view for view, _ in had], [grad for _, grad in had])
        for p, view in zip(self.parameters, self.views, strict=True):
            p.grad = view

    def holds_all(self) -> bool:
        return self.parameters[0].grad is self.views[0]


@dataclass(slots=True)
class Shape:
    """A captured pass and the tensors it reads and writes. given: (4, sequences, length) int32: ids, tags (-1: none), case
    classes, 1 where there is a piece."""

    graph: Any
    given: torch.Tensor
    loss: torch.Tensor


class GraphedPasses:
    """Runs plain passes of a network as graphs; see the head of the module.

    most: the longest sequence that the encoder reads. special: ids by "pad", "cls", "sep".
    """

    def __init__(
        self,
        step: TrainingStep,
        *,
        most: int,
        special: dict[str, int],
        smoothing: float,
        weight: torch.Tensor | None,
    ) -> None:
        assert isinstance(step.network, Network)
        self.step, self.network = step, step.network
        self.most, self.special, self.smoothing, self.weight = most, special, smoothing, weight
        self.flat = FlatGradients(step.parameters)
        self.shadows: dict[str, torch.Tensor] = {}
        self._masters: list[torch.Tensor] = []
        if step.precision in _HALF:
            self._make_shadows(_HALF[step.precision])
        own = {id(p): name for name, p in self.network.named_parameters()}
        self.leaves = [self.shadows.get(own[id(p)], p) for p in step.parameters]
        self.pool: Any = None  # of memory, which all graphs share: they never run at once
        self.side: Any = None  # the stream that is captured
        self.lean: tuple[str, ...] = ()  # calls within a pass, see `network/lean.py`
        self.shapes: dict[tuple[Any, ...], Shape] = {}
        self.seen: dict[tuple[Any, ...], int] = {}
        self.taking: Any = None  # the graph of norm, clipping and AdamW
        self._taken: tuple[Any, ...] = ()
        self._facts = torch.zeros(4)

    def _make_shadows(self, dtype: torch.dtype) -> None:
        for prefix, module in self.network.named_modules():
            if type(module) is nn.Linear:
                for name, p in module.named_parameters(recurse=False):
                    shadow = p.detach().to(dtype).requires_grad_(p.requires_grad)
                    self.shadows[f"{prefix}.{name}"] = shadow
                    self._masters.append(p)

    def begin(self, lean: tuple[str, ...]) -> None:
        """Anew, with these lean calls. The memory that graphs share goes with the last of them."""
        self.lean, self.side = lean, None
        self.shapes.clear()
        self.seen.clear()

    # -- a pass -----------------------------------------------------------------------------------------------

    def key(self, prepared: Prepared, rows: np.ndarray) -> tuple[Any, ...]:
        """The key under which the graph for these sequences is kept."""
        lengths = prepared.lengths[rows]
        shape = rounded(len(rows), int(lengths.max()), self.most)
        return (*shape, float(self.network.head.dropout.p), self.network.training, self.step.labelled == 0)

    def run(self, key: tuple[Any, ...], given: np.ndarray, n_labelled: int) -> torch.Tensor:
        """The pass over `given`, as `pack` makes it: gradients are added to the step's. Returns the summed loss, on the
        device. Raises what capturing raises, with nothing added."""
        if self.step.labelled == 0:
            self.refresh()
        shape = self.shapes.get(key)
        if shape is None:
            shape = self.shapes[key] = self.capture(key)
        if self.step.graphs is self:
            self.step.take_flat()
        shape.given.copy_(torch.from_numpy(given).pin_memory(), non_blocking=True)
        shape.graph.replay()
        self.step.labelled += n_labelled
        return shape.loss.clone()

    def refresh(self) -> None:
        """Cast the weights to the type they are multiplied in."""
        if self._masters:
            with torch.no_grad():
                torch._foreach_copy_(list(self.shadows.values()), self._masters)

    def capture(self, key: tuple[Any, ...]) -> Shape:
        """Make the graph of a key; one ordinary pass goes before it, in which kernels and workspaces are made."""
        count, length, rate, training, first = key
        self.network.train(training)
        self.network.head.dropout.p = rate
        if self.side is None:
            self.pool = torch.cuda.graph_pool_handle()
            self.side = torch.cuda.Stream(self.step.device)
        shape = self.empty(count, length, torch.cuda.CUDAGraph())
        self._pass(shape, first)  # of nothing: it adds zeros
        with on_stream(self.side), captured(shape.graph, self.pool):
            self._pass(shape, first)
        return shape

    def empty(self, count: int, length: int, graph: Any) -> Shape:
        device = self.step.device
        given = torch.from_numpy(self.pack_nothing(count, length)).to(device)
        return Shape(graph, given, torch.zeros((), device=device))

    def _pass(self, shape: Shape, first: bool) -> None:
        """What a graph holds: the pass over `shape.given`; its loss there, its gradients in the flat buffer."""
        network, step = self.network, self.step
        ids, tags, cases, real = (part.long() for part in shape.given)
        batch = Sequences(ids=ids, lengths=real.sum(1), token_first=ids, cases=cases)
        with autocast(step.device, step.precision), without_plans(step.device):
            with LeanCalls(self.lean, batch, network.encoder) if self.lean else nullcontext():
                scores = torch.func.functional_call(_Scores(network), _under(self.shadows), (batch,))
            loss = token_loss(scores, tags.flatten(), smoothing=self.smoothing, weight=self.weight)
            gradients = torch.autograd.grad(step.scaled(loss), self.leaves, allow_unused=True)
        shape.loss.copy_(loss.detach())
        self._write(gradients, first)

    def _write(self, gradients: Sequence[torch.Tensor | None], first: bool) -> None:
        """Write gradients into the flat buffer; the `first` of a step overwrites what was there."""
        by_type: dict[torch.dtype, tuple[list[torch.Tensor], list[torch.Tensor]]] = {}
        for view, gradient in zip(self.flat.views, gradients, strict=True):
            if gradient is None:
                if first:
                    view.zero_()
                continue
            views, values = by_type.setdefault(gradient.dtype, ([], []))
            views.append(view)
            values.append(gradient)
        for views, values in by_type.values():
            if first:
                torch._foreach_copy_(views, values)
            else:
                torch._foreach_add_(views, [value.float() for value in values])

    # -- norm, clipping, AdamW --------------------------------------------------------------------------------

    def take(self, adamw: Any, grad_clip: float) -> None:
        """What `TrainingStep.launch` does, from the second step on as a graph."""
        ready = (id(adamw), grad_clip)
        if self.taking is not None and self._taken == ready:
            self.taking.replay()
            self.step.facts = self._facts
            return
        self.step.launch(adamw, grad_clip)
        if not adamw.whole:
            return
        # Made now, used from the next step on: a capture runs nothing, so what this step has to say is the launched one's.
        said = self.step.facts
        graph = torch.cuda.CUDAGraph()
        with on_stream(self.side), captured(graph, self.pool):
            self.step.launch(adamw, grad_clip, captured=True)
        self.taking, self._taken, self._facts = graph, ready, self.step.facts
        self.step.facts = said

    # -- what goes in -----------------------------------------------------------------------------------------

    def pack_nothing(self, count: int, length: int) -> np.ndarray:
        """(4, count, length) int32 of sequences that hold one piece and no tag."""
        given = np.zeros((4, count, length), dtype=np.int32)
        given[0] = self.special["pad"]
        given[1] = -1
        given[3, :, 0] = 1
        return given

    def pack(
        self, prepared: Prepared, rows: np.ndarray, tags: np.ndarray, count: int, length: int
    ) -> np.ndarray:
        """(4, count, length) int32 of these sequences; tags: (tokens,) int64 of all documents."""
        given = self.pack_nothing(count, length)
        prepared.fill(given, rows, tags, self.special)
        return given


class _Scores(nn.Module):
    """(sequences * length, tags) fp32 scores of every piece, so that shapes do not depend on tokens."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, batch: Sequences) -> torch.Tensor:
        network = self.network
        mask = attention_mask(network.encoder, batch)
        pieces = encode(network.encoder, network.cases, batch.ids, mask, batch.cases)
        return network.head(pieces.flatten(0, 1)).float()


def _under(shadows: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {f"network.{name}": tensor for name, tensor in shadows.items()}

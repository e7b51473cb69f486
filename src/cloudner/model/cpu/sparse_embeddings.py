"""The gradient of an embedding table, of which a step touches only few rows."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import nn


class RowGradients:
    """Dense gradients that start at zero without being filled: their memory is kept, and only rows that a step has
    touched are zeroed. A BERT's table is 47 to 94 MB, and filling it anew took a sixth of a CPU's training step.
    """

    def __init__(self) -> None:
        self._kept: dict[torch.Tensor, torch.Tensor] = {}
        self._touched: dict[torch.Tensor, list[torch.Tensor]] = {}

    def add(self, parameter: torch.Tensor, gradient: torch.Tensor) -> None:
        """Add a sparse (COO) gradient, of the parameter's shape, to `parameter.grad`."""
        if parameter.grad is None:
            kept = self._kept.get(parameter)
            if kept is None or kept.shape != parameter.shape:
                kept = self._kept[parameter] = torch.zeros_like(parameter)
            parameter.grad = kept
        parameter.grad.add_(gradient)
        if parameter.grad is self._kept.get(parameter):
            self._touched.setdefault(parameter, []).append(gradient._indices()[0])

    def release(self, gradients: list[torch.Tensor]) -> None:
        """Stop tracking the touched rows of these gradients: the caller is about to add dense gradients to them, after which
        any row may be nonzero. A gradient that is released is not reused for the next step."""
        theirs = {id(gradient) for gradient in gradients}
        for parameter in [p for p, kept in self._kept.items() if id(kept) in theirs]:
            del self._kept[parameter]
            self._touched.pop(parameter, None)

    def nonzero(self, parameter: torch.Tensor) -> torch.Tensor:
        """`parameter.grad`, or its touched rows alone, where the others are zero."""
        touched = self._touched.get(parameter)
        assert parameter.grad is not None
        if not touched or parameter.grad is not self._kept.get(parameter):
            return parameter.grad
        return parameter.grad[torch.cat(touched).unique()]

    def clear(self) -> None:
        """Zero the touched rows. Setting the parameters' `grad` to None is left to the caller."""
        for parameter, touched in self._touched.items():
            self._kept[parameter].index_fill_(0, torch.cat(touched), 0.0)
        self._touched.clear()


@contextlib.contextmanager
def sparse_table(encoder: nn.Module) -> Iterator[None]:
    """Inside this context the backward pass gives the gradient of the encoder's word-piece embeddings as a sparse tensor."""
    table = encoder.get_input_embeddings()  # type: ignore[operator]
    if not isinstance(table, nn.Embedding) or table.weight.device.type != "cpu":
        yield  # on CUDA filling is cheap, and a sparse sum is not the same from run to run
        return
    before, table.sparse = table.sparse, True
    try:
        yield
    finally:
        table.sparse = before

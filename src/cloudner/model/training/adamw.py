"""AdamW's state and its step: on the network's device, and in host memory for what has no room there."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from cloudner.model.memory_errors import is_out_of_memory
from cloudner.model.training.optimizer import FusedAdamW, make_torch_optimizer, parameter_groups

logger = logging.getLogger("cloudner")


class AdamWStep:
    """Steps a network as a `FusedAdamW` says.

    A parameter's state, two tensors of its size, is made before the step and as a whole, so running out of memory
    leaves weights and states as they were. Then `free` is called and the state tried again; a parameter whose state
    still does not fit takes its steps in host memory: the same update, slower by the transfer of its gradient
    and weight. The step itself needs no memory.

    agree: with several processes, of a list of flags whether each is true in any of them: what has no room in one steps in
    host memory in all, so that all compute the same.
    """

    def __init__(
        self,
        network: nn.Module,
        optimizer: FusedAdamW,
        free: Callable[[], None],
        agree: Callable[[list[bool]], list[bool]] | None = None,
    ) -> None:
        self.optimizer = optimizer
        self._free, self._agree = free, agree
        self._tried_freeing = False
        self._on_device = make_torch_optimizer(parameter_groups(network, optimizer), optimizer)
        # Groups as on the device, of the parameters that step in host memory, and their copies there.
        self._moved: list[list[torch.Tensor]] = [[] for _ in self._on_device.param_groups]
        self._copies: dict[torch.Tensor, torch.Tensor] = {}
        self._in_host: torch.optim.AdamW | None = None
        self._inputs: torch.Tensor | None = None  # on a GPU, see `prepare`

    @property
    def state(self) -> dict[torch.Tensor, Any]:
        """The state by parameter, for parameters whose state is on the device."""
        return self._on_device.state

    def tensors(self, named: dict[str, nn.Parameter]) -> dict[str, torch.Tensor]:
        """Copies on the CPU of the state by name of parameter: "exp_avg/NAME", "exp_avg_sq/NAME", "step/NAME"."""
        found: dict[str, torch.Tensor] = {}
        for name, parameter in named.items():
            copied = self._copies.get(parameter)
            state = self._on_device.state.get(parameter)
            if not state and copied is not None and self._in_host is not None:
                state = self._in_host.state.get(copied)
            for key, value in (state or {}).items():
                found[f"{key}/{name}"] = torch.as_tensor(value).detach().to("cpu", copy=True).contiguous()
        return found

    def set_tensors(self, named: dict[str, nn.Parameter], tensors: dict[str, torch.Tensor]) -> None:
        """Set what `tensors` gave. Raises torch.OutOfMemoryError where the device has no room for it."""
        names = {parameter: name for name, parameter in named.items()}
        for group in self._on_device.param_groups:
            for parameter in group["params"]:
                name = names[parameter]
                if f"exp_avg/{name}" not in tensors:
                    continue
                if not self._make(parameter):
                    raise torch.OutOfMemoryError(f"no room for the optimizer's state of {name}")
                for key, value in self._on_device.state[parameter].items():
                    value.copy_(tensors[f"{key}/{name}"])

    def step(self, factor: float) -> None:
        """One step on a CPU with all gradients multiplied by `factor`."""
        self._make_states()
        step = self._on_device
        self._set_rates(step)
        if step.defaults.get("fused"):
            # The fused kernel divides gradients by grad_scale as it reads them: one pass less over all of them.
            step.grad_scale = torch.full((), 1.0 / factor)  # type: ignore[attr-defined]
            step.found_inf = torch.zeros(())  # type: ignore[attr-defined]
        else:
            gradients = [p.grad for g in step.param_groups for p in g["params"] if p.grad is not None]
            torch._foreach_mul_(gradients, factor)
        if any(group["params"] for group in step.param_groups):
            step.step()
        if self._in_host is not None:
            self._step_in_host(self._in_host, factor)

    def prepare(self, share: float) -> None:
        """Before `launch`: states, and on the device the learning rates and `share`, what the summed gradients are
        multiplied by to be means. Does not wait."""
        self._make_states()
        groups = self._on_device.param_groups
        values = [share, *(self.optimizer.learn_rate * group["scale"] for group in groups)]
        if self._inputs is None:
            device = next((p.device for g in groups for p in g["params"]), torch.device("cuda"))
            self._inputs = torch.zeros(len(values), device=device)
        self._inputs.copy_(torch.tensor(values).pin_memory(), non_blocking=True)

    @property
    def share(self) -> torch.Tensor:
        """() float32, as `prepare` was told."""
        assert self._inputs is not None
        return self._inputs[0]

    def launch(self, divisor: torch.Tensor, held: torch.Tensor, *, captured: bool = False) -> None:
        """One step on a GPU with all gradients divided by `divisor`; none where `held` is 1. Both () float32 there.
        captured: into a CUDA graph, which looks up the learning rate each time."""
        assert self._inputs is not None
        for number, group in enumerate(self._on_device.param_groups):
            parameters = [p for p in group["params"] if p.grad is not None]
            if not parameters:
                continue
            states = [self._on_device.state[p] for p in parameters]
            steps = [state["step"] for state in states]
            torch._foreach_add_(steps, [1.0 - held] * len(steps))
            torch._fused_adamw_(
                parameters,
                [p.grad for p in parameters],
                [state["exp_avg"] for state in states],
                [state["exp_avg_sq"] for state in states],
                [],
                steps,
                lr=self._inputs[1 + number] if captured else self.optimizer.learn_rate * group["scale"],
                beta1=self.optimizer.b1,
                beta2=self.optimizer.b2,
                weight_decay=group["weight_decay"],
                eps=self.optimizer.eps,
                amsgrad=False,
                maximize=False,
                grad_scale=divisor,
                found_inf=held,
            )
        if self._in_host is not None:
            by, left_out = torch.stack([divisor, held]).tolist()
            if not left_out:
                self._step_in_host(self._in_host, 1.0 / by)

    @property
    def whole(self) -> bool:
        """Is the state of every parameter on the device?"""
        return self._in_host is None

    def _set_rates(self, step: torch.optim.AdamW) -> None:
        for group in step.param_groups:
            group["lr"] = self.optimizer.learn_rate * group["scale"]

    def _make_states(self) -> None:
        new = [
            (number, parameter)
            for number, group in enumerate(self._on_device.param_groups)
            for parameter in group["params"]
            if parameter.grad is not None and not self._on_device.state.get(parameter)
        ]
        if not new:
            return
        no_room = [not self._make(parameter) for _, parameter in new]
        if self._agree is not None:
            no_room = self._agree(no_room)
        for (number, parameter), moved in zip(new, no_room, strict=True):
            if moved:
                self._on_device.state.pop(parameter, None)
                group = self._on_device.param_groups[number]
                group["params"] = [p for p in group["params"] if p is not parameter]
                self._moved[number].append(parameter)
        if any(no_room):
            self._move()

    def _make(self, parameter: torch.Tensor) -> bool:
        """The state of `parameter`, as torch's AdamW makes it; false where there is no room."""
        while True:
            try:
                state = {
                    "step": torch.zeros((), dtype=torch.float32, device=parameter.device)
                    if self._on_device.defaults.get("fused")
                    else torch.tensor(0.0),
                    "exp_avg": torch.zeros_like(parameter, memory_format=torch.preserve_format),
                    "exp_avg_sq": torch.zeros_like(parameter, memory_format=torch.preserve_format),
                }
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                if self._tried_freeing:
                    return False
            else:
                self._on_device.state[parameter] = state
                return True
            self._tried_freeing = True  # out here: the exception keeps what had been made
            self._free()

    def _move(self) -> None:
        """Copies in host memory, with the states of those that are there already."""
        old = self._in_host.state if self._in_host is not None else {}
        groups = []
        for group, parameters in zip(self._on_device.param_groups, self._moved, strict=True):
            for parameter in parameters:
                if parameter not in self._copies:
                    self._copies[parameter] = torch.empty_like(parameter, device="cpu").requires_grad_()
            copies = [self._copies[p] for p in parameters]
            groups.append({"params": copies, "weight_decay": group["weight_decay"], "scale": group["scale"]})
        self._in_host = make_torch_optimizer(groups, self.optimizer)
        self._in_host.state.update(old)
        size = sum(2 * 4 * p.numel() for p in self._copies) / 2**20
        logger.warning(
            "Out of memory: %d MB of the optimizer's state are in host memory; results stay the same, steps take longer. "
            'Smaller "batch_pieces", "gradient_checkpointing = true" or "freeze_embeddings = true" leave more room.',
            round(size),
        )

    @torch.no_grad()
    def _step_in_host(self, step: torch.optim.AdamW, factor: float) -> None:
        self._set_rates(step)
        for parameter, copy in self._copies.items():
            if parameter.grad is not None:
                copy.copy_(parameter)  # others may have changed it since
                copy.grad = parameter.grad.to("cpu", copy=True).mul_(factor)
        step.step()
        for parameter, copy in self._copies.items():
            if copy.grad is not None:
                parameter.copy_(copy)
                copy.grad = None

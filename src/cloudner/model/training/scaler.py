"""The factor on fp16 losses, kept on the device."""

from __future__ import annotations

import torch

# torch.amp.GradScaler's own numbers, but for the first factor: a summed loss is larger than a mean.
FIRST, GROWTH, BACKOFF, INTERVAL = 65536.0 / 256.0, 2.0, 0.5, 2000
# fp16 gradients overflow now and then and the factor backs off; this many times in a row is no accident.
MOST_OVERFLOWS = 20


class LossScaler:
    """Scales losses so that fp16 gradients neither vanish nor overflow (Micikevicius et al., 2018, "Mixed Precision
    Training", section 3.2). Nothing here waits for the device.

    scale: () float32. misses: () float32, overflows in a row.
    """

    def __init__(self, device: torch.device) -> None:
        self.scale = torch.full((), FIRST, device=device)
        self.misses = torch.zeros((), device=device)
        self._good_steps = torch.zeros((), dtype=torch.int32, device=device)

    def update(self, overflowed: torch.Tensor) -> None:
        """After a step; overflowed: () float32, 1 where its gradients were not finite."""
        self.misses.add_(1.0).mul_(overflowed)
        torch._amp_update_scale_(self.scale, self._good_steps, overflowed, GROWTH, BACKOFF, INTERVAL)

    def state(self) -> list[float]:
        return [float(self.scale), float(self.misses), float(self._good_steps)]

    def set_state(self, values: list[float]) -> None:
        for tensor, value in zip((self.scale, self.misses, self._good_steps), values, strict=True):
            tensor.fill_(value)

"""Class weights: how much a token counts in the loss, by its gold tag."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from cloudner.errors import ConfigError


class ClassWeights:
    """A setting (None, "balanced", or a table of tags or labels) and what it says for the tags there are.

    A tag's own weight goes before its label's; tags without either weigh 1. "balanced" is
    tokens / (tags seen * tokens of the tag) over the training data (King and Zeng, 2001, "Logistic Regression in
    Rare Events Data"); tags never seen weigh 1. Raises ConfigError for a setting or a name that cannot be meant.
    """

    def __init__(self, setting: str | Mapping[str, float] | None) -> None:
        if isinstance(setting, str) and setting != "balanced":
            raise ConfigError(f"class_weights = {setting!r}", expected=_EXPECTED)
        if isinstance(setting, Mapping):
            for name, weight in setting.items():
                if isinstance(weight, bool) or not (math.isfinite(weight) and weight >= 0):
                    raise ConfigError(f"class_weights.{name} = {weight!r}", expected="a number, 0 or more")
        self.setting = setting
        self.tags: list[str] = []
        self.counts: dict[str, int] = {}
        self._tensor: torch.Tensor | None = None

    @property
    def balanced(self) -> bool:
        return self.setting == "balanced"

    def check_head(self, head: str) -> None:
        if self.setting is not None and head == "crf":
            raise ConfigError(
                'class_weights with head = "crf", whose loss is that of whole sequences',
                expected='class_weights = null, or head = "softmax"',
            )

    def set_tags(self, tags: Sequence[str]) -> None:
        """The scheme's tags, in the order of the scores."""
        self.tags, self._tensor = list(tags), None
        if isinstance(self.setting, Mapping):
            known = {*tags, *(tag[2:] for tag in tags if tag != "O")}
            unknown = sorted(name for name in self.setting if name not in known)
            if unknown:
                raise ConfigError(
                    f"class_weights: {', '.join(unknown)} is no tag or label here",
                    expected=f"one of {', '.join(sorted(known))}",
                )

    def count(self, tags: np.ndarray) -> None:
        """Gold tags of the training data, (tokens,) int64; -1 is not labelled."""
        found = np.bincount(tags[tags >= 0], minlength=len(self.tags))
        self.counts = dict(zip(self.tags, found.tolist(), strict=True))
        self._tensor = None

    def values(self) -> list[float]:
        """One weight per tag."""
        if isinstance(self.setting, Mapping):
            table = self.setting
            return [float(table.get(tag, table.get(tag[2:], 1.0))) for tag in self.tags]
        if not self.counts:
            raise ConfigError(
                'class_weights = "balanced", but the tags of the training data were never counted',
                expected="a pipeline initialised with this setting",
                fix="a table of weights, or nlp.initialize(...) with the training data",
            )
        seen = [n for n in self.counts.values() if n]
        total = sum(seen)
        return [total / (len(seen) * self.counts[tag]) if self.counts.get(tag) else 1.0 for tag in self.tags]

    def tensor(self, device: torch.device) -> torch.Tensor | None:
        """(tags,) float32, or None where nothing is weighted."""
        if self.setting is None:
            return None
        if self._tensor is None or self._tensor.device != device:
            self._tensor = torch.tensor(self.values(), dtype=torch.float32, device=device)
        return self._tensor

    def copy(self) -> ClassWeights:
        made = ClassWeights(self.setting)
        made.tags, made.counts = list(self.tags), dict(self.counts)
        return made

    # What was counted goes with a saved pipeline, so that its training can go on without the data.

    def to_dict(self) -> dict[str, Any]:
        return {"tag_counts": self.counts} if self.balanced else {}

    def from_dict(self, saved: dict[str, Any]) -> None:
        self.counts, self._tensor = dict(saved.get("tag_counts", {})), None


_EXPECTED = 'null, "balanced", or a table of tags or labels and their weights'

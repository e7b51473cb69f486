"""What a shim asks of the runner of its network."""

from __future__ import annotations

from typing import Any, Protocol

from cloudner.model.network.tag_network import TagNetwork


class Runner(Protocol):
    """Knows how a network is built from text files (configuration, tokenizer) and described by them."""

    def files(self, network: TagNetwork) -> dict[str, str]: ...

    def build(self, files: dict[str, str]) -> TagNetwork: ...

    def for_shim(self, shim: Any) -> Runner:
        """One alike for a copy of the shim."""
        ...

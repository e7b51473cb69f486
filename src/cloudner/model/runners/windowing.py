"""Which windows of a document an encoder reads."""

from __future__ import annotations

from collections.abc import Sequence

from spacy.tokens import Doc

from cloudner.model.settings import Settings
from cloudner.pieces.tokenizer import Pieces
from cloudner.pieces.windows import Windows, make_windows, sentence_starts, tell_without_sentences


class Windowing:
    """told: has it been said that documents have no sentences?"""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.told = False

    def __call__(self, pieces: Sequence[Pieces], docs: Sequence[Doc], most: int) -> Windows:
        """most: the longest sequence that the encoder reads, its two special pieces included."""
        longest = min(self.settings.window or 512, most)
        sentences = None
        if self.settings.window_unit == "sentence":
            sentences = sentence_starts(docs)
            self.told = self.told or tell_without_sentences(docs)
        return make_windows(pieces, longest - 2, self.settings.context, sentences)

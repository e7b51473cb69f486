"""`@tokenizers "cloudner.EncoderPieces.v1"`: a text as a Doc whose tokens are an encoder's own word pieces.

Where no spaces part the words, an encoder reads text in pieces that it was pretrained with: single characters for most
names, whole words for common ones. One token a character takes the words away from it.
"""

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import DummyTokenizer
from spacy.vocab import Vocab

from cloudner.atomic import write_text
from cloudner.encoders.folders import resolve_encoder
from cloudner.errors import ConfigError, InputError, first_line
from cloudner.pieces.tokenizer import has_no_words


def encoder_pieces(encoder: str) -> Callable[[Language], "EncoderPieces"]:
    """A tokenizer that cuts a text where the encoder's own tokenizer does, and at white space.

    encoder: that of the component's model. Needed where a training begins: a saved pipeline carries its tokenizer.
    """

    def make(nlp: Language) -> EncoderPieces:
        return EncoderPieces(nlp.vocab, encoder)

    return make


class EncoderPieces(DummyTokenizer):
    """Text -> Doc. The encoder's tokenizer.json is read at the first text, unless `from_disk` or `from_bytes` has brought it.

    Raises ConfigError, when it is read, for an encoder that cannot be had or has no tokenizer.json, InputError for a damaged one.
    """

    def __init__(self, vocab: Vocab, encoder: str) -> None:
        self.vocab, self.encoder = vocab, encoder
        self._json: str | None = None
        self._tokenizer: Any = None

    def __call__(self, text: str) -> Doc:
        places = self._cuts(text)
        words: list[str] = []
        spaces: list[bool] = []
        for start, end in pairwise(places):
            word = text[start:end]
            if word == " " and words and not spaces[-1]:
                spaces[-1] = True
            else:
                words.append(word)
                spaces.append(False)
        return Doc(self.vocab, words=words, spaces=spaces)

    def _cuts(self, text: str) -> list[int]:
        """Where tokens begin and end, ascending: at the pieces' ends, and around each white space."""
        found = {0, len(text)}
        for start, end in self._read().encode(text, add_special_tokens=False).offsets:
            found |= {start, end}
        found |= {at + step for at, letter in enumerate(text) if letter.isspace() for step in (0, 1)}
        return sorted(found)

    def _read(self) -> Any:
        if self._tokenizer is None:
            from tokenizers import Tokenizer

            text = self.json_text()
            try:
                spec = json.loads(text)
                spec["truncation"], spec["padding"] = None, None
                self._tokenizer = Tokenizer.from_str(json.dumps(spec))
            except Exception as error:  # the library raises bare Exception
                raise InputError(
                    f"the tokenizer of the encoder {self.encoder!r} is no tokenizer.json: {first_line(error)}",
                    fix="copy the pipeline's or the encoder's folder again, or `git lfs pull` where it came with git",
                ) from error
        return self._tokenizer

    def json_text(self) -> str:
        """The contents of the tokenizer.json."""
        if self._json is None:
            self._json = _tokenizer_json(self.encoder)
        return self._json

    def _take(self, text: str) -> "EncoderPieces":
        self._json, self._tokenizer = text, None
        return self

    def to_bytes(self, **kwargs: Any) -> bytes:
        return self.json_text().encode("utf-8")

    def from_bytes(self, data: bytes, **kwargs: Any) -> "EncoderPieces":
        return self._take(data.decode("utf-8"))

    def to_disk(self, path: str | Path, **kwargs: Any) -> None:
        write_text(path, self.json_text())

    def from_disk(self, path: str | Path, **kwargs: Any) -> "EncoderPieces":
        return self._take(Path(path).read_text(encoding="utf-8"))


def _tokenizer_json(encoder: str) -> str:
    """Of a folder, or of the hub."""
    folder = resolve_encoder(encoder)
    if (Path(folder) / "tokenizer.json").is_file():
        return (Path(folder) / "tokenizer.json").read_text(encoding="utf-8")
    from transformers import AutoTokenizer

    try:
        made = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, use_fast=True)
        if has_no_words(made):
            raise ValueError("no word is in its vocabulary")
        return str(made.backend_tokenizer.to_str())
    except Exception as error:  # bare ones of the library; TypeError where there is no tokenizer at all
        raise ConfigError(
            f"the tokenizer of the encoder {encoder!r} cannot be had: {str(error).splitlines()[0] if str(error) else error!r}",
            expected="an encoder with a fast tokenizer",
        ) from error

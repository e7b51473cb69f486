"""Annotated Docs into a `.spacy` file: entities, sentence starts and user data (confidences among them), no other
annotation."""

from __future__ import annotations

from pathlib import Path

from spacy.attrs import ENT_IOB, ENT_TYPE, ORTH, SENT_START
from spacy.tokens import Doc, DocBin


class DocWriter:
    """Collects Docs as arrays, which outlive a memory zone that the Docs do not."""

    def __init__(self) -> None:
        self._frame = DocBin(attrs=[ORTH, ENT_IOB, ENT_TYPE, SENT_START], store_user_data=True)

    def __len__(self) -> int:
        return len(self._frame)

    def add(self, doc: Doc) -> None:
        self._frame.add(doc)

    def write(self, path: Path) -> None:
        path.write_bytes(self._frame.to_bytes())

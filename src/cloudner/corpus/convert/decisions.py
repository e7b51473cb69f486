"""What a reviewer decided about single annotations, and the documents with it."""

from __future__ import annotations

import hashlib
from collections import Counter


class DocumentNames:
    """Names of documents that stay the same in every format: the document's own id, else a digest of its text. The
    second document of a name is `NAME#2`, in the order of the corpus."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def name(self, own: object, text: str) -> str:
        base = str(own) if own not in (None, "") else "text-" + text_digest(text)
        self._seen[base] += 1
        return base if self._seen[base] == 1 else f"{base}#{self._seen[base]}"


def text_digest(text: str) -> str:
    """16 hexadecimal digits; white space at the end does not count, which formats of tokens do not keep."""
    return hashlib.blake2b(text.rstrip().encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()

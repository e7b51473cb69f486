"""Names of sources, which may have folders and an archive in them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from cloudner.corpus.files.compression import COMPRESSION_SUFFIXES

# How the name of a file may end that is compressed by itself; nothing first. A zip is an archive.
PACKINGS = ("", *(suffix for suffix in COMPRESSION_SUFFIXES if suffix != ".zip"))
_PARTS = re.compile(r"[/\\!]")


def base_name(name: str) -> str:
    """The file's own name: `b.ann` of `data/a.zip!x/b.ann`, on every system's separators."""
    return _PARTS.split(name)[-1]


def packing(name: str) -> str:
    """The compression suffix of a name, as it is written there, or nothing."""
    lower = name.lower()
    return next((name[-len(suffix) :] for suffix in PACKINGS[1:] if lower.endswith(suffix)), "")


def unpacked(name: str) -> str:
    """The name without a compression suffix: `a.ann` of `a.ann.gz`."""
    return name.removesuffix(packing(name))


def siblings(path: str, suffix: str, packings: Sequence[str] = PACKINGS) -> Iterator[str]:
    """What a file with another suffix may be called beside that one: `a.txt`, `a.txt.gz`, ... of `a.ann` or `a.ann.gz`.

    Last, those of a name with two suffixes (`a.sgm` of `a.apf.xml`).
    """
    plain = unpacked(path)
    name = base_name(plain)
    for stem in dict.fromkeys((name.rsplit(".", 1)[0], name.rsplit(".", 2)[0])):
        for each in packings:
            other = plain[: len(plain) - len(name)] + stem + suffix + each
            if other != path:
                yield other

"""Pairs of a text and its annotations in another file: the text is then no source of its own."""

from __future__ import annotations

from collections.abc import Callable

from cloudner.corpus.files.names import PACKINGS, unpacked

# Ending of a text: endings of the files that are read with it.
_PAIRS = {
    ".txt": (".ann", ".con", ".pipe.txt", ".pipe", ".objects"),
    ".text": (".pipe",),
    ".sgm": (".apf.xml",),
}
# Of annotations, an empty file says that there are none.
MAY_BE_EMPTY = (".ann", ".con", ".pipe.txt", ".pipe")


def is_text_of_pair(path: str, is_there: Callable[[str], bool]) -> bool:
    """Is it the text of a pair whose other file is there too? The pair is then read through that one."""
    plain = unpacked(path)
    return any(
        plain.lower().endswith(ending)
        and any(is_there(plain[: -len(ending)] + each + packed) for each in others for packed in PACKINGS)
        for ending, others in _PAIRS.items()
    )

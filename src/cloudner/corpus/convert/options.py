"""What a conversion does, as one object: for `convert` and for the command of that name."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cloudner.corpus.align.builder import NEGATIVE_KEY
from cloudner.corpus.align.to_tokens import AlignMode
from cloudner.corpus.contract import ReadOptions
from cloudner.corpus.convert.split import parse_split
from cloudner.corpus.docbin.writer import SHARD_TOKENS
from cloudner.corpus.skipping import ALL
from cloudner.corpus.soundness import is_unicode
from cloudner.errors import ConfigError

_MOST_PROCESSES = 1024


@dataclass(frozen=True)
class ConvertOptions:
    """The settings of a conversion; `convert` says what each is. read: what concerns the content of the sources.

    Raises ConfigError for values that cannot work.
    """

    format: str = "auto"
    to: str = "auto"
    align: AlignMode = "expand"
    split: str | Iterable[float] | None = None
    seed: int = 0
    n_sents: int | None = None
    strict: bool = False
    n_process: int = 1
    encoding: str | Sequence[str] | None = None
    apply: str | os.PathLike[str] | None = None
    shard_tokens: int = SHARD_TOKENS
    spans: str | None = None
    read: ReadOptions = field(default_factory=ReadOptions)

    def __post_init__(self) -> None:
        if not 1 <= self.n_process <= _MOST_PROCESSES:
            raise ConfigError(f"n_process={self.n_process}", expected=f"1 to {_MOST_PROCESSES}")
        if self.n_sents is not None and self.n_sents < 1:
            raise ConfigError(f"n_sents={self.n_sents}", expected="1 or more", fix="--n-sents 10")
        if self.split is not None:
            parse_split(self.split)
        if self.spans is not None and (
            not self.spans.strip() or self.spans == NEGATIVE_KEY or not is_unicode(self.spans)
        ):
            raise ConfigError(f"spans={self.spans!r}", expected="the name of a group", fix="--spans sc")

    @property
    def reading(self) -> ReadOptions:
        """What a format is told."""
        return replace(self.read, spans=self.spans)

    @property
    def shares(self) -> list[tuple[str, float]] | None:
        """Names and shares of the splits, or None for one output."""
        return None if self.split is None else parse_split(self.split)


def most_bad(skip_bad: int | str) -> int:
    """How many records of a file may be left out; "all" is more than any file has. Raises ConfigError."""
    if skip_bad == "all":
        return ALL
    try:
        most = int(skip_bad)
    except ValueError:
        most = -1
    if most < 0:
        raise ConfigError(f"skip_bad={skip_bad!r}", expected="a number, or all", fix="--skip-bad 10")
    return most


def renames(labels: Mapping[str, str] | Sequence[str] | None) -> dict[str, str]:
    """New names by old label or number, from such a mapping or from a list of the names of numbers 0, 1, ..."""
    if isinstance(labels, str):
        raise ConfigError(f"labels={labels!r}", expected="a mapping, or a list of names")
    if labels is None or isinstance(labels, Mapping):
        return dict(labels or {})
    return {str(number): name for number, name in enumerate(labels)}

"""Train, dev and test from one corpus: stratified by label, repeatable, nothing on both sides."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Any

import numpy as np

from cloudner.corpus.docbin.chunk import Chunk
from cloudner.corpus.docbin.docs import chunk_groups
from cloudner.corpus.docbin.spool import Spool
from cloudner.errors import ConfigError

_NAMES = {2: ("train", "dev"), 3: ("train", "dev", "test")}


def parse_split(split: str | Iterable[float]) -> list[tuple[str, float]]:
    """Names and shares (they add up to 1) of a split such as "80/10/10", "80/20" or (0.8, 0.1, 0.1).

    Raises ConfigError for anything but two or three positive numbers.
    """
    parts: list[Any] = split.replace(",", "/").split("/") if isinstance(split, str) else list(split)
    try:
        shares = [float(part) for part in parts]
    except ValueError:
        shares = []
    if len(shares) not in _NAMES or not all(0 < share < float("inf") for share in shares):
        raise ConfigError(
            f"the split {split!r}", expected="two or three positive shares", fix="--split 80/10/10"
        )
    total = sum(shares)
    return [(name, share / total) for name, share in zip(_NAMES[len(shares)], shares, strict=True)]


def assign(
    groups: Sequence[int], labels: Sequence[Counter[int]], shares: Sequence[float], seed: int = 0
) -> list[int]:
    """The part of each document.

    groups: documents with the same number stay together. labels: entities by label, a document each.
    Iterative stratification (Sechidis, Tsoumakas & Vlahavas 2011): the groups with the rarest label still open are
    given out first, each to the part that lacks most of that label; ties go to the part that lacks most documents,
    then to chance. Documents without entities fill up.
    """
    members: dict[int, list[int]] = defaultdict(list)
    for doc, group in enumerate(groups):
        members[group].append(doc)
    order = list(members)
    rng = np.random.default_rng(seed)
    rng.shuffle(order)
    wants_docs = [share * len(groups) for share in shares]
    totals: Counter[int] = Counter()
    contents: dict[int, Counter[int]] = {}
    by_label: dict[int, list[int]] = defaultdict(list)
    for group in order:
        docs = members[group]
        content = labels[docs[0]] if len(docs) == 1 else sum((labels[doc] for doc in docs), Counter())
        contents[group] = content
        totals.update(content)
        for label in content:
            by_label[label].append(group)
    wants = [{label: share * total for label, total in totals.items()} for share in shares]
    part_of: dict[int, int] = {}
    parts = range(len(shares))

    def give(group: int, part: int) -> None:
        part_of[group] = part
        wants_docs[part] -= len(members[group])
        for label, count in contents[group].items():
            wants[part][label] -= count

    # Counted in groups, not in entities: a label in three documents is rare however often it occurs there.
    for label in sorted(by_label, key=lambda label: (len(by_label[label]), totals[label], label)):
        for group in by_label[label]:
            if group not in part_of:
                give(group, max(parts, key=lambda part: (wants[part][label], wants_docs[part], -part)))
    for group in order:
        if group not in part_of:
            give(group, max(parts, key=lambda part: (wants_docs[part], -part)))
    _fill_empty(part_of, members, len(shares))
    return [part_of[group] for group in groups]


def _fill_empty(part_of: dict[int, int], members: dict[int, list[int]], count: int) -> None:
    """A part with nothing in it takes the smallest group of the fullest part, where that has two."""
    sizes = Counter(part_of.values())
    for part in range(count):
        if sizes[part] == 0:
            fullest = max(sizes, key=lambda p: sizes[p])
            if sizes[fullest] > 1:
                group = min((g for g, p in part_of.items() if p == fullest), key=lambda g: len(members[g]))
                part_of[group] = part
                sizes[fullest] -= 1
                sizes[part] += 1


class Splitter:
    """Keeps chunks until all are there and it is known which document goes where.

    spans: the group of spans whose labels count, where a document has it; else its entities do.
    """

    def __init__(self, spans: str | None = None) -> None:
        self._spans = spans
        self._spool = Spool()
        self._keys: list[int] = []  # the words of each document
        self._outer: list[str | None] = []  # the value it must stay together by
        self._labels: list[Counter[int]] = []
        self._interned: dict[tuple[tuple[int, int], ...], Counter[int]] = {}

    def __enter__(self) -> Splitter:
        self._spool.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._spool.__exit__(kind, error, trace)

    def add(self, chunk: Chunk) -> None:
        self._spool.add(chunk)
        self._keys.extend(chunk.text_keys())
        self._outer.extend(chunk.group_keys)
        counts: list[Counter[int]] = [Counter() for _ in range(len(chunk))]
        docs, kinds = chunk.entity_types()
        for doc, kind in zip(docs.tolist(), kinds.tolist(), strict=True):
            counts[doc][kind] += 1
        if self._spans is not None:
            for number, groups in chunk_groups(chunk):
                if self._spans in groups:
                    counts[number] = Counter(span.label for span in groups[self._spans])
        # Few documents differ in what labels they have: one Counter serves many.
        for count in counts:
            self._labels.append(self._interned.setdefault(tuple(sorted(count.items())), count))

    def divide(self, shares: list[tuple[str, float]], seed: int) -> Iterator[tuple[int, Chunk]]:
        """Pairs of part number and chunk, in the order of the input."""
        parts = assign(linked(self._keys, self._outer), self._labels, [share for _, share in shares], seed)
        at = 0
        for number in range(len(self._spool)):
            chunk = self._spool.chunk(number)
            here = parts[at : at + len(chunk)]
            at += len(chunk)
            for part in range(len(shares)):
                picked = [i for i, p in enumerate(here) if p == part]
                if picked:
                    yield part, chunk.select(picked)


def linked(keys: Sequence[int], outer: Sequence[str | None]) -> list[int]:
    """A number for each document; equal for those linked by equal words or an equal outer value, also in steps."""
    parent: dict[Any, Any] = {}

    def root(x: Any) -> Any:
        while parent.setdefault(x, x) != x:
            parent[x] = parent[parent[x]]
            x = parent[x]
        return x

    if not any(value is not None for value in outer):
        numbers: dict[int, int] = {}
        return [numbers.setdefault(key, len(numbers)) for key in keys]
    for key, value in zip(keys, outer, strict=True):
        if value is not None:
            a, b = root(key), root(("group", value))
            if a != b:
                parent[a] = b
    names: dict[Any, int] = {}
    return [names.setdefault(root(key), len(names)) for key in keys]

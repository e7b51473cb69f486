"""Which column of a token-a-line file holds the tags of entities, by what is in it."""

from __future__ import annotations

import re
from collections import Counter
from typing import NamedTuple

from cloudner.corpus.align.tag_shapes import (
    MISSING,
    NOTHING,
    POSITION_TAG,
    SEVERAL_TAGS,
    lone_letter,
    outside_of,
)
from cloudner.corpus.formats.columns.levels import of_morphemes
from cloudner.corpus.formats.keys import TAG
from cloudner.errors import InputError

_SMALL_TAG = re.compile(
    r"[bi][-_]\S+"
)  # `b-per`; words look like it too (e-mail), so only where all entities do
POSITION = re.compile(r"^[BILUOESMWbi][-_:/|.]|[-_:/|.][BILUOESMW]$")
_BARE_LABEL = re.compile(r"[A-Z][A-Z_]+")
_POSITIONED = 0.85  # the least score of a column of tags with positions
# Labels of CoNLL-2000 chunks, of clauses (LST20) and of word segmentation: tags with positions that name no entities.
OTHER_LABELS = frozenset(
    "NP VP PP ADVP ADJP SBAR PRT CONJP INTJ LST UCP NX QP PRN WHNP WHPP WHADVP FRAG SEG WORD CHUNK NC VC PC CLS".split()  # noqa: SIM905
)


def named(wanted: str | int | None, names: list[str], columns: int) -> int | None:
    """The index a user means: a number (negative from the end) or a name in the header."""
    if wanted is None:
        return None
    if isinstance(wanted, str) and wanted.lower() in names:
        return names.index(wanted.lower())
    try:
        index = int(wanted)
    except ValueError:
        index = columns
    if not -columns <= index < columns:
        raise InputError(
            f"no column {wanted!r}",
            expected=f"a number from 0 to {columns - 1}"
            + (f" or one of {', '.join(names)}" if names else ""),
        )
    return index % columns


class _Tags(NamedTuple):
    """A column that may hold tags: its index, score, what was seen, tags of entities by count, all values by count."""

    at: int
    score: float
    why: str
    entities: Counter[str]
    values: Counter[str]

    def labels(self) -> set[str]:
        return {POSITION.sub("", tag) for tag in self.entities}

    def holds_entities(self) -> bool:
        """Are there entities in it, not chunks? Chunks of unknown labels leave few tokens out."""
        tokens = self.values.total()
        return self.score >= _POSITIONED and (tokens < 50 or self.entities.total() < 0.6 * tokens)


def tag_column(
    rows: list[list[str]], wanted: str | int | None, names: list[str]
) -> tuple[int | None, float, str, frozenset[str], dict[int, str]]:
    """Index, score, what was seen, all values of the column of tags; and other columns with entities, as the user is told."""
    columns = len(rows[0]) if rows else 0
    chosen = named(wanted, names, columns)
    best: _Tags | None = None
    others: list[_Tags] = []
    for index in range(columns):
        values = Counter(of_morphemes(row[index]) for row in rows)
        score, why, entities = _tag_score(values, len(rows))
        column = _Tags(index, score, why, entities, values)
        if chosen is not None:
            if index == chosen:
                best = column._replace(score=max(score, 0.6), why=why or "as told")
            continue
        if names and names[index] in (*TAG, "ne-coarse-lit"):
            column = column._replace(score=score + 0.05)
        if column.score <= 0:
            continue
        if best is None or _beats(column, best):
            best, column = column, best
        if column is not None and column.holds_entities():
            others.append(column)
    if best is None:
        return None, 0.0, "", frozenset(), {}
    seen = frozenset(best.values) if len(best.values) < 500 else frozenset()
    shown = {c.at: f"column {c.at} ({', '.join(sorted(c.entities)[:3])})" for c in others if c.entities}
    return best.at, min(best.score, 1.0), best.why, seen, shown if best.holds_entities() else {}


def _beats(column: _Tags, best: _Tags) -> bool:
    """Is a column rather the tags than the best one before it?"""
    if column.holds_entities() and best.holds_entities():
        if column.labels() & best.labels():
            # an inner layer of nested entities, or a system's output behind the gold tags
            return column.entities.total() > 1.5 * best.entities.total()
        if column.entities.total() != best.entities.total():
            return column.entities.total() > best.entities.total()
    # of equally good columns the last: it is where most corpora put the entity
    return column.score >= best.score


def _word_for_o(entities: Counter[str]) -> str:
    """The word that stands for O (`OUT`) beside tags that all have a position, or ""."""
    words = (outside_of(entities) & set(entities)) - {"O"}
    word = next(iter(words), "")
    rest = [tag for tag in entities if tag != word]
    return word if rest and all(map(POSITION_TAG.fullmatch, rest)) else ""


def _tag_score(values: Counter[str], rows: int) -> tuple[float, str, Counter[str]]:
    entities = Counter({v: n for v, n in values.items() if v not in ("O", "o") and v not in NOTHING})
    if not entities:
        return (0.6, "all of them O", entities) if values["O"] else (0.0, "", entities)
    outside = values["O"]
    if "0" in entities and not outside and not any(v.isdigit() for v in entities if v != "0"):
        outside = entities.pop("0")  # typed for the letter O, if the rest are tags
        if not entities:
            return 0.5, "all of them 0", entities  # more likely the number of a document
    elif not outside and not values["o"] and (letter := lone_letter(entities) or _word_for_o(entities)):
        outside = entities.pop(letter)
    elif not outside and not values["o"] and all(map(_BARE_LABEL.fullmatch, entities)):
        outside = sum(
            values[nothing] for nothing in NOTHING - MISSING
        )  # None and NaN, as programs write them
    small = bool(values["O"] or values["o"]) and all(_SMALL_TAG.fullmatch(v) for v in entities)
    begun = {v[2:] for v in entities if v.startswith("B-")} | {"B", "I"}  # GROBID: B-ORG, then ORG alone
    positioned = [v for v in entities if small or POSITION_TAG.fullmatch(v) or v in begun]
    share = 1 - entities.total() / rows
    several = [v for v in entities if " " in v and SEVERAL_TAGS.fullmatch(v)]  # nested entities of one token
    if 2 * sum(entities[v] for v in positioned) >= sum(entities[v] for v in several):
        positioned += several
    if not entities or sum(entities[v] for v in positioned) < 0.7 * entities.total():
        positioned = []
    if positioned and len(positioned) >= 0.5 * len(entities):
        labels = {POSITION.sub("", v) for v in positioned}
        shown = ", ".join(sorted(positioned)[:3])
        if labels <= OTHER_LABELS:
            return 0.4 + 0.05 * share, f"{shown}: chunks or word segments", entities
        if not values["O"] and len(labels) > 100:  # words that happen to have a hyphen
            return 0.0, "", entities
        return _POSITIONED + 0.1 * share, shown, entities
    few = len(values) <= 60 and len(values) <= max(3, 0.5 * rows)
    zeros = outside and not values["O"]  # a zero says less than an O: the labels must look like labels too
    dense = values["O"] and 2 * len(values) <= rows  # nearly all tokens in entities: addresses
    if (
        few
        and outside
        and (share >= 0.25 or dense)
        and not (zeros and not all(map(_BARE_LABEL.fullmatch, entities)))
    ):
        why = f"{', '.join(sorted(entities)[:3])}; a run of one label is an entity"
        return 0.55 + 0.2 * share, why, entities
    return 0.0, "", entities

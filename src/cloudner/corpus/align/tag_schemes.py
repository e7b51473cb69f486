"""Token tags to spans: IOB1, BIO, BILUO, BIOES, BMES and bare labels, with the scheme found from the tags.

Chunks are read the way conlleval reads them (Tjong Kim Sang & Buchholz, CoNLL-2000 shared task): a tag that
cannot continue the open entity starts a new one. What a scheme forbids is repaired this way and reported.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal, NamedTuple

from cloudner.corpus.align.tag_shapes import MISSING, outside_of

UNTYPED = "ENTITY"  # the label of a tag that is a position alone, such as `B`
Layout = Literal["prefix", "suffix", "bare"]

# Position letters of all schemes, by what they say: begin, inside, end, single
_POSITIONS = {"B": "B", "I": "I", "M": "I", "E": "E", "L": "E", "S": "S", "U": "S", "W": "S"}
_SEPARATORS = "-_:/|."
_UNLABELLED = frozenset("IMEL")  # positions that need no label behind a B that has one
_WRITTEN = {
    "BIO": tuple("BIIB"),
    "BILUO": tuple("BILU"),
    "BIOES": tuple("BIES"),
    "BMES": tuple("BMES"),
}  # begin, inside, end, single


class Repair(NamedTuple):
    """A tag that its scheme does not allow where it stands: index of its token, the tag, what was done about it."""

    token: int
    found: str | None
    done: str
    cause: Literal["impossible-transition", "unknown-tag"] = "impossible-transition"


class TokenSpan(NamedTuple):
    """An entity as token positions, end exclusive."""

    start: int
    end: int
    label: str


class Decoded(NamedTuple):
    """What `decode` makes of a tag sequence."""

    spans: list[TokenSpan]
    missing: list[int]  # indices of tokens without annotation
    repairs: list[Repair]


@dataclass(frozen=True)
class Scheme:
    """How the tags of one file are written.

    name: IOB1, BIO, BILUO, BIOES, BMES or bare. layout: position before the label (`B-PER`), after it (`PER-B`)
    or none. separator: the character between the two. outside: the tags that mean no entity.
    single: do single-token entities have a position of their own in this file (S-, U-). reason: for the user.
    """

    name: str
    layout: Layout = "prefix"
    separator: str = "-"
    outside: frozenset[str] = frozenset(("O",))
    single: bool = True
    reason: str = ""
    inside: frozenset[str] = (
        frozenset()
    )  # labels that stand alone on what continues a `B-` (GROBID: B-ORG, ORG)
    _parsed: dict[str | None, tuple[str, str]] = field(default_factory=dict, repr=False, compare=False)

    def parse(self, tag: str | None) -> tuple[str, str]:
        """Position and label: position B, I, E, S, `*` (bare), O, `-` (missing) or `!` (not of this scheme)."""
        parsed = self._parsed.get(tag)
        if parsed is None:
            parsed = self._parsed[tag] = self._parse(tag)
        return parsed

    def _parse(self, tag: str | None) -> tuple[str, str]:
        if tag is None or tag in MISSING:
            return "-", ""
        if tag in self.outside:
            return "O", ""
        if self.layout == "bare":
            return "*", tag
        letter, label = _split(tag, self.layout, self.separator)
        position = _POSITIONS.get(letter.upper())
        if tag in self.inside:
            return "I", tag
        return (position, label or UNTYPED) if position else ("!", tag)


def _split(tag: str, layout: Layout, separator: str) -> tuple[str, str]:
    """Position letter and label; a label keeps every separator after the first (before the last in a suffix)."""
    if layout == "suffix":
        label, _, letter = tag.rpartition(separator)
    else:
        letter, _, label = tag.partition(separator)
    return letter, label


def detect_scheme(sequences: Iterable[Sequence[str | None]]) -> Scheme:
    """The scheme of a whole file, given the tags of each of its sentences.

    Needs all of them: IOB1 and BIO use the same tags and differ only in what stands before a `B-` or an `I-`.
    """
    pairs: Counter[tuple[str | None, str | None]] = Counter()
    for tags in sequences:
        if tags:
            pairs[None, tags[0]] += 1
            pairs.update(pairwise(tags))
    return scheme_of_pairs(pairs)


def scheme_of_pairs(pairs: Counter[tuple[str | None, str | None]]) -> Scheme:
    """The scheme, from counts of (tag before, tag); the tag before a sentence's first is None."""
    seen: Counter[str] = Counter()
    for (_, tag), count in pairs.items():
        if tag is not None and tag not in MISSING:
            seen[tag] += count
    outside = outside_of(seen)
    entity_tags = sorted(set(seen) - outside)
    if not entity_tags:
        return Scheme("BIO", outside=outside, reason="no entity is tagged")
    layout, separator = _layout(entity_tags)
    if layout == "bare":
        shown = ", ".join(entity_tags[:4])
        return Scheme("bare", "bare", "", outside, reason=f"labels without a position ({shown})")
    letters = {_split(tag, layout, separator)[0].upper() for tag in entity_tags} & set(_POSITIONS)
    shown = ", ".join(tag for tag in entity_tags[:4])
    single = bool(letters & set("SUW"))
    begun = {_split(tag, layout, separator)[1] for tag in entity_tags} if letters == {"B"} else set()
    inside = frozenset(begun & set(entity_tags) if layout == "prefix" else ())
    name, reason = _name(letters, pairs, Scheme("", layout, separator, outside))
    if inside:
        reason = f"B tags, and labels alone inside ({', '.join(sorted(inside)[:3])})"
    if layout == "suffix":
        reason += f", position after the label ({shown})"
    elif separator != "-":
        reason += f", separator {separator!r} ({shown})"
    return Scheme(name, layout, separator, outside, single, reason, inside)


def _layout(tags: list[str]) -> tuple[Layout, str]:
    if {"B", "I"} & set(tags) and all(tag.upper() in _POSITIONS for tag in tags):
        return "prefix", "-"
    layouts: tuple[Layout, Layout] = ("prefix", "suffix")
    for separator in _SEPARATORS:
        for layout in layouts:
            split = [_split(tag, layout, separator) for tag in tags]
            fitting = sum(letter.upper() in _POSITIONS and label != "" for letter, label in split)
            if fitting:  # an inside without a label continues what is open (`B_DT`, `I`)
                begun = {label for letter, label in split if letter == "B" and layout == "prefix"}
                fitting += sum(tag in _UNLABELLED or tag in begun for tag in tags)
            # a stray tag among hyphenated ones is an unknown tag; other separators must fit throughout, since
            # E_MAIL or S.A. may be labels
            if fitting == len(tags) or (separator == "-" and 2 * fitting > len(tags)):
                return layout, separator
    return "bare", ""


def _name(
    letters: set[str], pairs: Counter[tuple[str | None, str | None]], scheme: Scheme
) -> tuple[str, str]:
    shown = "".join(sorted(letters))
    if "M" in letters:
        return "BMES", f"positions {shown}: M is the inside of BMES"
    if letters & set("LU"):
        return "BILUO", f"positions {shown}: L and U belong to BILUO"
    if letters & set("ESW"):
        return "BIOES", f"positions {shown}: E and S belong to BIOES"
    if "I" not in letters:
        return "BIO", "only B tags: single-token entities"
    opened_by_i = opened_by_b = split_by_b = 0
    for (before, tag), count in pairs.items():
        position, label = scheme.parse(tag)
        position_before, label_before = scheme.parse(before)
        follows_same = position_before in ("B", "I") and (label_before == label or tag in _UNLABELLED)
        if position == "I" and not follows_same:
            opened_by_i += count
        elif position == "B" and follows_same:
            split_by_b += count
        elif position == "B":
            opened_by_b += count
    if not opened_by_b and not split_by_b:
        return "IOB1", "only I tags"
    if opened_by_i > 10 * opened_by_b:
        return "IOB1", f"{opened_by_i} entities open with I, B only between neighbours ({split_by_b} times)"
    return "BIO", f"{opened_by_b + split_by_b} entities open with B" + (
        f", {opened_by_i} with a stray I" if opened_by_i else ""
    )


def decode(tags: Sequence[str | None], scheme: Scheme, sent_starts: Iterable[int] | None = None) -> Decoded:
    """Spans, unannotated tokens and repairs of one tag sequence.

    sent_starts: indices of sentences' first tokens; no entity crosses one. Nothing is raised: a tag that is not
    of the scheme is reported and its token counts as unannotated.
    """
    spans: list[TokenSpan] = []
    missing: list[int] = []
    repairs: list[Repair] = []
    breaks = frozenset(sent_starts or ())
    parse = scheme.parse
    parsed = scheme._parsed
    has_ends = scheme.name in ("BILUO", "BIOES", "BMES")
    start, current = -1, ""

    def unended(index: int) -> None:
        # without a position for singles, a lone B is how the file writes a single token
        if has_ends and (scheme.single or index - start > 1):
            repairs.append(
                Repair(index - 1, tags[index - 1], "the entity ends here though no end tag says so")
            )

    for index, tag in enumerate(tags):
        position, label = parsed.get(tag) or parse(tag)
        if start < 0 and position == "O":
            continue
        if index in breaks and start >= 0:
            unended(index)
            spans.append(TokenSpan(start, index, current))
            start = -1
        if start >= 0 and label == UNTYPED and tag in _UNLABELLED:
            label = current
        if position in ("I", "*") and start >= 0 and label == current:
            continue
        if position == "E":
            if start >= 0 and label == current:
                spans.append(TokenSpan(start, index + 1, label))
                start = -1
                continue
            repairs.append(Repair(index, tag, "taken as a whole entity: nothing before it to end"))
            position = "S"
        if start >= 0:  # whatever it is, it does not continue the open entity
            unended(index)
            spans.append(TokenSpan(start, index, current))
            start = -1
        if position in ("B", "*"):
            start, current = index, label
        elif position == "I":
            if scheme.name != "IOB1":
                repairs.append(
                    Repair(index, tag, "taken as the start of an entity: nothing before it to continue")
                )
            start, current = index, label
        elif position == "S":
            spans.append(TokenSpan(index, index + 1, label))
        elif position == "-":
            missing.append(index)
        elif position == "!":
            missing.append(index)
            done = f"no tag of {scheme.name}: the token counts as unannotated"
            repairs.append(Repair(index, tag, done, "unknown-tag"))
    if start >= 0:
        unended(len(tags))
        spans.append(TokenSpan(start, len(tags), current))
    return Decoded(spans, missing, repairs)


def encode(
    length: int,
    spans: Iterable[tuple[int, int, str]],
    scheme: str = "BIO",
    missing: Iterable[int] = (),
    unknown: str = "-",
) -> list[str]:
    """Tags of `length` tokens for non-overlapping token spans (ends exclusive); a missing token gets `unknown`.

    scheme: BIO, BILUO, BIOES or BMES. Raises ValueError for another one, or for spans that overlap.
    """
    if scheme not in _WRITTEN:
        raise ValueError(f"scheme {scheme!r}: use one of {', '.join(_WRITTEN)}")
    begin, inside, last, single = _WRITTEN[scheme]
    tags = ["O"] * length
    for index in missing:
        tags[index] = unknown
    for start, end, label in spans:
        if any(tag not in ("O", unknown) for tag in tags[start:end]):
            raise ValueError(f"the span at tokens {start} to {end} overlaps another one")
        if end - start == 1:
            tags[start] = f"{single}-{label}"
        else:
            tags[start:end] = [
                f"{begin}-{label}",
                *[f"{inside}-{label}"] * (end - start - 2),
                f"{last}-{label}",
            ]
    return tags

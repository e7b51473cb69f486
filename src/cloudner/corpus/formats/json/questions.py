"""Conversations in which a text comes first and a question for each label follows (Universal NER, Pile-NER)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from cloudner.corpus.contract import ReadOptions
from cloudner.corpus.formats.json.answers import answer_of
from cloudner.corpus.formats.spans import Where, label_of, short

_TEXT = re.compile(r"Text:\s*")
_QUESTION = re.compile(r"What describes (?P<label>.+) in the text\?", re.DOTALL)


class Asked(NamedTuple):
    """text: what the questions are about. answers: label and answer of each. others: how many turns ask something else."""

    text: str
    answers: list[tuple[str, str]]
    others: int


def asked(turns: Sequence[tuple[str, str]]) -> Asked | None:
    """The text and the questions in (speaker, words) of a conversation, speakers `user` and `model`; None for another kind."""
    said = [(who, what) for who, what in turns if who in ("user", "model")]
    if not said or said[0][0] != "user" or (head := _TEXT.match(said[0][1])) is None:
        return None
    answers, others = [], 0
    for (who, question), (_, answer) in pairwise(said[1:]):
        if who == "user":
            match = _QUESTION.fullmatch(question.strip())
            if match is None:
                others += 1
            else:
                answers.append((match["label"], answer))
    return Asked(said[0][1][head.end() :], answers, others) if answers else None


def mentions(found: Asked, options: ReadOptions, where: Where) -> list[tuple[str, str]]:
    """Surface and label of what was answered, each once. Raises InputError for an answer that is no list of words."""
    pairs: dict[tuple[str, str], None] = {}
    for label, answer in found.answers:
        words: Any = answer_of(answer)
        if not isinstance(words, list) or not all(isinstance(w, str) for w in words):
            raise where.error(f"the answer {short(answer)} to the question for {label!r}", '["Marie Curie"]')
        pairs |= {(word, name): None for word in words for name in label_of(label, options, where)}
    return list(pairs)

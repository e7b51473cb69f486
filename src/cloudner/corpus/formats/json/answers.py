"""What a language model answered: JSON as such, as Python prints it, in a fence, or with words around it."""

from __future__ import annotations

import json
import re
from typing import Any

from cloudner.corpus.formats.literals import LIST_BEGINS, NO_LITERAL, printed

# What a model thinks before it answers, and what ends an answer for the program that trains it
_THOUGHT = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
_END = re.compile(r"(?:\s*(?:END|###|</s>|<\|\w+\|>))+\Z")
_AROUND = ("entities", "ner", "named_entities", "result", "output")
_FENCE = re.compile(r"```[A-Za-z]*\s*\n?(?P<body>[^`]*)```")


def answer_of(value: Any) -> Any:
    """The JSON within a text, and anything else as it is."""
    if not isinstance(value, str):
        return value
    text = _END.sub("", _THOUGHT.sub("", value).strip())
    fenced = _FENCE.search(text)
    if fenced is not None:
        text = fenced["body"].strip()
    if text.startswith(("{", *LIST_BEGINS)):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            pass
        try:
            return printed(text)
        except NO_LITERAL:
            pass
    return value


def entities_in(value: Any) -> Any:
    """The entities of an answer: those within `{"entities": [...]}`, or else the JSON of the answer as it is."""
    answer = answer_of(value)
    for key, inner in answer.items() if isinstance(answer, dict) else ():
        if str(key).lower() not in _AROUND or not isinstance(inner, (list, dict)):
            continue
        # beside other keys a list of words would be those of a label that is called so
        if len(answer) == 1 or isinstance(inner, dict) or any(isinstance(each, dict) for each in inner):
            return inner
    return answer

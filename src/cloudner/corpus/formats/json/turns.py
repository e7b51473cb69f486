"""Who says what in a conversation with a language model, as the tools that train one write it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

_LISTS = ("messages", "conversations", "conversation", "chat", "contents")
_SPEAKERS = {"human": "user", "assistant": "model", "gpt": "model"}


def turns_of(item: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Speaker (`user`, `model` or as it is) and words of each turn; none of what is no conversation."""
    turns = next((item[key] for key in _LISTS if isinstance(item.get(key), list)), None)
    said = []
    for turn in turns or ():
        if not isinstance(turn, Mapping):
            return []
        who, what = turn.get("role", turn.get("from")), _words(turn)
        if isinstance(who, str) and what is not None:
            said.append((_SPEAKERS.get(who, who), what))
    return said


def _words(turn: Mapping[str, Any]) -> str | None:
    """What is said in a turn: a text, one in parts, or what a function is called with."""
    what = turn.get("content", turn.get("value", turn.get("parts")))
    if isinstance(what, list):
        parts = [part.get("text") if isinstance(part, Mapping) else part for part in what]
        texts = [part for part in parts if isinstance(part, str)]
        return "".join(texts) if len(texts) == len(parts) else None
    if isinstance(what, str) and what:
        return what
    calls = turn.get("tool_calls")
    call = (
        calls[0].get("function") if isinstance(calls, list) and len(calls) == 1 else turn.get("function_call")
    )
    arguments = call.get("arguments") if isinstance(call, Mapping) else None
    return arguments if isinstance(arguments, str) else what if isinstance(what, str) else None


def exchanges(item: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Every question with its answer."""
    for answer in ("completion", "response"):
        if isinstance(item.get("prompt"), str) and isinstance(item.get(answer), str):
            return [(item["prompt"], item[answer])]
    # Alpaca's rows whose text is in the instruction
    if not item.get("input") and all(isinstance(item.get(key), str) for key in ("instruction", "output")):
        return [(item["instruction"], item["output"])]
    return list(_pairs(turns_of(item)))


def _pairs(said: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for (one, question), (other, answer) in pairwise(said):
        if (one, other) == ("user", "model"):
            yield question, answer


def frame(questions: Sequence[str]) -> tuple[str, str]:
    """What all questions begin with, up to a colon or a line end, and what they end with, from a line end on: what is to be
    done, and not the text."""
    if len(set(questions)) < 2:
        return "", ""
    common = _shared(questions)
    ends = [match.end() for match in re.finditer(r"[:\n]\s*", common)]
    head = common[: ends[-1]] if ends else ""
    tail = _shared([question[len(head) :][::-1] for question in questions])[::-1]
    return head, tail[tail.index("\n") :] if "\n" in tail and tail.strip() else ""


def _shared(texts: Sequence[str]) -> str:
    """What all texts begin with."""
    one, other = min(texts), max(texts)  # what these two share, all share
    size = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))
    return one[:size]

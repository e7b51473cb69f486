"""Rasa NLU training data: YAML (`nlu:`, `- intent: x`, `examples: |`) and the older Markdown (`## intent:x`); Snips' YAML."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.corpus.formats.json.without_text import texts_only
from cloudner.corpus.formats.text.snips import is_snips, parts_of, utterances
from cloudner.errors import InputError

_ENTITY = re.compile(
    r"\[(?P<surface>[^\[\]]+)\](?:\((?P<label>[^():]+)(?::(?P<value>[^()]*))?\)|(?P<json>\{[^{}]*\}))"
)
_SECTION = re.compile(r"##\s*(?P<kind>intent|synonym|regex|lookup)\s*:\s*(?P<name>.*)")
_ITEM = re.compile(r"\s*[-*+]\s+(?P<text>.*)")


def sniff(sample: Sample) -> Match | None:
    sections = sum((m := _SECTION.match(line)) is not None and m["kind"] == "intent" for line in sample.lines)
    if sections:
        return Match(0.98, f"{sections} `## intent:` sections")
    if re.search(r"^nlu:\s*$", sample.text, re.MULTILINE) and re.search(
        r"^\s*-?\s*(?:intent|synonym|regex|lookup|examples):", sample.text, re.MULTILINE
    ):
        return Match(0.98, "a list `nlu:` of intents with examples")
    if is_snips(sample.text):
        return Match(0.98, "documents of YAML with `type: intent` and utterances (Snips)")
    return None


def read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """One record an example of an intent; synonyms, patterns and lookup tables are no annotated text."""
    if any(_SECTION.match(line) for line in source.sample().lines):
        yield from _read_markdown(source)
        return
    text = source.text()
    if is_snips(text):
        yield from texts_only(
            found
            for first, part in parts_of(text)
            for found in utterances(source, first, part, _load(source.name, part, first))
        )
        return
    lines = text.split("\n")
    at = 0
    for intent, example in _examples(source.name, _load(source.name, text)):
        first = example.split("\n", 1)[0].strip()
        number = next((n for n in range(at, len(lines)) if first in lines[n]), at)
        at = number + 1
        yield _record(source.name, number + 1, example, intent)


def _load(file: str, text: str, first: int = 0) -> Any:
    """The YAML of a text. first: line ends before it."""
    from srsly.ruamel_yaml import YAML
    from srsly.ruamel_yaml.error import MarkedYAMLFutureWarning, YAMLError

    try:
        return YAML(typ="safe", pure=True).load(text)
    except (YAMLError, MarkedYAMLFutureWarning, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or type(error).__name__
        raise InputError(
            f"not YAML: {problem}",
            file=file,
            line=first + mark.line + 1 if mark is not None else None,
            expected="Rasa NLU data (nlu: - intent: ... examples: |)",
            fix="mend the indentation or quotes of that line",
        ) from None


def _examples(file: str, data: Any) -> Iterator[tuple[str, str]]:
    items = data.get("nlu") if isinstance(data, dict) else None
    if not isinstance(items, list):
        raise InputError(
            "no list `nlu:`", file=file, line=1, expected="nlu: with a list of intents and their examples"
        )
    for item in items:
        if not isinstance(item, dict) or "intent" not in item:
            continue
        examples = item.get("examples")
        if isinstance(examples, str):
            for line in examples.split("\n"):
                if match := _ITEM.match(line):
                    yield str(item["intent"]), match["text"]
                elif line.strip() and not line.lstrip().startswith("#"):
                    raise InputError(
                        f"the example {line.strip()[:60]!r} of the intent {item['intent']!r}",
                        file=file,
                        expected="a line that begins with a hyphen and a space",
                        fix="write - before it",
                    )
        elif isinstance(examples, list):
            for example in examples:
                text = example.get("text") if isinstance(example, dict) else example
                if isinstance(text, str):
                    match = _ITEM.match(text)
                    yield str(item["intent"]), (match["text"] if match else text).rstrip("\n")


def _read_markdown(source: Source) -> Iterator[Record]:
    kind, name, comment = "", "", False
    for number, line in source.lines():
        if comment or line.lstrip().startswith("<!--"):
            comment = "-->" not in line
        elif match := _SECTION.match(line):
            kind, name = match["kind"], match["name"].strip()
        elif kind == "intent" and (item := _ITEM.match(line)):
            yield _record(source.name, number, item["text"], name)


def _record(file: str, line: int, example: str, intent: str) -> Record:
    pieces: list[str] = []
    spans: list[SpanRecord] = []
    length = position = 0
    example = example.rstrip()
    for match in _ENTITY.finditer(example):
        before = example[position : match.start()]
        pieces += (before, match["surface"])
        length += len(before)
        label = match["label"].strip() if match["label"] else _json_label(file, line, match["json"])
        spans.append(SpanRecord(length, length + len(match["surface"]), label, match["surface"]))
        length += len(match["surface"])
        position = match.end()
    pieces.append(example[position:])
    return Record(file, line, text="".join(pieces), spans=spans, meta={"intent": intent})


def _json_label(file: str, line: int, cell: str) -> str:
    try:
        label = json.loads(cell).get("entity")
    except json.JSONDecodeError:
        label = None
    if not isinstance(label, str):
        raise InputError(
            f"{cell!r}",
            file=file,
            line=line,
            expected='JSON with the key "entity", such as [Berlin]{"entity": "city"}',
            fix="mend the braces and quotes",
        )
    return label


_EXAMPLE = """version: "3.1"
nlu:
- intent: tell
  examples: |
    - [Marie Curie](PER) was born in [Warsaw](LOC).
"""
RASA = Format(
    name="rasa",
    description="Rasa NLU data, YAML or Markdown; Snips NLU data in YAML",
    extensions=(".yml", ".yaml", ".md"),
    sniff=sniff,
    read=read,
    example=_EXAMPLE,
)

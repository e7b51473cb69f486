"""JSON with tokens and spans in token positions: SpERT, DyGIE++ and PURE, GLiNER, W2NER."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source
from cloudner.corpus.formats.json.objects import meta_of, objects, some_objects
from cloudner.corpus.formats.keys import label_key, offsets_of
from cloudner.corpus.formats.spans import Where, label_of, offset, short
from cloudner.corpus.formats.words import join, span_over
from cloudner.errors import InputError

_TOKENS = ("tokenized_text", "tokens", "tok", "words", "sentence", "sentences", "sents")
_SPANS = ("ner", "ners", "entities", "spans", "entity_mentions", "vertexSet")
_SHAPES = '{"tokens": ["Ann", "ran"], "entities": [{"type": "PER", "start": 0, "end": 1}]} or "ner": [[0, 0, "PER"]]'


# So many spans, and none of one token: then their ends are behind them.
_WITHOUT_ONE_TOKEN = 10


def _words(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(word, str) for word in value)


def _keys(item: Mapping[str, Any]) -> tuple[str, str] | None:
    """The keys of tokens and spans; tokens may be parted into sentences."""
    tokens = next(
        (k for k in _TOKENS if _words(item.get(k)) or (isinstance(item.get(k), list) and item[k]
         and all(map(_words, item[k])))),
        None,
    )  # fmt: skip
    spans = next((k for k in _SPANS if isinstance(item.get(k), list)), None)
    return (tokens, spans) if tokens and spans else None


def _flat(value: list[Any]) -> list[Any]:
    """Spans of a document, of a list by sentence too (`[[[0, 1, "PER"]], []]`)."""
    if value and all(
        isinstance(part, list) and not any(isinstance(x, (str, int)) for x in part) for part in value
    ):
        return [span for part in value for span in part]
    return value


def _in_sentences(item: Mapping[str, Any], key: str, starts: list[int], where: Where) -> list[Any]:
    """The spans of a document; DocRED's, which are lists of an entity's mentions by sentence, as plain triples."""
    spans = _flat(item[key])
    if key != "vertexSet":
        return spans
    made = []
    for span in spans:
        place = span.get("pos") if isinstance(span, Mapping) else None
        number = span.get("sent_id") if isinstance(span, Mapping) else None
        if (
            not isinstance(place, list)
            or len(place) != 2
            or type(number) is not int
            or not 0 <= number < len(starts)
        ):
            raise where.error(f"the mention {short(span)}", '{"pos": [0, 2], "sent_id": 0, "type": "PER"}')
        first = starts[number]
        made.append([first + offset(place[0], where), first + offset(place[1], where), span.get("type")])
    return made


def _indices(span: Mapping[str, Any], where: Where) -> tuple[int, int] | None:
    """Start and end, which is exclusive, of a span that lists its tokens (W2NER); None for another."""
    listed = span.get("index")
    if not isinstance(listed, list) or not listed or not all(type(number) is int for number in listed):
        return None
    if listed != list(range(listed[0], listed[-1] + 1)):
        raise where.error(
            f"an entity with a gap, {short(span)}",
            "the numbers of neighbouring tokens",
            "part it in two entities",
        )
    return listed[0], listed[-1] + 1


def _triple(span: Any, where: Where) -> tuple[int, int, Any]:
    """Start, end and label of a span as it is written."""
    if isinstance(span, Mapping):
        pair, key = _indices(span, where) or offsets_of(span), label_key(span)
        if pair is not None and key is not None:
            return offset(pair[0], where), offset(pair[1], where), span[key]
    elif isinstance(span, (list, tuple)) and len(span) >= 3 and isinstance(span[2], (str, int)):
        return offset(span[0], where), offset(span[1], where), span[2]
    raise where.error(f"cannot read the span {short(span)}", _SHAPES)


def _words_of_it(span: Sequence[Any], words: list[str]) -> bool:
    """Is it start, end, text, label, and not start, end, label and more?"""
    named = len(span) > 3 and isinstance(span[2], str) and isinstance(span[3], str) and bool(span[3].strip())
    return named and "".join(span[2].split()) == "".join("".join(words).split()) != span[3]


def keys_in(items: Iterable[Mapping[str, Any]]) -> tuple[str, str] | None:
    """The keys of tokens and of spans that count them in the first object that has some; None where none has."""
    for item in items:
        keys = _keys(item)
        if keys is None or isinstance(item.get("text"), str):
            continue
        tokens, starts = _sentences(item[keys[0]])
        try:
            spans = _in_sentences(item, keys[1], starts, Where("", 0, ""))
            if not spans:
                continue
            triples = [_triple(span, Where("", 0, "")) for span in spans]
        except InputError:
            continue
        if all(start <= end <= len(tokens) for start, end, _ in triples):
            return keys
    return None


def _sniff(sample: Sample) -> Match | None:
    keys = keys_in(some_objects(sample))
    return Match(0.9, f"{keys[0]!r}, and {keys[1]!r} with positions of tokens") if keys else None


def _sentences(value: list[Any]) -> tuple[list[str], list[int]]:
    """All tokens and the first of each sentence."""
    if value and isinstance(value[0], str):
        return list(value), [0]
    tokens: list[str] = []
    starts = []
    for sentence in value:
        if sentence:
            starts.append(len(tokens))
            tokens += sentence
    return tokens, starts


def _are_ranges(item: Mapping[str, Any]) -> bool:
    """Are the sentences ranges of words, of which each begins where the one before ends?"""
    ranges = item.get("sentences")
    if not isinstance(ranges, list) or not all(isinstance(each, list) and len(each) == 2 for each in ranges):
        return False
    return len(ranges) > 1 and all(a[1] == b[0] and type(b[0]) is int for a, b in pairwise(ranges))


def _inclusive(items: Iterable[Mapping[str, Any]]) -> bool:
    """Do ends name the last token? SpERT's objects have the end after it, the triples of DyGIE++ and GLiNER the last.

    What cannot be under one reading decides: an end behind all tokens, or an end that is its start.
    """
    triples = 0
    for item in items:
        keys = _keys(item)
        if keys is None:
            continue
        if keys[1] == "vertexSet" or keys[0] == "tok" or _are_ranges(item):  # DocRED, ELIT, SciREX
            return False
        count = len(_sentences(item[keys[0]])[0])
        for span in _flat(item[keys[1]]):
            try:
                start, end, _ = _triple(span, Where("", 0, ""))
            except InputError:
                continue
            if end >= count:
                return False
            if start == end:
                return True
            triples += not isinstance(span, Mapping)
    return 0 < triples < _WITHOUT_ONE_TOKEN


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    return records_of(objects(source), some_objects(source.sample()), source.name, options)


def records_of(
    rows: Iterable[tuple[int, Mapping[str, Any]]],
    first: Iterable[Mapping[str, Any]],
    file: str,
    options: ReadOptions,
) -> Iterator[Record]:
    """One record a row, a pair of line and object. first: objects that say whether ends are inclusive."""
    inclusive = int(_inclusive(first))
    for line, item in rows:
        where = Where(file, line, "span")
        keys = _keys(item)
        if keys is None:
            if any(item.get(key) == [] for key in _TOKENS):
                continue
            raise where.error(f"no tokens with spans among {', '.join(map(repr, list(item)[:12]))}", _SHAPES)
        tokens, starts = _sentences(item[keys[0]])
        spaces = [*map(bool, tokens[:-1]), False]  # an empty token, which is left out later, adds nothing
        text, places = join(tokens, spaces)
        record = Record(file, line, text, tokens=tokens, sent_starts=starts, meta=meta_of(item, options))
        record.spaces = spaces
        if isinstance(item.get("doc_key"), str):
            record.meta["id"] = item["doc_key"]
        for span in _in_sentences(item, keys[1], starts, where):
            start, end, label = _triple(span, where)
            end += inclusive and not (isinstance(span, Mapping) and "index" in span)
            if isinstance(span, (list, tuple)) and _words_of_it(span, tokens[start:end]):
                label = span[3]
            if not start < end <= len(tokens):
                raise where.error(f"{short(span)} of {len(tokens)} tokens", "positions of tokens from 0")
            names = label_of(label, options, where)
            record.spans += [span_over(tokens, places, start, end, name) for name in names]
        relations = item.get("relations")
        if isinstance(relations, list) and any(relations):
            record.notes.append(("unsupported", "noted", "relations left out"))
        yield record


_EXAMPLE = """[{"tokens": ["Marie", "Curie", "was", "born", "in", "Warsaw", "."], "entities": [
  {"type": "PER", "start": 0, "end": 2},
  {"type": "LOC", "start": 5, "end": 6}
]}]
"""
TOKEN_SPANS = Format(
    "token-spans", "JSON with tokens and spans in token positions (SpERT, DyGIE++, GLiNER, W2NER, ELIT)", (".json", ".jsonl"), _sniff,
    _read,
    example=_EXAMPLE,
)  # fmt: skip

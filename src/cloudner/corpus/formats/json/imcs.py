"""IMCS-21 (CBLUE's IMCS-NER): dialogues between doctor and patient, each utterance with a tag for each of its characters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cloudner.corpus.align.tag_schemes import decode, detect_scheme
from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.corpus.formats.json.objects import group_of
from cloudner.corpus.formats.json.stream import peek, values
from cloudner.corpus.formats.spans import Where, short
from cloudner.errors import InputError

_SHAPE = '{"ID": {"dialogue": [{"sentence": "有发热吗", "BIO_label": "O B-Symptom I-Symptom O"}]}}'


def _dialogues(tree: Any) -> dict[str, Mapping[str, Any]]:
    """The dialogues of a tree by their ids."""
    if not isinstance(tree, Mapping):
        return {}
    return {
        str(key): each
        for key, each in tree.items()
        if isinstance(each, Mapping) and isinstance(each.get("dialogue"), list)
    }


def _is_tagged(utterance: Any) -> bool:
    return isinstance(utterance, Mapping) and isinstance(utterance.get("BIO_label"), str)


def _sniff(sample: Sample) -> Match | None:
    seen = peek(sample)
    for tree in seen.items[:3] if seen else ():
        for dialogue in _dialogues(tree).values():
            if any(map(_is_tagged, dialogue["dialogue"])):
                return Match(0.97, "dialogues whose utterances have a BIO_label (IMCS-21)")
    return None


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """One record a dialogue, an utterance a line. What the patient has reported before it (`self_report`) has no tags."""
    count = 0
    for line, tree in values(source):
        for identity, dialogue in _dialogues(tree).items():
            count += 1
            yield _record(identity, dialogue, Where(source.name, line, f"dialogue {identity!r}"), options)
    if count == 0:
        raise InputError("no dialogue in it", file=source.name, line=1, expected=_SHAPE)


def _record(identity: str, dialogue: Mapping[str, Any], where: Where, options: ReadOptions) -> Record:
    record = Record(where.file, where.line, "", meta={"id": identity} | group_of(dialogue, options))
    lines: list[str] = []
    at = 0
    for utterance in dialogue["dialogue"]:
        if not _is_tagged(utterance) or not isinstance(utterance.get("sentence"), str):
            raise where.error(f"an utterance without sentence or BIO_label, {short(utterance)}", _SHAPE)
        text, tags = utterance["sentence"], utterance["BIO_label"].split()
        if len(text) != len(tags):
            raise where.error(
                f"{len(tags)} tags of {len(text)} characters in {short(text)}", "one a character"
            )
        for start, end, label in decode(tags, detect_scheme([tags])).spans:
            record.spans.append(SpanRecord(at + start, at + end, options.labels.get(label, label)))
        lines.append(text)
        at += len(text) + 1
    record.text = "\n".join(lines)
    return record


_TEXT = "Marie Curie was born in Warsaw."
_TAGS = " ".join(["B-PER", *["I-PER"] * 10, *["O"] * 13, "B-LOC", *["I-LOC"] * 5, "O"])
_EXAMPLE = f"""{{"curie": {{"diagnosis": "x", "dialogue": [
  {{"sentence_id": "1", "speaker": "医生", "sentence": "{_TEXT}",
   "BIO_label": "{_TAGS}"}}
]}}}}
"""
IMCS = Format(
    "imcs",
    "IMCS-21 (CBLUE's IMCS-NER): dialogues by their ids, a BIO_label for each utterance",
    (".json",),
    _sniff,
    _read,
    example=_EXAMPLE,
)

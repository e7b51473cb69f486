"""Objects of public corpora with keys of their own, as objects with a text or tokens and entities."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

Row = dict[str, Any]
_POLEVAL = re.compile(r"(?P<label>\S+) (?P<start>\d+) (?P<end>\d+)\t(?P<text>.*)")


def as_usual(item: Row) -> Row:
    """The object under the usual keys where it is of such a corpus, else as it is."""
    for change in (_runne, _ace, _wikievents, _poleval, _duie, _korean):
        changed = change(item)
        if changed is not None:
            return changed
    return item


def sentences_of_documents(tree: Mapping[str, Any]) -> list[Row] | None:
    """The sentences of 모두의 말뭉치 (NIKL), `{"document": [{"sentence": [{"form": ..., "NE": [...]}]}]}`; None of another tree."""
    documents = tree.get("document")
    if not isinstance(documents, list):
        return None
    sentences: list[Any] = []
    for document in documents:
        parts = document.get("sentence") if isinstance(document, dict) else None
        sentences += parts if isinstance(parts, list) else []
    if not any(isinstance(sentence, dict) and isinstance(sentence.get("NE"), list) for sentence in sentences):
        return None
    if not all(isinstance(s, dict) and isinstance(s.get("form"), str) for s in sentences):
        return None
    return [
        {"id": s.get("id"), "text": s["form"], "entities": [_with_text(e, "form") for e in s.get("NE") or ()]}
        for s in sentences
    ]


def _with_text(entity: Any, key: str) -> Any:
    """An entity whose words are under `text`."""
    if not isinstance(entity, dict) or key not in entity:
        return entity
    return {"text": entity[key], **{k: value for k, value in entity.items() if k not in (key, "id")}}


def _without(item: Row, *keys: str) -> Row:
    return {key: value for key, value in item.items() if key not in keys}


def _runne(item: Row) -> Row | None:
    """RuNNE and the first NEREL: `{"sentences": "Бостон ...", "ners": [[0, 5, "CITY"]]}`."""
    if not isinstance(item.get("sentences"), str) or not isinstance(item.get("ners"), list):
        return None
    return {"text": item["sentences"], "entities": item["ners"], **_without(item, "sentences", "ners")}


def _in_tokens(tokens: Any, mentions: Any) -> bool:
    """Do the mentions count tokens? Their words say so."""
    if not isinstance(tokens, list) or not isinstance(mentions, list):
        return False
    if not all(isinstance(token, str) for token in tokens):
        return False
    for each in mentions:
        if not isinstance(each, dict) or not isinstance(each.get("text"), str):
            return False
        start, end = each.get("start"), each.get("end")
        if type(start) is not int or type(end) is not int or not 0 <= start < end:
            return False
        if "".join("".join(tokens[start:end]).split()) != "".join(each["text"].split()):
            return False
    return True


def _ace(item: Row) -> Row | None:
    """ACE 2005 as it is commonly prepared: words, and golden-entity-mentions that count them."""
    mentions = item.get("golden-entity-mentions")
    if not _in_tokens(item.get("words"), mentions) or not isinstance(mentions, list):
        return None
    entities = [{"start": e["start"], "end": e["end"], "type": e.get("entity-type")} for e in mentions]
    rest = _without(item, "words", "golden-entity-mentions", "sentence")
    return {"tokens": item["words"], "entities": entities, **rest}


def _wikievents(item: Row) -> Row | None:
    """WikiEvents: a text, its tokens, and entity_mentions that count these."""
    if not isinstance(item.get("text"), str) or not item.get("entity_mentions"):
        return None
    if not _in_tokens(item.get("tokens"), item["entity_mentions"]):
        return None
    return _without(item, "text", "sentences")


def _poleval(item: Row) -> Row | None:
    """PolEval 2018: `"answers": "persName 0 12\\tJan Kowalski\\n..."`."""
    answers = item.get("answers")
    if not isinstance(item.get("text"), str) or not isinstance(answers, str):
        return None
    matches = [_POLEVAL.fullmatch(line) for line in answers.splitlines()]
    if not all(matches):
        return None
    entities = [
        {"start": int(m["start"]), "end": int(m["end"]), "label": m["label"], "text": m["text"]}
        for m in matches
        if m
    ]
    return {**_without(item, "answers"), "entities": entities}


def _korean(item: Row) -> Row | None:
    """Korean corpora: a text and its `NE`, each with begin, end and the words as `form` or `entity`."""
    entities = item.get("NE")
    if not isinstance(item.get("text"), str) or not isinstance(entities, list):
        return None
    key = "form" if any(isinstance(e, dict) and "form" in e for e in entities) else "entity"
    return {**_without(item, "NE"), "entities": [_with_text(e, key) for e in entities]}


def _duie(item: Row) -> Row | None:
    """DuIE: the subjects and objects of `spo_list`, each once, by their words."""
    triples = item.get("spo_list")
    if not isinstance(item.get("text"), str) or not isinstance(triples, list):
        return None
    found: dict[tuple[str, str], None] = {}
    for triple in triples:
        if not isinstance(triple, dict):
            return None
        for role in ("subject", "object"):
            words, kind = triple.get(role), triple.get(f"{role}_type")
            words = words if isinstance(words, dict) else {"@value": words}
            kind = kind if isinstance(kind, dict) else {"@value": kind}
            for part, surface in words.items():
                if isinstance(surface, str) and surface and isinstance(kind.get(part), str):
                    found[surface, kind[part]] = None
    entities = [{"text": words, "label": label} for words, label in found]
    return {**_without(item, "spo_list", "postag"), "entities": entities}

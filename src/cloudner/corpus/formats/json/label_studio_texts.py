"""The texts of a Label Studio task, and which of them a region is on: the one that its `to_name` names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from cloudner.corpus.formats.json.dialogue import Dialogue, dialogue
from cloudner.corpus.formats.json.without_text import NoText, file_name, is_media, medium, names_a_file
from cloudner.corpus.formats.keys import TEXT
from cloudner.corpus.formats.spans import Where, short

SPAN_TYPES = ("labels", "hypertextlabels")
_USUAL = (*TEXT, "html", "url")


def is_region(result: Any) -> bool:
    """Does a result mark a part of a text?"""
    value = result.get("value") if isinstance(result, Mapping) else None
    return isinstance(value, Mapping) and (
        result.get("type") in SPAN_TYPES
        or any(key in value for key in ("labels", "hypertextlabels", "paragraphlabels"))
    )


def regions_of(annotations: Iterable[Any]) -> Iterator[Mapping[str, Any]]:
    for annotation in annotations:
        results = annotation.get("result") if isinstance(annotation, Mapping) else None
        yield from filter(is_region, results if isinstance(results, list) else ())


def without_text(
    data: Mapping[str, Any],
    regions: Sequence[Mapping[str, Any]],
    labelled: Collection[str],
    wanted: str | None,
    where: Where,
) -> NoText | None:
    """What a task holds in the place of a text: an image, say, or the name of a file; None where it may have a text.

    The arguments are those of `TaskTexts`.
    """
    strings = [value for value in data.values() if _is_text(value)]
    if dialogue(data, wanted) is not None or any(_is_at(r["value"], s) for r in regions for s in strings):
        return None
    named = {*labelled, *map(_name, regions)}
    usual = [key for key in data if (key in _USUAL or key in named if wanted is None else key == wanted)]
    texts = {key: data[key] for key in usual if _is_text(data[key])}
    for key, text in texts.items():
        marked = [r["value"].get("text") for r in regions if _name(r) in (key, None) or _name(r) not in data]
        if not names_a_file(text, key, marked):
            return None
    if texts:
        key, text = next(iter(texts.items()))
        return file_name(key, text, len(regions), where)
    if any(key in _USUAL and data[key] is None for key in usual):
        return None
    image = next((key for key, value in data.items() if is_media(value)), None)
    return None if image is None else medium(image, data, where)


class TaskTexts:
    """The texts of a task that are read.

    data: the task's. regions: its results that mark a part of a text. labelled: keys of texts that regions of other
    tasks are on, which are therefore annotated in this one too. wanted: the one key to read.
    texts: by key of the data, a dialogue as its turns; the main one, which has the task's id, is the first.
    labelled: the keys of texts that this task's regions are on. notes: what there is to say of regions elsewhere.
    Raises InputError where there is no text, or not the wanted one.
    """

    def __init__(
        self,
        data: Mapping[str, Any],
        regions: Sequence[Mapping[str, Any]],
        labelled: Collection[str],
        wanted: str | None,
        where: Where,
    ) -> None:
        turns = dialogue(data, wanted)
        readable: dict[str, str | Dialogue] = {k: v for k, v in data.items() if _is_text(v)}
        if turns is not None:
            readable[turns.key] = turns
        self._keys = {name: _key_of(name, data, readable, regions) for name in map(_name, regions)}
        strays = [name for name, key in self._keys.items() if key is None]
        self.labelled = {key for key in self._keys.values() if key in readable}
        keys = [] if wanted else [k for k in readable if k in self.labelled or k in labelled]
        self.main = turns.key if turns is not None else _usual(data, wanted, where)
        if keys and not strays and self.main not in keys:
            self.main = keys[0]
        self.texts = {key: readable.get(key, data[key]) or "" for key in dict.fromkeys((self.main, *keys))}
        self.notes: list[tuple[str, str, str]] = []
        for key, count in Counter(map(self.place, regions)).items():
            if key not in self.texts:
                why = f"--text-column {key}" if key in readable else "it is no text"
                self.notes.append(("unsupported", "noted", f"{count} regions on {key!r} left out; {why}"))
        if any(strays) and len(self._keys) > 1:
            names = " and ".join(repr(name) for name in strays)
            done = f"regions on {names}, which is no key of the data: taken to be on {self.main!r}"
            self.notes.append(("unsupported", "noted", done))

    def place(self, result: Any) -> str:
        """The key that a result belongs to; what marks no part of a text belongs to the main one."""
        return (self._keys[_name(result)] if is_region(result) else None) or self.main


def _name(region: Mapping[str, Any]) -> str | None:
    """The object of the labelling interface that a region is on."""
    name = region.get("to_name")
    return name if isinstance(name, str) else None


def _key_of(
    name: str | None,
    data: Mapping[str, Any],
    readable: Mapping[str, str | Dialogue],
    regions: Iterable[Mapping[str, Any]],
) -> str | None:
    """The key of an object's text: its name, or the only text that its regions fit best by what they store.

    The interface, which says what an object shows, is not exported.
    """
    if name is None or name in readable or isinstance(data.get(name), str):
        return name
    mine = [region["value"] for region in regions if _name(region) == name]
    fits = {
        key: sum(_is_at(value, text) for value in mine)
        for key, text in readable.items()
        if isinstance(text, str)
    }
    best = [key for key, count in fits.items() if count and count == max(fits.values())]
    return best[0] if len(best) == 1 else None


def _is_at(value: Mapping[str, Any], text: str) -> bool:
    """Does what a region stores stand at its offsets in the text?"""
    start, end, stored = value.get("start"), value.get("end"), value.get("text")
    return type(start) is int and type(end) is int and bool(stored) and text[start:end] == stored


def labelled_keys(items: Iterable[Any]) -> set[str]:
    """The keys of texts that regions of these tasks name."""
    found: set[str] = set()
    for item in items:
        data = item.get("data") if isinstance(item, Mapping) else None
        if isinstance(data, Mapping):
            names = [region.get("to_name") for region in regions_of(annotations_of(item))]
            found |= {name for name in names if isinstance(name, str) and _is_text(data.get(name))}
    return found


def annotations_of(item: Mapping[str, Any]) -> list[Any]:
    """The annotations of a task, by their present or their former name."""
    found = item.get("annotations", item.get("completions"))
    return found if isinstance(found, list) else []


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and not is_media(value)


def _usual(data: Mapping[str, Any], wanted: str | None, where: Where) -> str:
    """The key of the text where no region names one."""
    if wanted is not None:
        if not isinstance(data.get(wanted, 0), (str, type(None))):
            raise where.error(
                f"data has no text {wanted!r} but {', '.join(map(repr, data))}", None, "--text-column KEY"
            )
        return wanted
    strings = {key: value for key, value in data.items() if _is_text(value)}
    key = next((k for k in _USUAL if k in strings), None)
    key = key or next((k for k in _USUAL if k in data and data[k] is None), None)  # a task of an empty text
    if key is None and strings:
        key = max(strings, key=lambda k: len(strings[k]))
    if key is None:
        raise where.error(
            f"no text in data {short(dict(data))}",
            "a string in data",
            "--text-column KEY, or `cloudner convert --skip-bad 1`, which leaves it out",
        )
    return key

"""Tasks without a text of their own among those with one: images, recordings, films, and names of files."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from cloudner.corpus.contract import Record
from cloudner.corpus.formats.spans import Where, short
from cloudner.errors import InputError

# A path or an address of an image, a recording or a film, which is no text.
_MEDIA = re.compile(
    r"^\S+\.(?:png|jpe?g|gif|bmp|tiff?|webp|svg|pdf|wav|mp3|ogg|flac|m4a|mp4|webm|avi|mov)(?:[?#]\S*)?$|^data:[a-z]+/",
    re.IGNORECASE,
)
# A path or an address of a file that has the text in it: how annotation tools store an upload.
_FILE = re.compile(
    r"(?:s3|gs|azure-blob|azure_spi|file)://\S+|\S+\.txt(?:[?#]\S*)?|(?:\w+:/)?/\S+\.(?:html?|md|csv|tsv|xml|json)(?:[?#]\S*)?",
    re.IGNORECASE,
)
_URL = re.compile(r"https?://\S+", re.IGNORECASE)


def is_media(value: Any) -> bool:
    """Is this the place, or the content, of an image, a recording or a film? Of a list the first one counts."""
    if isinstance(value, list):
        return bool(value) and is_media(value[0])
    return isinstance(value, str) and _MEDIA.match(value) is not None


def names_a_file(text: str, key: str, marked: Iterable[Any] = ()) -> bool:
    """Is this where a text lies, and not the text? key: what it stands under. marked: the words marked in it, as stored.

    An address in whose words something is marked is a text; one of the web is none where it stands under `url`, or the
    words that were marked are not in it.
    """
    if any(character.isspace() for character in text):
        return False
    words = [word for word in marked if isinstance(word, str) and word]
    if any(word in text for word in words):
        return False
    return bool(_FILE.fullmatch(text) or (_URL.fullmatch(text) and (key == "url" or words)))


class NoText(NamedTuple):
    """In the place of a record: a task without one. error: what is raised where no task has one. why: what it holds.
    lost: how many annotations go with it."""

    error: InputError
    why: str
    lost: int = 0


def medium(key: str, item: Mapping[str, Any], where: Where) -> NoText:
    """A task whose value under that key is an image, a recording or a film."""
    error = where.error(f"no text in data {short(dict(item))}", "a string in data", "--text-column KEY")
    return NoText(error, f"{key!r} and no text")


def file_name(key: str, text: str, lost: int, where: Where) -> NoText:
    """A task whose text lies in a file that the export does not have."""
    error = where.error(
        f"{key!r} is the name of a file, {short(text)}, and not its text",
        "the text itself",
        "put the files' contents in the places of their names; Label Studio keeps the text of tasks imported as JSON",
    )
    return NoText(error, f"the name of a file, such as {short(text)}, and not its text", lost)


def texts_only(found: Iterable[Record | NoText]) -> Iterator[Record]:
    """The records. How many tasks have no text, and what instead, is noted on the last one.

    Raises the InputError of the first task where none has a text.
    """
    last: Record | None = None
    first: NoText | None = None
    others: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    shown: dict[str, str] = {}
    for each in found:
        if isinstance(each, Record):
            if last is not None:
                yield last
            last = each
            continue
        first = first or each
        kind = each.why.partition(",")[0]
        shown.setdefault(kind, each.why)
        others[kind] += 1
        lost[kind] += each.lost
    if last is None:
        if first is not None:
            raise first.error
        return
    for kind, count in others.items():
        done = f"{count} tasks hold {shown[kind]}: left out"
        if lost[kind]:
            done += f", with {lost[kind]} annotations"
        last.notes.append(("empty-document", "dropped" if lost[kind] else "noted", done))
    yield last

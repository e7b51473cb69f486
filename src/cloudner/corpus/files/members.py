"""The members of an archive as input files, and which files are none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from os.path import commonpath
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple, cast

from cloudner.corpus.files.compression import Limited, open_decompressed
from cloudner.corpus.files.encoding import Encodings
from cloudner.corpus.files.file import FileSource
from cloudner.corpus.files.names import siblings, unpacked
from cloudner.corpus.files.pairs import is_text_of_pair
from cloudner.corpus.files.workbook import packed_workbook
from cloudner.errors import InputError

# Not annotations, whatever they hold.
_IGNORED_SUFFIXES = (
    ".py", ".cfg", ".toml", ".html", ".htm", ".pdf", ".png", ".jpg", ".jpeg", ".md", ".rst", ".lock", ".sha256",
)  # fmt: skip
_IGNORED_NAMES = (
    "license",
    "readme",
    "annotation.conf",
    "visual.conf",
    "makefile",
    "dataset_info.json",
    "dataset_infos.json",
    "dataset_dict.json",
    "annotations-legend.json",
)


class Member(NamedTuple):
    """A file in an archive: its name there, its bytes, what they take in the archive, and how to open them."""

    name: str
    size: int
    packed: int
    open: Callable[[], IO[bytes]]


def refuse_unsafe(archive: str, member: str, special: bool) -> None:
    """Raises InputError for a member that is, or whose name points to, something outside the archive.

    special: is it a link, a device or something else that is not a plain file?
    """
    path = PurePosixPath(member.replace("\\", "/"))
    if special or path.is_absolute() or ".." in path.parts or ":" in "".join(path.parts[:1]):
        raise InputError(
            f"the archive has a member that points outside it: {member!r}",
            file=archive,
            expected="plain relative names",
            fix="unpack it in an empty folder if you trust it, and convert that",
        )


def member_sources(
    name: str, members: list[Member], encoding: Encodings | None, tolerant: bool
) -> Iterator[FileSource]:
    """Every member that may be data; of a text and its annotations (NAME.ann) the latter, which find the text beside them."""
    usable = [member for member in members if not is_ignored(PurePosixPath(member.name))]
    by_name = {member.name: member for member in members}
    any_data = False
    for member in usable:
        if is_text_of_pair(member.name, by_name.__contains__):
            continue
        any_data = True
        yield from packed_workbook(_source(name, member, encoding, by_name, tolerant=len(usable) > 1))
    if not any_data:
        raise InputError("the archive holds no data file", file=name, expected="at least one annotated file")


def _source(
    archive: str,
    member: Member,
    encoding: Encodings | None,
    by_name: dict[str, Member],
    tolerant: bool = False,
) -> FileSource:
    name = f"{archive}!{member.name}"

    def opener() -> IO[bytes]:
        stream = open_decompressed(member.open, name, None)
        return cast(IO[bytes], Limited(stream, lambda: member.packed, name))

    def find(suffix: str) -> FileSource | None:
        other = next((each for each in siblings(member.name, suffix) if each in by_name), None)
        return None if other is None else _source(archive, by_name[other], encoding, by_name)

    def find_name(other: str) -> FileSource | None:
        # The nearest member: the one whose folders agree with this one's the longest.
        same = [
            n for n in by_name if f"/{n}".endswith("/" + other) or f"/{unpacked(n)}".endswith("/" + other)
        ]
        if not same:
            return None
        nearest = max(same, key=lambda n: len(commonpath([n, member.name])))
        return _source(archive, by_name[nearest], encoding, by_name)

    return FileSource(
        name,
        opener,
        encoding=encoding,
        find_sibling=find,
        find_neighbour=find_name,
        size=member.size,
        tolerant=tolerant,
    )


def is_ignored(path: PurePosixPath | Path) -> bool:
    """Is a file of that name no annotation, whatever it holds?"""
    lower = path.name.lower()
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts[-3:] if part not in (".", ".."))
    return (
        hidden
        or lower.endswith(_IGNORED_SUFFIXES)
        or lower.split(".")[0] in ("license", "readme")
        or lower in _IGNORED_NAMES
        or lower.endswith(".issues.jsonl")
    )

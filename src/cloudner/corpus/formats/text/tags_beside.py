"""Tags in a file of their own, a sentence a line: `tags.txt` beside `sentences.txt`, `seq.out` beside `seq.in`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

from cloudner.corpus.align.tag_shapes import POSITION_TAG
from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source
from cloudner.corpus.files.names import base_name, unpacked
from cloudner.corpus.formats.beside import text_beside
from cloudner.corpus.formats.columns.rows import Block, TokenStyle
from cloudner.corpus.formats.words import is_unspaced
from cloudner.errors import InputError

# What the name of the tags has, and what that of the words has in its place; the likeliest first.
_NAMES = (
    ("seq.out", "seq.in"),
    ("tags", "words"),
    ("tags", "sentences"),
    ("tags", "text"),
    ("tags", "tokens"),
    ("tag", "word"),
    ("labels", "sentences"),
    ("labels", "words"),
    ("labels", "text"),
    ("labels", "texts"),
    ("label", "text"),
    ("label", "sentence"),
    ("label", "words"),
    ("target", "source"),
    ("tgt", "src"),
    (".out", ".in"),
)


def _is_tag(word: str) -> bool:
    return word == "O" or POSITION_TAG.fullmatch(word) is not None


def _sniff(sample: Sample) -> Match | None:
    words = [word for line in sample.lines[:200] for word in line.split()]
    lines = [line for line in sample.lines[:200] if line.strip()]
    if len(words) <= len(lines) or "\t" in sample.text[:2000] or not all(map(_is_tag, words)):
        return None
    if all(word == "O" for word in words) and _words_names(sample.name) == []:
        return None
    return Match(0.96, "nothing but tags, whose words are in a file beside it")


def _words_names(name: str) -> list[str]:
    return [words.join(name.rsplit(tags, 1)) for tags, words in _NAMES if tags in name]


def _words(source: Source) -> Source:
    name = unpacked(base_name(source.name))
    for other in _words_names(name):
        found = source.neighbour(other)
        if found is not None:
            return found
    names = _words_names(name)
    return text_beside(
        source,
        names[0] if names else "sentences.txt",
        "the words of these tags, a sentence a line: tags.txt beside sentences.txt, seq.out beside seq.in",
    )


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """One record a line. Raises InputError (file, line) for a line with more or fewer tags than words."""
    words = _words(source)
    some = [line.split() for line in words.sample().lines[:200]]
    text = "".join("".join(line) for line in some)
    single = sum(len(word) == 1 for line in some for word in line)
    unspaced = options.lang in ("zh", "ja") or is_unspaced(text)
    style = TokenStyle(characters=unspaced and 10 * single > 9 * sum(map(len, some)), unspaced=unspaced)
    for tagged, given in zip_longest(source.lines(), words.lines(), fillvalue=(0, "")):
        number = given[0] or tagged[0]
        tokens, tags = given[1].split(), tagged[1].split()
        if len(tokens) != len(tags):
            raise InputError(
                f"{len(tags)} tags of {len(tokens)} words",
                file=source.name,
                line=number,
                expected=f"as many as there are words in that line of {base_name(words.name)}",
                fix="mend the line in one of the two files",
            )
        if not tokens:
            continue
        block = Block(number, {})
        block.tokens, block.tags, block.sent_starts = tokens, list(tags), [0]
        yield style.record(words.name, block)


_EXAMPLE = {
    "tags.txt": "B-PER I-PER O O O B-LOC O\n",
    "sentences.txt": "Marie Curie was born in Warsaw .\n",
}
TAGS_BESIDE = Format(
    "tags-beside",
    "tags in a file of their own beside the words, a sentence a line (tags.txt, seq.out)",
    (".tags.txt", ".out", ".txt"),
    _sniff,
    _read,
    example=_EXAMPLE,
)

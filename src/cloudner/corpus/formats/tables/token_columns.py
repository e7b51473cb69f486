"""Which columns of a table with one token a row hold the token, its tag, its sentence and its document."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cloudner.corpus.align.tag_shapes import NOTHING
from cloudner.corpus.formats.columns.tag_column import OTHER_LABELS, POSITION
from cloudner.corpus.formats.columns.values import counts, is_constant
from cloudner.corpus.formats.keys import SENTENCE, TAG, TOKEN
from cloudner.corpus.formats.tables.csv_rows import (
    find_column,
    plain_name,
)

_TAG = re.compile(r"^([BIOLUSEM]-.+|O)$")
# Names of columns of entities; `tag` and `label` are what parts of speech and chunks are called too.
_ENTITY_TAGS = (
    "ner", "ner_tag", "ner_tags", "ner_label", "gold_ner", "gold", "gold_label", "gold_tag", "entity", "entity_tag",
    "entity_label", "entities", "named_entity", "ne", "ne_tag", "iob", "bio", "iob_tag", "bio_tag",
)  # fmt: skip
_TAGS = tuple(dict.fromkeys((*_ENTITY_TAGS, *TAG)))
_DOCUMENTS = (
    "doc_id", "document_id", "doc_idx", "document_idx", "docid", "doc", "document", "doc #", "document #", "doc_no",
    "article_id", "article", "text_id", "file", "filename", "file_name",
)  # fmt: skip
_SENTENCES = tuple(name for name in SENTENCE if name not in _DOCUMENTS)


@dataclass(frozen=True)
class TokenColumns:
    """Positions in a row. counter: a column that numbers the tokens of each sentence. others: tags that are not read."""

    token: int
    tag: int
    sentence: int | None = None
    document: int | None = None
    counter: int | None = None
    others: tuple[str, ...] = ()


def _cells(body: Sequence[Sequence[str]], column: int) -> list[str]:
    return [row[column].strip() for row in body if len(row) > column]


def _share(cells: Sequence[str]) -> float:
    filled = [cell for cell in cells if cell and cell not in NOTHING]
    return sum(bool(_TAG.match(cell)) for cell in filled) / len(filled) if filled else 0.0


def _labels(cells: Sequence[str]) -> set[str]:
    return {POSITION.sub("", cell) for cell in cells if cell != "O" and _TAG.match(cell)}


def tag_columns(header: Sequence[str], body: Sequence[Sequence[str]]) -> list[int]:
    """The columns that may hold entity tags, the likeliest first: what has them, not chunks, under a fitting name."""
    plain = [plain_name(name) for name in header]
    cells = [_cells(body, column) for column in range(len(header))]
    # Features of the words before and after have tags too (prev-iob).
    fitting = [
        i for i, each in enumerate(cells) if _share(each) >= 0.9 and not re.match(r"(prev|next)", plain[i])
    ]

    def rank(column: int) -> tuple[bool, bool, int, int]:
        labels = _labels(cells[column])
        chunks = bool(labels) and labels <= OTHER_LABELS
        name = _TAGS.index(plain[column]) if plain[column] in _TAGS else len(_TAGS)
        return chunks, not labels and len(fitting) > 1, name, -column

    results = sorted(fitting, key=rank)
    return results or [plain.index(name) for name in _TAGS if name in plain][:1]


def choose(header: Sequence[str], body: Sequence[Sequence[str]]) -> TokenColumns | None:
    """The columns of a table; None without one for tokens and one for tags."""
    tags = tag_columns(header, body)
    token = token_column(header, body)
    if token is None or not tags or tags[0] == token:
        return None
    return place(header, body, token, tags[0])


def token_column(header: Sequence[str], body: Sequence[Sequence[str]]) -> int | None:
    """The column with a token's name, but not one whose cells are all the same or only count."""
    plain = [plain_name(name) for name in header]
    named = [plain.index(name) for name in TOKEN if name in plain]
    for column in named:
        cells = _cells(body, column)
        if not (len(cells) > 3 and (is_constant(cells) or counts(cells))):
            return column
    return named[0] if named else None


def place(
    header: Sequence[str], body: Sequence[Sequence[str]], token: int, tag: int, sentence: int | None = None
) -> TokenColumns:
    """The rest of the columns, where token and tag are known; sentence: as the user says, or None to find it."""
    taken = {token, tag}
    document = _named(header, _DOCUMENTS, taken)
    if document is not None and _unique(body, document):
        document = None
    if sentence is None:
        sentence = _named(header, _SENTENCES, taken | {document})
        if sentence is not None and (_unique(body, sentence) or _numbers_tokens(header, body, sentence)):
            sentence = None
    counter = next(
        (
            column
            for column in range(len(header))
            if column not in (token, tag, sentence, document) and _restarts(_cells(body, column))
        ),
        None,
    )
    others = tuple(header[i] for i in tag_columns(header, body) if i != tag and _labels(_cells(body, i)))
    return TokenColumns(token, tag, sentence, document, counter, others)


def _named(header: Sequence[str], names: Sequence[str], taken: set[int | None] | set[int]) -> int | None:
    return next(
        (i for name in names if (i := find_column(header, [name])) is not None and i not in taken), None
    )


def _numbers_tokens(header: Sequence[str], body: Sequence[Sequence[str]], column: int) -> bool:
    """Does an `ID` number the tokens and not the sentences? A column called after sentences does not."""
    return not plain_name(header[column]).startswith("sent") and counts(_cells(body, column))


def _restarts(cells: Sequence[str]) -> bool:
    return counts(cells) and len(set(cells)) < len(cells)


def _unique(body: Sequence[Sequence[str]], column: int) -> bool:
    """Is it a different value in every row, and so the row's own number?"""
    cells = [cell for cell in _cells(body, column) if cell]
    return len(cells) > 3 and len(cells) == len(body) and len(set(cells)) == len(cells)

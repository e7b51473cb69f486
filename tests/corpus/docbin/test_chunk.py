"""Aligned documents as arrays: joined, kept in a temporary file, read from a `.spacy` file."""

import dataclasses

import numpy as np
import pytest

from cloudner.corpus.align.aligner import Aligner
from cloudner.corpus.contract import Record, SpanRecord
from cloudner.corpus.docbin.chunk import Chunk
from cloudner.corpus.docbin.load import docbin_chunks
from cloudner.corpus.docbin.spool import Spool
from cloudner.corpus.docbin.writer import pack
from cloudner.corpus.files.sources import open_sources

RECORDS = [
    Record("a.csv", 2, "Ann Lee left Oslo.", [SpanRecord(0, 7, "PER"), SpanRecord(13, 17, "LOC")], meta={"id": "x"}),
    Record("b.csv", 7, "Nobody here", negative=[SpanRecord(0, 6, "PER")]),
    Record("b.csv", 9, tokens=["Bob", "ran", ".", "He", "won"], tags=["B-PER", "O", "O", None, "O"], sent_starts=[0, 3]),
    Record("a.csv", 3, "Ann Lee", [SpanRecord(0, 7, "PER")]),
]  # fmt: skip


def chunk(*numbers):
    return Aligner("en").chunk([RECORDS[number] for number in numbers])


def assert_same(found, wanted, *apart):
    for field in dataclasses.fields(Chunk):
        if field.name in apart or field.name.startswith("_"):
            continue
        one, other = getattr(found, field.name), getattr(wanted, field.name)
        if isinstance(other, np.ndarray):
            assert one.dtype == other.dtype
            assert one.tolist() == other.tolist(), field.name
        else:
            assert one == other, field.name


def test_joined_chunks_are_the_chunk_of_all_their_records():
    assert_same(Chunk.joined([chunk(0), chunk(1, 2), chunk(3)]), chunk(0, 1, 2, 3))


def test_a_spool_gives_every_chunk_back_in_any_order():
    chunks = [chunk(0, 1), chunk(2), chunk(3)]
    with Spool() as spool:
        for each in chunks:
            spool.add(each)
        assert len(spool) == 3
        for number in (2, 0, 1):
            assert_same(spool.chunk(number), chunks[number], "issues", "group_keys")
        spool.add(chunks[0])  # after reading, at the end again
        assert_same(spool.chunk(3), chunks[0], "issues", "group_keys")
        assert [spool.find(doc) for doc in range(6)] == [(0, 0), (0, 1), (1, 0), (2, 0), (3, 0), (3, 1)]


@pytest.mark.parametrize(("most_docs", "sizes"), [(100, [4]), (3, [3, 1]), (1, [1, 1, 1, 1])])
def test_the_arrays_of_a_file_are_those_that_were_written(tmp_path, most_docs, sizes):
    every = chunk(0, 1, 2, 3)
    path = tmp_path / "a.spacy"
    path.write_bytes(pack([every]))
    read = list(docbin_chunks(next(open_sources(str(path))), most_docs, 1000))
    assert [len(each) for each in read] == sizes
    whole = Chunk.joined(read)
    assert_same(whole, every, "strings", "groups", "user_data", "places", "issues")
    assert whole.places == [(str(path), number) for number in (1, 2, 3, 4)]
    starts, ends, labels = whole.entities()
    found = [
        (whole.surface(a, b), whole.string(label)) for a, b, label in zip(starts, ends, labels, strict=True)
    ]
    assert found == [("Ann Lee", "PER"), ("Oslo", "LOC"), ("Bob", "PER"), ("Ann Lee", "PER")]
    assert whole.doc_of(starts).tolist() == [0, 0, 2, 3]

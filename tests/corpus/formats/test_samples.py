"""A small, typical file of every format is recognised by its content and read to its entities."""

import pytest

from cloudner.corpus.formats.registry import formats
from corpus.reading import all_surfaces, detected, entities_of, read, read_all, written
from corpus.samples.every import CASES, SHAPES
from corpus.samples.text import SAMPLES, VARIANTS
from corpus.samples.words import ADA_ENTITIES, SPANS

EVERY = [(name, *sample) for name, sample in SAMPLES.items()] + VARIANTS


@pytest.mark.parametrize(
    ("name", "file", "content", "expected"), EVERY, ids=[f"{e[0]}-{e[1]}" for e in EVERY]
)
def test_sample(tmp_path, name, file, content, expected):
    assert detected(tmp_path, content, file) == name
    assert detected(tmp_path, content, "unnamed") == name  # by content, whatever the file is called
    records = read(tmp_path, formats()[name], content, file)
    assert all_surfaces(records) == expected
    assert all(record.line >= 1 and record.file for record in records)


@pytest.mark.parametrize(
    ("name", "file", "content", "expected"), EVERY, ids=[f"{e[0]}-{e[1]}" for e in EVERY]
)
def test_windows_line_ends_and_byte_order_mark(tmp_path, name, file, content, expected):
    marked = "\ufeff" + content.replace("\n", "\r\n")
    if name == "i2b2":  # its offsets count characters of the text, so only the mark is added
        marked = "\ufeff" + content
    assert detected(tmp_path, marked, file) == name
    assert all_surfaces(read(tmp_path, formats()[name], marked, file)) == expected


def test_written_samples_are_detected(tmp_path):
    """What one format reads, every other that can hold it writes, and it is taken for what it is."""
    source = read(tmp_path, formats()["conll"], SAMPLES["conll"][1])
    for name in ("conll", "conllu", "markup", "opennlp", "inline-xml", "pubtator", "stanford"):
        content = written(formats()[name], source)
        assert detected(tmp_path, content, "unnamed") == name
        assert all_surfaces(read(tmp_path, formats()[name], content)) == [("Ann Lee", "PER"), ("Oslo", "LOC")]


@pytest.mark.parametrize("case", CASES)
def test_a_sample_is_recognised_and_read(case, aligner, tmp_path):
    name, file, content = CASES[case]
    found, records = read_all(tmp_path, file, content)
    assert (found, entities_of(aligner, records)) == (name, SPANS)


@pytest.mark.parametrize("case", SHAPES)
def test_a_shape_of_a_published_file_is_recognised_and_read(case, aligner, tmp_path):
    name, file, content = SHAPES[case]
    found, records = read_all(tmp_path, file, content)
    docs = aligner.docs(records)
    aligner.take_issues()
    entities = [(ent.text, ent.label_) for doc in docs for ent in doc.ents]
    assert (found, entities[:2]) == (name, ADA_ENTITIES)
    text = " ".join(doc.text for doc in docs)
    assert not any(mark in text for mark in ("<S>", "http", "1693", ";", "$", "|"))

"""The text of a standoff pair, given by its own name, is recognised by the `.ann` file beside it."""

import gzip
import zipfile

import fsspec
import pytest
import spacy
from spacy.tokens import DocBin

from cloudner.corpus.convert.convert import convert
from cloudner.corpus.files.sources import open_sources
from cloudner.corpus.formats.detect import detect_source
from cloudner.errors import InputError

TEXT, ANN = "Ada left London\n", "T1\tPER 0 3\tAda\nT2\tLOC 9 15\tLondon\n"


@pytest.fixture
def pair(tmp_path):
    (tmp_path / "a.txt").write_text(TEXT)
    (tmp_path / "a.ann").write_text(ANN)
    return tmp_path


def entities(path):
    docs = DocBin().from_disk(path).get_docs(spacy.blank("en").vocab)
    return [[(ent.text, ent.label_) for ent in doc.ents] for doc in docs]


@pytest.mark.parametrize(
    "given", [["a.txt"], ["a.ann"], ["a.txt", "a.ann"], ["*.txt"], ["a.*"], ["."]], ids=lambda g: "+".join(g)
)
def test_each_way_to_name_a_pair_gives_it_once(pair, given):
    report = convert([pair / name for name in given], pair / "out" / "corpus.spacy")
    assert entities(pair / "out" / "corpus.spacy") == [[("Ada", "PER"), ("London", "LOC")]]
    assert [name for _, name, _ in report.detected] == ["brat"]


def test_the_reason_names_the_other_file(pair):
    found = detect_source(next(open_sources(pair / "a.txt")))
    assert found.format.name == "brat"
    assert "a.ann" in found.reason


def test_an_empty_ann_file_is_a_text_without_entities(pair):
    (pair / "a.ann").write_text("")
    convert(pair / "a.txt", pair / "b.spacy")
    assert entities(pair / "b.spacy") == [[]]


def test_a_text_of_its_own_format_stays_that(pair):
    (pair / "a.txt").write_text("Ada B-PER\nleft O\nLondon B-LOC\n\nHe O\nsat O\n")
    (pair / "a.ann").write_text("")
    found = detect_source(next(open_sources(pair / "a.txt")))
    assert found.format.name == "conll"


def test_a_plain_text_without_annotations_is_refused(tmp_path):
    (tmp_path / "a.txt").write_text(TEXT)
    with pytest.raises(InputError, match="no format recognises"):
        convert(tmp_path / "a.txt", tmp_path / "b.spacy")


@pytest.mark.parametrize("names", [("a.txt.gz", "a.ann.gz"), ("a.txt", "a.ann.gz"), ("a.txt.gz", "a.ann")])
@pytest.mark.parametrize("given", [0, 1, None], ids=["text", "annotations", "folder"])
def test_a_pair_whose_files_are_compressed(tmp_path, names, given):
    (tmp_path / "in").mkdir()
    for name, content in zip(names, (TEXT, ANN), strict=True):
        raw = content.encode()
        (tmp_path / "in" / name).write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
    report = convert(
        tmp_path / "in" if given is None else tmp_path / "in" / names[given], tmp_path / "out.spacy"
    )
    assert entities(tmp_path / "out.spacy") == [[("Ada", "PER"), ("London", "LOC")]]
    assert [name for _, name, _ in report.detected] == ["brat"]
    (doc,) = DocBin().from_disk(tmp_path / "out.spacy").get_docs(spacy.blank("en").vocab)
    assert doc.user_data["meta"]["id"] == "a"


def test_a_compressed_pair_in_an_archive_and_in_a_store(tmp_path):
    store = fsspec.filesystem("memory")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name, content in (("a.txt.gz", TEXT), ("a.ann.gz", ANN)):
            archive.writestr(f"x/{name}", gzip.compress(content.encode()))
            store.pipe(f"/packed/{name}", gzip.compress(content.encode()))
    for given in (str(tmp_path / "a.zip"), "memory://packed"):
        convert(given, tmp_path / "out.spacy")
        assert entities(tmp_path / "out.spacy") == [[("Ada", "PER"), ("London", "LOC")]]

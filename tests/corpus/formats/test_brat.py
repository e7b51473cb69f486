"""brat's and BioNLP's standoff pairs."""

from cloudner.corpus.contract import ReadOptions
from cloudner.corpus.convert.convert import convert
from cloudner.corpus.files.sources import open_sources
from cloudner.corpus.formats.registry import formats
from corpus.reading import all_surfaces, put, surfaces
from corpus.samples.text import BRAT_ANN, BRAT_TXT


def test_brat_pair(tmp_path):
    put(tmp_path, "pair/a.txt", BRAT_TXT)
    put(tmp_path, "pair/a.ann", BRAT_ANN)
    put(tmp_path, "pair/b.txt", "Nobody came.")
    put(tmp_path, "pair/b.ann", "")
    expected = [("Ann Lee", "PER"), ("Oslo Town", "LOC"), ("Rome", "LOC")]
    found = list(open_sources(tmp_path / "pair"))
    assert [source.name.rsplit("/", 1)[-1] for source in found] == ["a.ann", "b.ann"]
    brat = formats()["brat"]
    assert brat.sniff(found[0].sample()).score > 0.9
    assert brat.sniff(found[1].sample()).score > 0.5
    records = [record for source in found for record in brat.read(source, ReadOptions())]
    assert [all_surfaces([record]) for record in records] == [expected, []]
    assert [record.meta["id"] for record in records] == ["a", "b"]
    assert [record.notes for record in records] == [
        [("unsupported", "noted", "3 relations and events left out")],
        [],
    ]
    # the text file leads to the same
    (source,) = open_sources(tmp_path / "pair" / "a.txt")
    assert all_surfaces(brat.read(source, ReadOptions())) == expected


def test_brat_span_over_a_line_end_is_one(tmp_path):
    # nlplab/brat#1042: brat parts a span at the line end, with or without the next line's indentation
    for second, ann in (("  Bar", "T1\tX 0 3;4 9\tFoo   Bar\n"), ("  Bar", "T1\tX 0 3;6 9\tFoo Bar\n")):
        put(tmp_path, "n.txt", f"Foo\n{second}\n")
        put(tmp_path, "n.ann", ann)
        (record,) = formats()["brat"].read(next(open_sources(tmp_path / "n.ann")), ReadOptions())
        assert surfaces(record) == [("Foo\n  Bar", "X")]
        assert record.spans[0].surface is None


def test_brat_discontinuous_keeps_what_the_file_says(tmp_path):
    # Franck-Dernoncourt/NeuroNER#36: an offset `0 5;12 17` broke the reader
    put(tmp_path, "d.txt", "Lorem ipsum dolor")
    put(tmp_path, "d.ann", "T1\tOrg 0 5;12 17\tLorem dolor\n")
    (record,) = formats()["brat"].read(next(open_sources(tmp_path / "d.ann")), ReadOptions())
    assert record.spans == [(0, 17, "Org", None)]
    assert record.notes == [("unsupported", "changed", "Org 0 5;12 17 (Lorem dolor) made one span 0:17")]


def test_bionlp_pairs_are_one_document(aligner, tmp_path):
    put(tmp_path, "a.txt", "IL-2 binds.")
    put(tmp_path, "a.a1", "T1\tProtein 0 4\tIL-2\n")
    put(tmp_path, "a.a2", "T2\tBinding 5 10\tbinds\nE1\tBinding:T2 Theme:T1\n")
    report = convert(tmp_path / "*.a?", tmp_path / "out.spacy")
    assert (report.docs, report.labels) == (1, {"Protein": 1, "Binding": 1})


def test_offsets_that_count_a_byte_order_mark(tmp_path):
    """brat counts it as a character of the text, from which it is taken: names that come often tell right from near."""
    put(tmp_path, "a.txt", b"\xef\xbb\xbf" + b"Oslo and Oslo, a Bo.")
    put(tmp_path, "a.ann", "T1\tLOC 1 5\tOslo\nT2\tLOC 10 14\tOslo\nT3\tPER 18 20\tBo\n")
    (record,) = formats()["brat"].read(next(open_sources(tmp_path / "a.ann")), ReadOptions())
    assert [span[:2] for span in record.spans] == [(0, 4), (9, 13), (17, 19)]
    assert [note[:2] for note in record.notes] == [("offsets-moved", "repaired")]
    put(tmp_path, "a.ann", "T1\tLOC 0 4\tOslo\nT2\tLOC 9 13\tOslo\n")
    (record,) = formats()["brat"].read(next(open_sources(tmp_path / "a.ann")), ReadOptions())
    assert [span[:2] for span in record.spans] == [(0, 4), (9, 13)]
    assert not record.notes

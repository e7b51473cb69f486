"""Every text and column format: what it reads, what it is taken for, and back from what it writes."""

import pytest
from corpus.reading import detected, put, read, surfaces, written
from corpus.samples.text import BRAT_ANN, BRAT_TXT, CONLLU, GERMEVAL, RASA, SAMPLES, VARIANTS, WEBANNO

from cloudner.corpus.contract import ReadOptions
from cloudner.corpus.files.sources import open_sources
from cloudner.corpus.formats.registry import formats

EVERY = [(name, *sample) for name, sample in SAMPLES.items()] + VARIANTS


def entities(records):
    return [pair for record in records for pair in surfaces(record)]


@pytest.mark.parametrize(
    ("name", "file", "content", "expected"), EVERY, ids=[f"{e[0]}-{e[1]}" for e in EVERY]
)
def test_sample(tmp_path, name, file, content, expected):
    assert detected(tmp_path, content, file) == name
    assert detected(tmp_path, content, "unnamed") == name  # by content, whatever the file is called
    records = read(tmp_path, formats()[name], content, file)
    assert entities(records) == expected
    assert all(record.line >= 1 and record.file for record in records)


@pytest.mark.parametrize(
    ("name", "file", "content", "expected"), EVERY, ids=[f"{e[0]}-{e[1]}" for e in EVERY]
)
def test_windows_line_ends_and_byte_order_mark(tmp_path, name, file, content, expected):
    marked = "\ufeff" + content.replace("\n", "\r\n")
    if name == "i2b2":  # its offsets count characters of the text, so only the mark is added
        marked = "\ufeff" + content
    assert detected(tmp_path, marked, file) == name
    assert entities(read(tmp_path, formats()[name], marked, file)) == expected


def test_conllu_keeps_the_text(tmp_path):
    (record,) = read(tmp_path, formats()["conllu"], CONLLU)
    assert record.tokens == ["Ann", "Lee", "no", "va", "al", "Prado", "."]
    assert record.spaces == [True, True, True, True, True, False, True]
    assert record.meta["newdoc id"] == "weblog-1"


def test_conllu_agrees_with_the_conllu_library(tmp_path):
    conllu = pytest.importorskip("conllu")
    (sentence,) = conllu.parse(CONLLU)
    (record,) = read(tmp_path, formats()["conllu"], CONLLU)
    words = [token["form"] for token in sentence if isinstance(token["id"], int)]
    assert [w for w in words if w not in ("a", "el")] == [t for t in record.tokens if t != "al"]
    text = "".join(t + " " * s for t, s in zip(record.tokens, record.spaces, strict=True)).strip()
    assert text == sentence.metadata["text"]


@pytest.mark.parametrize(
    "misc",
    [
        ("NE=B-PER", "NE=O"),
        ("name=B-PER", "SpaceAfter=No name=O"),  # ltgoslo/norne#7, parted by a space
        ("NER=B-PER", "_"),
        ("B-PER", "O"),  # explosion/spaCy#4715: the tag alone
        ("SpaceAfter=No|Tag=B-PER", "Tag=O"),
        ("Gloss=x|Entity=PER", "Entity=O"),
    ],
)
def test_conllu_misc(tmp_path, misc):
    content = "".join(
        f"{i}\t{form}\t_\tX\t_\t_\t0\t_\t_\t{m}\n"
        for i, (form, m) in enumerate(zip(("Ann", "left"), misc, strict=True), 1)
    )
    (record,) = read(tmp_path, formats()["conllu"], content)
    assert surfaces(record) == [("Ann", "PER")]
    assert record.tags[1] == "O"
    assert detected(tmp_path, content) == "conllu"


def test_conllu_word_without_tag_among_tagged_ones_is_missing(tmp_path):
    content = "1\tAnn\t_\tX\t_\t_\t0\t_\t_\tNE=B-PER\n2\tsaw\t_\tX\t_\t_\t0\t_\t_\tNE=O\n3\tit\t_\tX\t_\t_\t0\t_\t_\t_\n"
    (record,) = read(tmp_path, formats()["conllu"], content)
    assert record.tags == ["B-PER", "O", None]


def test_conllu_column(tmp_path):
    head = "# global.columns = ID FORM LEMMA UPOS XPOS FEATS HEAD DEPREL DEPS MISC UNER:NER\n"
    rows = "1\tAnn" + "\t_" * 8 + "\tB-PER\n2\tleft" + "\t_" * 8 + "\tO\n"
    for content in (head + rows, rows):
        assert detected(tmp_path, content) == "conllu"
        assert surfaces(read(tmp_path, formats()["conllu"], content)[0]) == [("Ann", "PER")]


def test_conllu_multiword_token_takes_the_entity_of_its_words(tmp_path):
    content = "1-2\tdu\t_\t_\t_\t_\t_\t_\t_\t_\n1\tde\t_\tX\t_\t_\t0\t_\t_\tNE=O\n2\tle\t_\tX\t_\t_\t0\t_\t_\tNE=B-LOC\n3\tLouvre\t_\tX\t_\t_\t0\t_\t_\tNE=I-LOC\n"
    (record,) = read(tmp_path, formats()["conllu"], content)
    assert surfaces(record) == [("du Louvre", "LOC")]
    assert record.notes == [("misaligned", "changed", "B-LOC of the word 'le' given to the whole of 'du'")]


def test_germeval_without_nested_keeps_tags(tmp_path):
    first, second = read(tmp_path, formats()["germeval2014"], GERMEVAL)
    assert (first.tags, second.tags) == (None, ["B-LOC", "O"])
    assert first.tokens == ["Die", "Universität", "Berlin", "wuchs"]
    assert second.meta == {"source": "http://de.wikipedia.org/wiki/Bonn", "date": "2009-10-17"}


def test_webanno_counts_utf16_and_keeps_the_text(tmp_path):
    (record,) = read(tmp_path, formats()["webanno"], WEBANNO)
    assert record.text == "😀 Ann Lee left New York-based Acme.\nBye."


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
    assert [entities([record]) for record in records] == [expected, []]
    assert [record.meta["id"] for record in records] == ["a", "b"]
    assert [record.notes for record in records] == [
        [("unsupported", "noted", "3 relations and events left out")],
        [],
    ]
    # the text file leads to the same
    (source,) = open_sources(tmp_path / "pair" / "a.txt")
    assert entities(brat.read(source, ReadOptions())) == expected


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


def test_gate_prefers_the_key_set(tmp_path):
    content = SAMPLES["gate"][1].replace(
        '<AnnotationSet Name="Original markups">', '<AnnotationSet Name="Key">'
    )
    assert entities(read(tmp_path, formats()["gate"], content)) == [("Ann Lee & Bob left Oslo", "body")]


def test_rasa_lines_are_where_the_examples_stand(tmp_path):
    assert [record.line for record in read(tmp_path, formats()["rasa"], RASA)] == [5, 6, 12]


def test_opennlp_blank_lines_part_documents(tmp_path):
    content = "<START> Ann <END> left .\nShe ran .\n\nBob stayed .\n"
    first, second = read(tmp_path, formats()["opennlp"], content)
    assert first.text == "Ann left .\nShe ran ."
    assert surfaces(first) == [("Ann", "default")]
    assert second.line == 4


def test_xml_lines_of_a_root_are_records(tmp_path):
    content = "<root>\n<PER>Ann</PER> left.\nNobody came to <LOC>Oslo</LOC>.\n</root>\n"
    records = read(tmp_path, formats()["inline-xml"], content)
    assert [(r.text, r.line) for r in records] == [("Ann left.", 2), ("Nobody came to Oslo.", 3)]


def test_xml_documents(tmp_path):
    first, second = read(tmp_path, formats()["inline-xml"], VARIANTS[0][2])
    assert first.text == "Report\nAnn Lee left Oslo.\nShe was at University of Rome."
    assert (first.meta, second.meta) == ({"id": "d1"}, {"id": "d2"})
    assert (first.line, second.line) == (3, 7)
    assert second.spans == []


def test_markup_document(tmp_path):
    first, second = read(tmp_path, formats()["markup"], SAMPLES["markup"][1])
    assert first.text.startswith(
        "Marie Curie won it twice. She worked in Paris, see [1] and [the page](https:"
    )
    assert first.meta == {"topic": "prizes", "split": "train"}
    assert second.spans == []


def test_markup_without_headers_is_a_document_a_line(tmp_path):
    records = read(tmp_path, formats()["markup"], "[Ann](PER) left.\n\nShe ran.\nTo [Oslo](LOC).\n")
    assert [(r.text, r.line) for r in records] == [("Ann left.", 1), ("She ran.", 3), ("To Oslo.", 4)]


def test_chinese_markup_is_joined_without_spaces(tmp_path):
    (record,) = read(tmp_path, formats()["markup"], "## 新闻 | train\n[王明](PER)走了。\n他在[北京](LOC)。\n")
    assert record.text == "王明走了。他在北京。"
    assert surfaces(record) == [("王明", "PER"), ("北京", "LOC")]


def test_written_samples_are_detected(tmp_path):
    """What one format reads, every other that can hold it writes, and it is taken for what it is."""
    source = read(tmp_path, formats()["conll"], SAMPLES["conll"][1])
    for name in ("conll", "conllu", "markup", "opennlp", "inline-xml", "pubtator", "stanford"):
        content = written(formats()[name], source)
        assert detected(tmp_path, content, "unnamed") == name
        assert entities(read(tmp_path, formats()[name], content)) == [("Ann Lee", "PER"), ("Oslo", "LOC")]

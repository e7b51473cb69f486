"""Property tests: what a text or column format writes, it reads back with the same entities."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudner.corpus.contract import ReadOptions, Record, SpanRecord
from cloudner.corpus.files.sources import open_sources
from cloudner.corpus.formats.registry import formats
from cloudner.corpus.formats.words import text_of
from cloudner.errors import InputError
from corpus.reading import put, read, surfaces, written

PROPERTY_TESTED = {
    "inline-xml", "markup", "brat", "pubtator", "conll", "conll-biluo", "conllu", "opennlp", "stanford", "spacy-iob",
}  # fmt: skip
LABELS = st.sampled_from(["PER", "creative-work", "B-X", "Ort", "entity", "NE"])
# Letters of several scripts, combining marks, emoji, every sign that some format gives a meaning, odd spaces.
ALPHABET = st.sampled_from(
    list("abZéß王京서א9 \u00a0\u3000😀\u0301&<>[](){}|\\/\"'#*-_=:;.,\t")
) | st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\u2028\u2029\x85\ufffe\uffff")


@st.composite
def records(draw, alphabet=ALPHABET, lines=False, nested=False, most=40):
    if lines:
        alphabet = alphabet | st.just("\n")
    text = "".join(draw(st.lists(alphabet, min_size=1, max_size=most)))
    edges = [i for i, c in enumerate(text) if not c.isspace()]
    spans, at = [], 0
    while edges and draw(st.booleans()):
        starts = [i for i in edges if i >= at]
        if not starts:
            break
        start = draw(st.sampled_from(starts))
        end = draw(st.sampled_from([i for i in edges if i >= start])) + 1
        spans.append(SpanRecord(start, end, draw(LABELS)))
        if nested and end - start > 2 and draw(st.booleans()):
            inner = [i for i in edges if start < i < end - 1]
            if inner:
                spans.append(SpanRecord(inner[0], inner[-1] + 1, draw(LABELS)))
        at = end
    return Record("made", 1, text=text, spans=spans)


def same_entities(before, after):
    assert len(after) == len(before)
    for one, two in zip(before, after, strict=True):
        assert [s[:3] for s in text_of(two)[1]] == [s[:3] for s in text_of(one)[1]]
        assert text_of(two)[0] == text_of(one)[0]


def squeezed(record):
    text, _ = text_of(record)
    return "".join(text.split()), [("".join(surface.split()), label) for surface, label in surfaces(record)]


def kept(fmt, made):
    """What the format can hold of the records, written."""
    holding = []
    for record in made:
        try:
            written(fmt, [record])
        except InputError:
            continue
        holding.append(record)
    return holding, written(fmt, holding)


@given(st.lists(records(nested=True, lines=True), min_size=1, max_size=3))
@settings(max_examples=50, deadline=None)
def test_inline_xml(tmp_path_factory, made):
    fmt = formats()["inline-xml"]
    holding, content = kept(fmt, made)
    assert len(holding) == len(made)
    same_entities(holding, read(tmp_path_factory.mktemp("x"), fmt, content))


@given(st.lists(records(), min_size=1, max_size=3))
@settings(max_examples=50, deadline=None)
def test_markup(tmp_path_factory, made):
    fmt = formats()["markup"]
    holding, content = kept(fmt, made)
    # nothing but a text of white space is refused
    assert len(holding) == sum(bool(record.text.strip()) for record in made)
    if holding:
        after = read(tmp_path_factory.mktemp("m"), fmt, content)
        same_entities(holding, after)


@given(st.lists(records(lines=True, nested=True), min_size=1, max_size=3))
@settings(max_examples=25, deadline=None)
def test_brat(tmp_path_factory, made):
    folder = tmp_path_factory.mktemp("brat") / "out"
    formats()["brat"].write_path(made, folder)
    after = [r for source in open_sources(folder) for r in formats()["brat"].read(source, ReadOptions())]
    same_entities(made, after)
    for record in after:
        for span in record.spans:
            if span.surface is not None:
                assert record.text[span.start : span.end] == span.surface


@given(st.lists(records(), min_size=1, max_size=3))
@settings(max_examples=25, deadline=None)
def test_pubtator(tmp_path_factory, made):
    fmt = formats()["pubtator"]
    holding, content = kept(fmt, made)
    if holding:
        same_entities(holding, read(tmp_path_factory.mktemp("p"), fmt, content))


@pytest.mark.parametrize("name", ["conll", "conll-biluo", "conllu", "opennlp", "spacy-iob", "stanford"])
@given(made=st.lists(records(), min_size=1, max_size=3))
@settings(max_examples=25, deadline=None)
def test_token_formats(tmp_path_factory, name, made):
    fmt = formats()[name]
    holding, content = kept(fmt, [record for record in made if record.text.strip()])
    if not holding:
        return
    options = {}
    if name in ("conll", "conll-biluo", "stanford"):
        options = {"delimiter": "\t", "token_column": 0, "tag_column": 1}
    after = read(tmp_path_factory.mktemp("t"), fmt, content, **options)
    assert [squeezed(record) for record in after] == [squeezed(record) for record in holding]


@given(records(alphabet=st.sampled_from(list("abc,.é ")), most=30))
@settings(max_examples=25, deadline=None)
def test_conllu_keeps_single_spaces(tmp_path_factory, record):
    record.text = " ".join(record.text.split())
    record.spans = []
    if not record.text:
        return
    fmt = formats()["conllu"]
    (after,) = read(tmp_path_factory.mktemp("u"), fmt, written(fmt, [record]), tag_column="NE")
    assert text_of(after)[0] == record.text


@pytest.mark.parametrize("name", ["conll", "conllu", "markup", "opennlp", "stanford"])
def test_flat_formats_refuse_nested_spans(name):
    record = Record(
        "in.jsonl", 7, text="Bank of England", spans=[SpanRecord(0, 15, "ORG"), SpanRecord(8, 15, "LOC")]
    )
    with pytest.raises(InputError, match=r"in.jsonl:7: .*overlaps another.*cannot hold; try: --to"):
        written(formats()[name], [record])


@pytest.mark.parametrize("name", ["markup", "opennlp", "inline-xml", "pubtator"])
def test_formats_without_missing_refuse_a_document_annotated_in_part(name):
    for record in (
        Record("in.spacy", 1, tokens=["Ann", "left"], tags=["B-PER", None]),
        Record("in.spacy", 1, text="Ann left", complete=False),
    ):
        with pytest.raises(InputError, match="annotated in part"):
            written(formats()[name], [record])


@pytest.mark.parametrize("name", ["conll", "conllu", "stanford"])
def test_missing_stays_missing(tmp_path, name):
    before = Record("x", 1, tokens=["Ann", "saw", "it", "."], tags=["B-PER", None, "O", "O"])
    (after,) = read(tmp_path, formats()[name], written(formats()[name], [before]))
    assert [tag if tag in (None, "O") else tag[-3:] for tag in after.tags] == ["PER", None, "O", "O"]


def test_brat_names_do_not_collide_or_leave_the_folder(tmp_path):
    made = [Record("x", 1, text=f"t{i}", meta={"id": name}) for i, name in enumerate(["a", "A", "../a", ""])]
    formats()["brat"].write_path(made, tmp_path / "out")
    assert sorted(p.name for p in (tmp_path / "out").iterdir() if p.suffix == ".txt") == [
        "A-00002.txt",
        "a-00003.txt",
        "a.txt",
        "document-00004.txt",
    ]
    assert put(tmp_path, "x", "")  # nothing was written beside the folder
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out", "x"]

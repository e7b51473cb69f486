"""Write, then read: the same spans, for every pair of formats that can hold them."""

import itertools
import string

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloudner.corpus.contract import ReadOptions, Record, SpanRecord
from cloudner.corpus.convert.convert import convert
from cloudner.corpus.convert.writers import records_of
from cloudner.corpus.docbin.writer import DocBinWriter
from cloudner.corpus.files.sources import open_sources
from cloudner.corpus.formats.registry import can_write, formats
from corpus.reading import DocAligner

LABELS = ["PER", "ORG-NAME", "Ort", "a b", "名"]
# Formats that hold running text with any white space in it, and formats that hold words
TEXT_FORMATS = [
    "csv",
    "tsv",
    "jsonl",
    "doccano",
    "prodigy",
    "spacy-tuples",
    "spacy-v3-json",
    "label-studio",
    "dataturks",
]
TEXT_FORMATS += ["cluener", "spacy"]
TOKEN_FORMATS = ["spacy-v2-json", "hf-jsonl", "parquet", "token-table"]
SETTINGS = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
aligner = DocAligner("xx")

word = st.text(st.sampled_from(string.ascii_letters + "äé中😀é-'.\"\\|;,"), min_size=1, max_size=8)


@st.composite
def documents(draw, gaps=(" ", "  ", "\n", "\t", "\r\n", " \u00a0")):
    """A text, and spans that begin and end with a token of the blank tokenizer."""
    words = draw(st.lists(word, min_size=1, max_size=12))
    text = words[0] + "".join(draw(st.sampled_from(gaps)) + w for w in words[1:])
    doc = aligner.tokenizer(text)
    tokens = [t for t in doc if not t.is_space]
    picks = draw(
        st.lists(st.tuples(st.integers(0, 11), st.integers(1, 3), st.sampled_from(LABELS)), max_size=4)
    )
    spans, at = [], 0
    for start, size, label in sorted(picks):
        if at <= start < len(tokens):
            last = min(start + size, len(tokens)) - 1
            a, b = tokens[start].idx, tokens[last].idx + len(tokens[last])
            spans.append(SpanRecord(a, b, label))
            at = last + 1
    return Record("made", 1, text, spans)


def write(name, records, folder):
    """A file of that format that holds the records."""
    fmt = formats()[name]
    chunk = aligner.chunk(records)
    full = list(records_of(chunk))
    folder.mkdir(exist_ok=True)
    path = folder / ("corpus" if name == "brat" else f"corpus{fmt.extensions[0]}")
    if name == "spacy":
        writer = DocBinWriter(path)
        writer.add(chunk)
        writer.close()
    elif fmt.write_path is not None:
        fmt.write_path(full, path)
    else:
        with open(path, "w", encoding="utf-8", newline="") as stream:
            fmt.write(full, stream)
    return path


def read(name, path):
    records = [
        r for source in open_sources(path) for r in formats()[name].read(source, ReadOptions(lang="xx"))
    ]
    return [(r.text, r.spans) for r in records_of(aligner.chunk(records))]


def surfaces(documents):
    return [[(text[s.start : s.end], s.label) for s in spans] for text, spans in documents]


@pytest.mark.parametrize("name", TEXT_FORMATS)
@SETTINGS
@given(records=st.lists(documents(), min_size=1, max_size=3))
def test_text_formats_give_back_text_and_spans(name, records, tmp_path):
    before = [(r.text, r.spans) for r in records_of(aligner.chunk(records))]
    assert [[(s.start, s.end, s.label) for s in spans] for _, spans in before] == [
        [(s.start, s.end, s.label) for s in r.spans] for r in records
    ]
    after = read(name, write(name, records, tmp_path))
    assert [text for text, _ in after] == [text for text, _ in before] == [r.text for r in records]
    assert [[s[:3] for s in spans] for _, spans in after] == [[s[:3] for s in spans] for _, spans in before]


@pytest.mark.parametrize("name", TOKEN_FORMATS)
@SETTINGS
@given(records=st.lists(documents(gaps=(" ",)), min_size=1, max_size=3))
def test_token_formats_give_back_spans(name, records, tmp_path):
    before = [list(r.tokens) for r in records_of(aligner.chunk(records))]
    tags = [r.tags for r in records_of(aligner.chunk(records))]
    path = write(name, records, tmp_path)
    read_back = list(records_of(aligner.chunk(formats()[name].read(next(open_sources(path)), ReadOptions()))))
    assert [r.tokens for r in read_back] == before
    assert [r.tags for r in read_back] == tags


@pytest.mark.parametrize(
    ("first", "second"), list(itertools.permutations(["csv", "prodigy", "label-studio", "spacy"], 2))
)
def test_any_pair_in_a_row(first, second, tmp_path):
    records = [
        Record("made", 1, "Ann 😀 Lee\n met  Bob", [SpanRecord(0, 9, "PER"), SpanRecord(16, 19, "PER")]),
        Record("made", 2, "Nobody", []),
    ]
    path = write(first, records, tmp_path)
    extension = formats()[second].extensions[0]
    report = convert(path, tmp_path / f"second{extension}", format=first, to=second, lang="xx")
    # Label Studio counts UTF-16 code units, which is told every time
    assert set(report.issues) <= {("offsets-utf16", "repaired")}
    assert bool(report.issues) == (first == "label-studio")
    assert surfaces(read(second, tmp_path / f"second{extension}")) == [
        [("Ann 😀 Lee", "PER"), ("Bob", "PER")],
        [],
    ]


# What any format that can be written must give back: single spaces, names that a default tokenizer leaves whole.
PLAIN = [
    ("Ann Lee met Bob in Rome", [(0, 7, "PER"), (12, 15, "PER"), (19, 23, "LOC")]),
    ("Nobody came", []),
    ("Paris and Oslo", [(0, 5, "LOC"), (10, 14, "LOC")]),
]
WRITERS = sorted(name for name, fmt in formats().items() if can_write(fmt))


def plain_records():
    return [
        Record("made", i, text, [SpanRecord(*span) for span in spans])
        for i, (text, spans) in enumerate(PLAIN, 1)
    ]


def unordered(documents):
    """Words and entities of each document; a folder of files comes back in the order of their names."""
    return sorted(
        (text.split(), pairs) for (text, _), pairs in zip(documents, surfaces(documents), strict=True)
    )


@pytest.mark.parametrize("first", WRITERS)
def test_every_writer_of_the_registry_goes_into_every_other(first, tmp_path):
    """The list comes from the registry: a new writer is tested without being named here."""
    expected = unordered([(text, [SpanRecord(*s) for s in spans]) for text, spans in PLAIN])
    path = write(first, plain_records(), tmp_path / "first")
    assert unordered(read(first, path)) == expected
    records = [
        r for source in open_sources(path) for r in formats()[first].read(source, ReadOptions(lang="xx"))
    ]
    for second in WRITERS:
        again = write(second, records, tmp_path / second)
        assert unordered(read(second, again)) == expected, second


def test_every_writer_has_a_property_test():
    from corpus.formats.test_round_trips_of_text import PROPERTY_TESTED

    assert {*TEXT_FORMATS, *TOKEN_FORMATS, *PROPERTY_TESTED} == set(WRITERS)


def test_missing_and_negative_survive_spacy_and_prodigy(tmp_path):
    record = Record("made", 1, "Ann met Bob", [], complete=False, negative=[SpanRecord(0, 3, "PER")])
    for name in ("spacy", "prodigy"):
        path = write(name, [record], tmp_path)
        again = next(formats()[name].read(next(open_sources(path)), ReadOptions()))
        doc = aligner.doc(again)
        assert not doc.has_annotation("ENT_IOB")
        assert [(s.text, s.label_) for s in doc.spans["incorrect_spans"]] == [("Ann", "PER")]

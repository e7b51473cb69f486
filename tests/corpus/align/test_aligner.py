"""Spans and tags to tokens, and the issue that tells each change."""

import random

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.vocab import Vocab

from cloudner.corpus.align.tag_schemes import encode
from cloudner.corpus.contract import Record, SpanRecord
from cloudner.corpus.docbin.chunk import Chunk
from cloudner.corpus.docbin.docs import chunk_docs
from cloudner.corpus.docbin.writer import pack
from cloudner.errors import ConfigError, InputError
from corpus.reading import DocAligner, align


@pytest.fixture(scope="module")
def aligner():
    return DocAligner("en")


def test_exact_spans_say_nothing():
    assert align("Marie Curie sings.", (0, 11, "PER")) == ([("Marie Curie", "PER")], [])


@pytest.mark.parametrize(
    ("mode", "entities", "action"),
    [("expand", [("Switzerland", "LOC")], "changed"), ("contract", [], "dropped"), ("strict", [], "dropped")],
)
def test_misaligned(mode, entities, action):
    """spaCy #5727: an entity that ends inside a token."""
    assert align("Susan went to Switzerland.", (14, 20, "LOC"), mode=mode) == (
        entities,
        [("misaligned", action)],
    )


def test_contract_keeps_whole_tokens_and_strict_offers_both():
    text = "in New Yorkshire now"
    assert align(text, (3, 11, "LOC"), mode="contract") == ([("New", "LOC")], [("misaligned", "changed")])
    tool = DocAligner("en", "strict")
    tool.doc(Record("f", 7, text, [SpanRecord(3, 11, "LOC")]))
    (issue,) = tool.take_issues()
    assert issue.done == "dropped; --align expand would make it 'New Yorkshire', --align contract 'New'"
    assert (issue.file, issue.line, issue.excerpt) == ("f", 7, "in [New York]shire now")


def test_white_space_at_the_edge():
    """spaCy #3558, #6071, #6349: such spans stop training with E024."""
    text = "He saw  Marie Curie \n\nthere"
    assert align(text, (6, 22, "PER")) == ([("Marie Curie", "PER")], [("whitespace", "repaired")])
    assert align(text, (6, 8, "PER")) == ([], [("empty", "dropped")])
    assert align("a\u00a0Marie\u00a0b", (1, 8, "PER"), mode="expand")[1][0] == ("whitespace", "repaired")


def test_outside_empty_and_without_label():
    assert align("Marie", (9, 12, "X")) == ([], [("outside-text", "dropped")])
    assert align("Marie", (0, 9, "X")) == ([("Marie", "X")], [("outside-text", "changed")])
    assert align("Marie", (2, 2, "X")) == ([], [("empty", "dropped")])
    assert align("Marie", (0, 5, "")) == ([], [("unknown-tag", "dropped")])


def test_nested_overlapping_duplicate_and_conflicting():
    """The longest wins, and every other one is told (E103 in spaCy, doccano #475)."""
    text = "University of New York City"
    assert align(text, (0, 27, "ORG"), (14, 22, "LOC"), (23, 27, "LOC")) == (
        [(text, "ORG")],
        [("nested", "dropped"), ("nested", "dropped")],
    )
    assert align(text, (0, 13, "A"), (11, 22, "B")) == ([("of New York", "B")], [("overlapping", "dropped")])
    assert align(text, (0, 10, "A"), (0, 10, "A")) == ([("University", "A")], [("duplicate", "noted")])
    assert align(text, (0, 10, "A"), (0, 10, "B")) == (
        [("University", "A")],
        [("conflicting-labels", "dropped")],
    )
    assert align(text, (0, 8, "A"), (2, 10, "B"))[0] == [("University", "A")]


def test_missing_is_not_outside(aligner):
    tags = ["B-PER", None, "O"]
    doc = aligner.doc(Record("f", 1, tokens=["Marie", "x", "y"], tags=tags))
    assert [t.ent_iob for t in doc] == [3, 0, 2]
    doc = aligner.doc(Record("f", 1, "Marie x y", [SpanRecord(0, 5, "PER")], complete=False))
    assert [t.ent_iob for t in doc] == [3, 0, 0]
    assert not aligner.doc(Record("f", 1, "Marie x", complete=False)).has_annotation("ENT_IOB")
    assert aligner.doc(Record("f", 1, "Marie x")).has_annotation("ENT_IOB")


def test_given_tokens_are_kept(aligner):
    doc = aligner.doc(Record("f", 1, tokens=["U.N.", "can't", "Ekeus"], tags=["B-ORG", "O", "B-PER"]))
    assert [t.text for t in doc] == ["U.N.", "can't", "Ekeus"]
    assert doc.has_unknown_spaces
    doc = aligner.doc(Record("f", 1, tokens=["Hi", "!"], tags=["O", "O"], spaces=[False, False]))
    assert doc.text == "Hi!"
    assert not doc.has_unknown_spaces


def test_chinese_characters_join_without_spaces():
    zh = DocAligner("zh")
    doc = zh.doc(Record("f", 1, tokens=list("北京大学2022"), tags=["B-ORG"] + ["I-ORG"] * 3 + ["O"] * 4))
    assert doc.text == "北京大学2 0 2 2"
    assert [e.text for e in doc.ents] == ["北京大学"]
    doc = zh.doc(Record("f", 1, "他在北京大学。", [SpanRecord(2, 6, "ORG")]))
    assert [(e.text, len(e)) for e in doc.ents] == [("北京大学", 4)]


def test_sentences_and_symbols(aligner):
    """Words that are names of spaCy's symbols have small ids; they must come back as words."""
    record = Record("f", 1, tokens=["PERSON", "NOUN", "x"], tags=["B-PERSON", "O", "O"], sent_starts=[0, 2])
    doc = aligner.doc(record)
    assert [t.text for t in doc] == ["PERSON", "NOUN", "x"]
    assert [len(s) for s in doc.sents] == [2, 1]
    assert [(e.text, e.label_) for e in doc.ents] == [("PERSON", "PERSON")]


@pytest.mark.parametrize("scheme", ["BIO", "BILUO", "BIOES", "BMES"])
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_any_scheme_gives_its_spans(scheme, data):
    tool = DocAligner("en")
    spans, at = [], 0
    while at < 20 and data.draw(st.booleans()):
        start = at + data.draw(st.integers(0, 3))
        end = start + data.draw(st.integers(1, 3))
        spans.append((start, end, data.draw(st.sampled_from(["PER", "A-B", "O"]))))
        at = end
    tokens = [f"w{i}" for i in range(26)]
    doc = tool.doc(Record("f", 1, tokens=tokens, tags=list(encode(26, spans, scheme))))
    assert [(e.start, e.end, e.label_) for e in doc.ents] == spans
    assert tool.take_issues() == []


def test_impossible_transitions_and_unknown_tags(aligner):
    records = [
        Record("g", 1, tokens=["a", "b", "c"], tags=["B-PER", "I-PER", "O"]),
        Record("g", 5, tokens=["a", "b", "c"], tags=["O", "I-PER", "O"]),
        Record("g", 9, tokens=["a", "b"], tags=["WHAT", "B-X"]),
    ]
    chunk = aligner.chunk(records)
    assert chunk.iob.tolist() == [3, 1, 2, 2, 3, 2, 0, 3]
    assert [(i.cause, i.line) for i in chunk.issues] == [("impossible-transition", 5), ("unknown-tag", 9)]


def test_iob1_is_told_from_the_whole_file(aligner):
    records = [Record("iob1", i, tokens=["a", "b", "c"], tags=["I-PER", "I-PER", "I-LOC"]) for i in range(12)]
    chunk = aligner.chunk([*records, Record("iob1", 99, tokens=["a", "b"], tags=["I-PER", "B-PER"])])
    assert chunk.iob.tolist() == [3, 1, 3] * 12 + [3, 3]
    assert chunk.issues == []


def test_docs_are_those_that_spacy_reads_from_the_file(aligner):
    from spacy.tokens import DocBin

    records = [
        Record(
            "f",
            1,
            "Marie Curie  met\nBob.",
            [SpanRecord(0, 11, "PER"), SpanRecord(17, 20, "PER")],
            meta={"id": 7},
        ),
        Record("f", 2, tokens=["a", "b"], tags=["B-LOC", None], sent_starts=[0, 1]),
        Record("f", 3, "Ann met Bob", complete=False, negative=[SpanRecord(0, 3, "PER")]),
    ]
    chunk = Chunk.unpack(aligner.chunk(records).pack())
    for doc, record in zip(DocBin().from_bytes(pack([chunk])).get_docs(Vocab()), records, strict=True):
        (other,) = chunk_docs(aligner.chunk([record]), aligner.vocab)
        assert doc.to_json() == other.to_json()
        assert [t.ent_iob for t in doc] == [t.ent_iob for t in other]
        assert doc.user_data == other.user_data
        assert doc.has_unknown_spaces == other.has_unknown_spaces


def test_what_cannot_be_aligned(aligner):
    with pytest.raises(ConfigError, match="no language"):
        DocAligner("xq")
    with pytest.raises(InputError, match="2 tokens but 1 tags"):
        aligner.doc(Record("f", 1, tokens=["a", "b"], tags=["O"]))
    assert aligner.doc(Record("f", 1, " \n", [SpanRecord(0, 1, "X")])) is None
    assert [(i.cause, i.action) for i in aligner.take_issues()] == [("empty-document", "dropped")]


def test_empty_tokens_are_left_out(aligner):
    """A Doc cannot hold them (E031), and a file that does would fail in training."""
    record = Record("f", 1, tokens=["a", "", "b", ""], tags=["B-X", "O", "B-Y", "I-Y"], sent_starts=[0, 1])
    doc = aligner.doc(record)
    assert [(t.text, t.ent_type_, t.is_sent_start) for t in doc] == [("a", "X", True), ("b", "Y", True)]
    assert [(i.cause, i.action) for i in aligner.take_issues()] == [
        ("empty-token", "noted"),
        ("empty-token", "dropped"),
    ]


def test_spans_labelled_outside_are_no_entities():
    """spaCy #1626: offsets for every token, `O` among the labels."""
    assert align("Marie sang", (0, 5, "B-PER"), (6, 10, "O")) == (
        [("Marie", "B-PER")],
        [("unknown-tag", "noted")],
    )


def test_docs_of_a_pipeline():
    nlp = spacy.blank("de")
    tool = DocAligner(nlp=nlp)
    records = [
        Record("f", 1, "Marie", [SpanRecord(0, 5, "PER")]),
        Record("f", 2, " "),
        Record("f", 3, "z. B. so"),
    ]
    docs = list(tool.docs(records))
    assert [doc.text for doc in docs] == ["Marie", "z. B. so"]
    assert all(doc.vocab is nlp.vocab for doc in docs)
    assert [t.text for t in docs[1]] == [t.text for t in nlp.make_doc("z. B. so")]


def test_a_large_vocabulary_is_renewed(monkeypatch):
    import cloudner.corpus.align.aligner as module

    monkeypatch.setattr(module, "_VOCABULARY_WORDS", 20)
    tool = DocAligner("en")
    first = tool.vocab
    for number in range(3):
        chunk = tool.chunk([Record("f", 1, " ".join(f"word{number}x{i}" for i in range(30)), [])])
        assert {f"word{number}x0", f"word{number}x29"} <= chunk.strings
    assert tool.vocab is not first


def test_thousands_of_annotations_within_each_other():
    """Each is told beside the one that is kept, whose text is cut: the report of a long text grew with its square."""
    size = 2000
    spans = [(2 * i, 4 * size - 1 - 2 * i, "X") for i in range(size)]
    tool = DocAligner("xx")
    doc = tool.doc(Record("f", 1, "a " * 2 * size, [SpanRecord(*span) for span in spans]))
    assert [(ent.start, ent.end) for ent in doc.ents] == [(0, 2 * size)]
    issues = tool.take_issues()
    assert len(issues) == size - 1
    assert {issue.done for issue in issues} == {"kept X 'a" + " a" * 39 + "…'"}


def test_what_is_kept_of_overlaps_is_what_each_token_says():
    """The longest first, each against the first kept one that it has a token with."""
    rng = random.Random(0)
    for _ in range(200):
        spans = [(start, rng.randint(start + 1, 12)) for start in (rng.randrange(12) for _ in range(6))]
        kept: list[tuple[int, int]] = []
        for span in sorted(spans, key=lambda s: (s[0] - s[1], s[0])):
            if all(span[1] <= other[0] or other[1] <= span[0] for other in kept):
                kept.append(span)
        found, _ = align("a " * 12, *((2 * a, 2 * b - 1, "X") for a, b in spans), lang="xx")
        assert [len(text.split()) for text, _ in found] == [b - a for a, b in sorted(kept)]

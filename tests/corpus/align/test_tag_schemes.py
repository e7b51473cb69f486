"""Tags of a file: which scheme they are in, and the entities they mean."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudner.corpus.align.tag_schemes import TokenSpan, decode, detect_scheme, encode


def spans_of(*sentences):
    scheme = detect_scheme(sentences)
    return scheme, [decode(tags, scheme) for tags in sentences]


@pytest.mark.parametrize(
    ("sentences", "name"),
    [
        ([["O", "B-PER", "I-PER", "O"], ["B-LOC", "O"]], "BIO"),
        ([["O", "I-PER", "I-PER", "B-PER", "O"], ["I-LOC", "O"]], "IOB1"),
        ([["O", "I-PER", "I-PER", "O"]], "IOB1"),
        ([["B-PER", "L-PER", "O", "U-LOC"]], "BILUO"),
        ([["B-PER", "I-PER", "E-PER", "O", "S-LOC"]], "BIOES"),
        ([["B-PER", "M-PER", "E-PER", "O", "S-LOC"]], "BMES"),
        ([["B-NAME", "E-NAME", "O", "B-TITLE", "M-TITLE", "E-TITLE", "O"]], "BMES"),
        ([["PER", "PER", "O", "LOC"]], "bare"),
        ([["O", "O", "O"]], "BIO"),
        ([["PER-B", "PER-I", "O", "LOC-B"]], "BIO"),
        ([["PER_B", "PER_E", "O", "LOC_S"]], "BIOES"),
        ([["B_PER", "I_PER", "O"]], "BIO"),
        ([["B:PER", "I:PER", "O"]], "BIO"),
        ([["creative-work", "creative-work", "O", "corporation"]], "bare"),
        ([["E_MAIL", "O", "S_PHONE", "PERSON"]], "bare"),
        ([["B", "I", "I", "O", "B"]], "BIO"),
    ],
)
def test_scheme(sentences, name):
    scheme, decoded = spans_of(*sentences)
    assert scheme.name == name
    assert scheme.reason
    assert [repair for one in decoded for repair in one.repairs] == []


def test_iob1_and_bio_differ_only_in_the_whole_file():
    # the same sentence, read by what the rest of the file does
    tags = ["I-PER", "B-PER", "I-LOC"]
    scheme, decoded = spans_of(tags, ["O", "I-LOC", "I-LOC"], ["I-ORG", "O"])
    assert scheme.name == "IOB1"
    assert decoded[0].spans == [(0, 1, "PER"), (1, 2, "PER"), (2, 3, "LOC")]
    assert decoded[0].repairs == []
    scheme, decoded = spans_of(tags, ["O", "B-LOC", "I-LOC"], ["B-ORG", "O"], ["B-ORG", "O"])
    assert scheme.name == "BIO"
    assert decoded[0].spans == [(0, 1, "PER"), (1, 2, "PER"), (2, 3, "LOC")]
    assert [(r.token, r.found) for r in decoded[0].repairs] == [(0, "I-PER"), (2, "I-LOC")]


def test_label_keeps_hyphens_after_the_first():
    _, [decoded] = spans_of(["B-CREATIVE-WORK", "I-CREATIVE-WORK", "O", "B-X-ray-1"])
    assert decoded.spans == [(0, 2, "CREATIVE-WORK"), (3, 4, "X-ray-1")]


def test_biluo_labels_with_the_letters_of_positions_in_them():
    # explosion/spaCy#2385: BILUO input lost an entity's last token, and a B in a label became an I
    _, [decoded] = spans_of(["U-BRAWLERS", "O", "B-LUBE", "I-LUBE", "L-LUBE"])
    assert decoded == ([(0, 1, "BRAWLERS"), (2, 5, "LUBE")], [], [])


def test_missing_is_not_outside():
    _, [decoded] = spans_of(["B-PER", None, "-", "_", "?", "O", "I-PER"])
    assert decoded.missing == [1, 2, 3, 4]
    assert decoded.spans == [(0, 1, "PER"), (6, 7, "PER")]


def test_conlleval_chunks():
    # examples of the transitions conlleval's endOfChunk/startOfChunk decide, each followed by the chunk it yields
    scheme = detect_scheme([["B-A", "L-A", "U-A"]])
    cases = {
        "B-A B-A": [(0, 1, "A"), (1, 2, "A")],
        "B-A U-A": [(0, 1, "A"), (1, 2, "A")],
        "B-A O": [(0, 1, "A")],
        "I-A B-A": [(0, 1, "A"), (1, 2, "A")],
        "I-A O": [(0, 1, "A")],
        "I-A I-B": [(0, 1, "A"), (1, 2, "B")],
        "L-A L-A": [(0, 1, "A"), (1, 2, "A")],
        "L-A I-A": [(0, 1, "A"), (1, 2, "A")],
        "O L-A": [(1, 2, "A")],
        "O I-A L-A": [(1, 3, "A")],
        "U-A I-A": [(0, 1, "A"), (1, 2, "A")],
    }
    for tags, expected in cases.items():
        decoded = decode(tags.split(), scheme)
        assert decoded.spans == expected, tags
        assert decoded.repairs, tags


def test_unknown_tag_is_reported_and_unannotated():
    scheme, [decoded] = spans_of(["B-PER", "I-PER", "X-PER", "LOC", "O", "B-ORG", "B-ORG"])
    assert scheme.name == "BIO"
    assert decoded.missing == [2, 3]
    assert [(repair.found, repair.cause) for repair in decoded.repairs[:2]] == [
        ("X-PER", "unknown-tag"),
        ("LOC", "unknown-tag"),
    ]


def test_entity_does_not_cross_a_sentence():
    scheme = detect_scheme([["I-PER", "I-PER", "O"]])
    assert decode(["I-PER", "I-PER", "I-PER"], scheme, [0, 2]).spans == [(0, 2, "PER"), (2, 3, "PER")]


def test_lone_begin_without_singles_in_the_file_is_a_single():
    _, [decoded] = spans_of(["B-PER", "O", "B-PER", "E-PER"])
    assert decoded.spans == [(0, 1, "PER"), (2, 4, "PER")]
    assert decoded.repairs == []


def test_untyped_and_zero_for_the_letter():
    _, [decoded] = spans_of(["0", "B", "I", "0", "0", "B"])
    assert decoded.spans == [(1, 3, "ENTITY"), (5, 6, "ENTITY")]
    assert decoded.missing == []


@st.composite
def tagged(draw):
    length = draw(st.integers(1, 12))
    spans, position = [], 0
    while position < length and draw(st.booleans()):
        start = draw(st.integers(position, length - 1))
        end = draw(st.integers(start + 1, length))
        spans.append(TokenSpan(start, end, draw(st.sampled_from(["PER", "B-X", "a-b-c", "L"]))))
        position = end
    return length, spans


@given(tagged(), st.sampled_from(["BIO", "BILUO", "BIOES", "BMES"]))
@settings(max_examples=200, deadline=None)
def test_encode_then_decode(case, name):
    length, spans = case
    tags = encode(length, spans, name)
    # the rest of the file shows every position, as real files do
    scheme = detect_scheme([tags, encode(4, [(0, 3, "PER"), (3, 4, "LOC")], name)])
    assert scheme.name == name
    assert decode(tags, scheme) == (spans, [], [])


@given(st.lists(st.sampled_from(["O", None, "-", "B-A", "I-A", "E-A", "S-A", "I-B", "Q"]), max_size=12))
@settings(max_examples=200, deadline=None)
def test_any_sequence_gives_disjoint_spans_and_loses_no_tag(tags):
    scheme = detect_scheme([tags])
    decoded = decode(tags, scheme)
    covered = [token for span in decoded.spans for token in range(span.start, span.end)]
    assert len(covered) == len(set(covered))
    for token, tag in enumerate(tags):
        assert (token in covered) + (token in decoded.missing) + (tag in scheme.outside) == 1


def test_encode_refuses_overlap_and_unknown_scheme():
    with pytest.raises(ValueError, match="overlaps"):
        encode(3, [(0, 2, "A"), (1, 3, "B")])
    with pytest.raises(ValueError, match="BILUO"):
        encode(3, [], "IOBES2")


def test_a_label_alone_is_an_unknown_tag_where_insides_are_marked():
    tags = ["B-PER", "I-PER", "O", "PER", "O"]
    decoded = decode(tags, detect_scheme([tags]))
    assert [tuple(span) for span in decoded.spans] == [(0, 2, "PER")]
    assert decoded.missing == [3]


def test_an_inside_alone_after_nothing_is_told():
    tags = ["O", "I", "B_DT", "I", "O", "B_LC"]
    decoded = decode(tags, detect_scheme([tags]))
    assert [tuple(span) for span in decoded.spans] == [(1, 2, "ENTITY"), (2, 4, "DT"), (5, 6, "LC")]
    assert [repair.token for repair in decoded.repairs] == [1]


def test_a_letter_on_few_tokens_is_an_unknown_tag():
    tags = ["B-PER", "I-PER", "Q", "B-LOC"]
    assert decode(tags, detect_scheme([tags])).missing == [2]

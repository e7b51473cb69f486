"""Token-a-line files as they are found in the wild."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudner.corpus.align.tag_schemes import decode, detect_scheme
from cloudner.corpus.contract import Record, SpanRecord
from cloudner.corpus.formats.columns.conll import CONLL, CONLL_BILUO
from corpus.reading import detected, read, surfaces, written

CONLL2003 = """-DOCSTART- -X- -X- O

EU NNP B-NP B-ORG
rejects VBZ B-VP O
German JJ B-NP B-MISC
call NN I-NP O
. . O O

Peter NNP B-NP B-PER
Blackburn NNP I-NP I-PER

-DOCSTART- -X- O O

# NN B-NP O
BRUSSELS NNP I-NP B-LOC
"""


def all_surfaces(records):
    return [pair for record in records for pair in surfaces(record)]


def test_conll2003(tmp_path):
    records = read(tmp_path, CONLL, CONLL2003)
    assert [(r.line, r.sent_starts) for r in records] == [(3, [0, 5]), (14, [0])]
    assert records[0].tokens[:3] == ["EU", "rejects", "German"]
    assert all_surfaces(records) == [
        ("EU", "ORG"),
        ("German", "MISC"),
        ("Peter Blackburn", "PER"),
        ("BRUSSELS", "LOC"),
    ]
    assert records[1].tokens == ["#", "BRUSSELS"]


@pytest.mark.parametrize(
    "line",
    [
        "-DOCSTART- -X- -X- O",
        "-DOCSTART- -X- O O",
        "-DOCSTART-\tO",
        "-DOCSTART-",
        "-DOCSTART- (1stdoc)",
        "--DOCSTART--",
    ],
)
def test_every_docstart_parts_documents(tmp_path, line):
    # explosion/spaCy#10058: only one spelling of the marker was known
    text = "Ann B-PER\n. O\n\nBob B-PER\n. O\n"
    records = read(tmp_path, CONLL, f"{line}\n\n{text}\n{line}\n\n{text}")
    assert [r.sent_starts for r in records] == [[0, 2], [0, 2]]


@pytest.mark.parametrize("separator", ["\t", " ", "   ", "\t\t", ";", ",", "|", " ||| ", "###"])
def test_separators(tmp_path, separator):
    rows = ["Ann B-PER", "Lee I-PER", "saw O", "Oslo B-LOC", ". O", "", "She O", "left O", "Rome B-LOC"]
    text = "\n".join(row.replace(" ", separator) for row in rows)
    records = read(tmp_path, CONLL, text)
    assert [r.tokens for r in records] == [["Ann", "Lee", "saw", "Oslo", "."], ["She", "left", "Rome"]]
    assert all_surfaces(records) == [("Ann Lee", "PER"), ("Oslo", "LOC"), ("Rome", "LOC")]


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (["B-PER Ann", "O saw", "B-LOC Oslo", "O ."], "tag first"),
        (["Ann B-PER NNP 1", "saw O VBD 2", "Oslo B-LOC NNP 3", ". O . 4"], "tag second of four"),
        (
            ["1 Ann NNP B-NP B-PER", "2 saw VBD B-VP O", "3 Oslo NNP B-NP B-LOC", "4 . . O O"],
            "positions first",
        ),
        (["Ann B-PER B-NP", "saw O B-VP", "Oslo B-LOC I-NP", ". O O"], "chunks after the entities"),
        (
            ["1\tAnn\tB-PER\t-\tann1", "2\tsaw\tO\t-\tann1", "3\tOslo\tB-LOC\t-\tann1", "4\t.\tO\t-\tann1"],
            "Universal NER",
        ),
        (
            ["Ann B-PER S-SEG", "saw O S-SEG", "Oslo B-LOC S-SEG", ". O S-SEG"],
            "word segments after the entities",
        ),
    ],
)
def test_tag_column_is_found_by_content(tmp_path, rows, why):
    records = read(tmp_path, CONLL, "\n".join(rows))
    assert records[0].tokens == ["Ann", "saw", "Oslo", "."], why
    assert all_surfaces(records) == [("Ann", "PER"), ("Oslo", "LOC")], why


def test_columns_can_be_named(tmp_path):
    text = "Ann B-PER B-X\nsaw O O\nOslo B-LOC O\n"
    assert all_surfaces(read(tmp_path, CONLL, text, tag_column=1)) == [("Ann", "PER"), ("Oslo", "LOC")]
    assert all_surfaces(read(tmp_path, CONLL, text, tag_column=-1)) == [("Ann", "X")]
    text = "word\ttag\nAnn\tB-PER\nsaw\tO\n\nOslo\tB-LOC\n"
    assert all_surfaces(read(tmp_path, CONLL, text, tag_column="tag")) == [("Ann", "PER"), ("Oslo", "LOC")]


def test_comments_and_metadata(tmp_path):
    text = "# id 5a2c domain=train\nAnn B-PER\n. O\n\n# sent_id = b-7\n# text = # Oslo\n# O\nOslo B-LOC\n"
    records = read(tmp_path, CONLL, text)
    assert [r.meta["id"] for r in records] == ["5a2c", "b-7"]
    assert records[1].tokens == ["#", "Oslo"]
    assert records[1].meta["text"] == "# Oslo"


def test_tokens_with_spaces_in_a_file_of_spaces(tmp_path):
    # explosion/spaCy#8737: such rows lost their tag
    text = "Name _ O I-PER\t\t\nLast Name _ O I-PER\t\t\nwas _ O O\n\nShe _ O O\nleft _ O O\n"
    records = read(tmp_path, CONLL, text)
    assert records[0].tokens == ["Name", "Last Name", "was"]
    assert all_surfaces(records) == [("Name Last Name", "PER")]


def test_two_columns_under_the_name_of_another_format(tmp_path):
    # explosion/spaCy#4170 and #2504: every token of such a file became a sentence, or the converter failed
    text = "Please O\nsee O\nINGAA B-ORG\nregarding O\nB-52 O\nthe O\nPRP$ O\n, O\n? O"
    for name in ("enp_DE.onb.bio", "sample.conll", "test.iob"):
        assert detected(tmp_path, text, name) == "conll"
        (record,) = read(tmp_path, CONLL, text, name)
        assert record.tokens == ["Please", "see", "INGAA", "regarding", "B-52", "the", "PRP$", ",", "?"]


def test_a_space_in_a_token_does_not_shift_the_tag(tmp_path):
    # explosion/spaCy#4385: the second half of a token was taken for its tag
    (record,) = read(tmp_path, CONLL, 'Ann U-PER\n: " O\nsaid O\n" O\nNew York U-LOC\nis O\nfar O\n')
    assert record.tokens == ["Ann", ': "', "said", '"', "New York", "is", "far"]
    assert record.tags == ["U-PER", "O", "O", "O", "U-LOC", "O", "O"]


def test_tokens_that_are_or_hold_odd_spaces(tmp_path):
    text = "10\u00a0000 B-NUM\n\u3000 O\n\u200b O\nAnn\u2028Lee B-PER\nx\x85y O\n"
    assert read(tmp_path, CONLL, text)[0].tokens == [
        "10\u00a0000",
        "\u3000",
        "\u200b",
        "Ann\u2028Lee",
        "x\x85y",
    ]


def test_no_blank_lines(tmp_path):
    text = "Ann B-PER\nleft O\n. O\nBob B-PER\nstayed O\n! O\nWhy O\n? O\n"
    assert [r.tokens for r in read(tmp_path, CONLL, text)] == [
        ["Ann", "left", "."],
        ["Bob", "stayed", "!"],
        ["Why", "?"],
    ]


def test_wikiann_prefixes(tmp_path):
    text = "en:Paris B-LOC\nen:is O\nen:: O\nen:en:x O\n\nen:Ann B-PER\nen:left O\n"
    records = read(tmp_path, CONLL, text)
    assert [r.tokens for r in records] == [["Paris", "is", ":", "en:x"], ["Ann", "left"]]
    (record,) = read(tmp_path, CONLL, "en: Ann\tB-PER\nen: Lee\tI-PER\nen: left\tO\n")
    assert record.tokens == ["Ann", "Lee", "left"]


def test_one_character_a_line(tmp_path):
    text = "".join(
        f"{c} {t}\n"
        for c, t in zip(
            "王小明在北京工作，他用 iPhone 上网，天气很好",
            ["B-PER", "I-PER", "I-PER", "O", "B-LOC", "I-LOC"] + ["O"] * 20,
            strict=False,
        )
    )
    (record,) = read(tmp_path, CONLL, text)
    assert record.tokens[:6] == list("王小明在北京")
    assert not any(record.spaces)
    assert surfaces(record) == [("王小明", "PER"), ("北京", "LOC")]


def test_chinese_with_word_features(tmp_path):
    text = (
        "王 B-SEG B-PER\n明 E-SEG E-PER\n在 S-SEG O\n北 B-SEG B-LOC\n京 E-SEG E-LOC\n工 B-SEG O\n作 E-SEG O\n"
    )
    (record,) = read(tmp_path, CONLL, text)
    assert surfaces(record) == [("王明", "PER"), ("北京", "LOC")]
    text = "王 0 B-PER\n明 1 I-PER\n在 0 O\n"
    assert surfaces(read(tmp_path, CONLL, text)[0]) == [("王明", "PER")]


def test_latin_text_one_character_a_line_becomes_words_again(tmp_path):
    # doccano/doccano#7: an English text exported character by character
    text = "Sodali Ayran left the city"
    tags = ["B-Person"] + ["I-Person"] * 11 + ["O"] * (len(text) - 12)
    (record,) = read(tmp_path, CONLL, "".join(f"{c}\t{t}\n" for c, t in zip(text, tags, strict=True)))
    assert record.text == text
    assert surfaces(record) == [("Sodali Ayran", "Person")]


def test_missing_tags_are_not_outside(tmp_path):
    # explosion/spaCy#6267: `-` made the converter fail
    (record,) = read(tmp_path, CONLL, "Ann B-PER\nsaw -\nOslo _\n. O\n")
    assert record.tags == ["B-PER", "-", "_", "O"]  # unknown, as long as the file has an O


def test_iob1_file(tmp_path):
    # explosion/spaCy#2970 and #5753: IOB1 and IOB2 need no different converters
    text = "Ann I-PER\nBob B-PER\nsaw O\nOslo I-LOC\n. O\n"
    (record,) = read(tmp_path, CONLL, text)
    scheme = detect_scheme([record.tags])
    assert scheme.name == "IOB1"
    assert decode(record.tags, scheme).spans == [(0, 1, "PER"), (1, 2, "PER"), (3, 4, "LOC")]
    assert decode(record.tags, scheme).repairs == []


@pytest.mark.parametrize(
    "text",
    [
        "This is a plain text.\nIt has lines, some with B-52 planes.\n",
        "id,text\n1,Hello\n2,World\n",
        '{"a": 1}\n{"a": 2}\n',
        "one two\nthree four\n",
    ],
)
def test_what_is_not_conll(text):
    from cloudner.corpus.contract import Sample

    match = CONLL.sniff(Sample("x.txt", text.encode(), text, text.splitlines(), False))
    assert match is None or match.score < 0.5


def test_detected(tmp_path):
    assert detected(tmp_path, CONLL2003) == "conll"
    assert detected(tmp_path, "Ann\tPER\nsaw\tO\nOslo\tLOC\n.\tO\n", "x.tsv") in ("conll", "stanford")


word = st.text(st.characters(exclude_categories=("Z", "C")), min_size=1, max_size=6).filter(
    lambda w: not w.startswith(("#", "-", "–")) and w.strip() == w
)


@st.composite
def documents(draw):
    sentences = draw(st.lists(st.lists(word, min_size=1, max_size=5), min_size=1, max_size=3))
    tokens = [token for sentence in sentences for token in sentence]
    starts = [sum(map(len, sentences[:i])) for i in range(len(sentences))]
    tags = ["O"] * len(tokens)
    for sentence, start in zip(sentences, starts, strict=True):
        at = start
        while at < start + len(sentence) and draw(st.booleans()):
            end = draw(st.integers(at + 1, start + len(sentence)))
            label = draw(st.sampled_from(["PER", "creative-work", "B-X"]))
            tags[at:end] = [f"B-{label}"] + [f"I-{label}"] * (end - at - 1)
            at = end
    return Record("made", 1, tokens=tokens, tags=tags, sent_starts=starts)


@given(st.lists(documents(), min_size=1, max_size=3), st.sampled_from([CONLL, CONLL_BILUO]))
@settings(max_examples=60, deadline=None)
def test_write_then_read(tmp_path_factory, records, fmt):
    folder = tmp_path_factory.mktemp("conll")
    again = read(folder, fmt, written(fmt, records), tag_column=1, token_column=0, delimiter="\t")
    assert len(again) == len(records)
    scheme = detect_scheme([r.tags for r in again])
    for before, after in zip(records, again, strict=True):
        if after.tokens is None:  # a document of single letters is read as a text
            continue
        assert after.tokens == before.tokens
        assert after.sent_starts == before.sent_starts
        assert decode(after.tags, scheme).spans == decode(before.tags, detect_scheme([before.tags])).spans


def test_a_text_record_is_written_as_words(tmp_path):
    record = Record("x", 1, text="Marie Curie-Skłodowska left, alone.", spans=[SpanRecord(0, 22, "PER")])
    assert written(CONLL, [record]).split("\n")[2:8] == [
        "Marie\tB-PER",
        "Curie\tI-PER",
        "-\tI-PER",
        "Skłodowska\tI-PER",
        "left\tO",
        ",\tO",
    ]
    record.complete = False
    assert written(CONLL, [record]).split("\n")[6] == "left\t?"


def test_elements_around_sentences(tmp_path):
    """As in VLSP's files."""
    row = "{}\tNp\tB-NP\t{}\tO\n"
    content = (
        "<title>\n<s>\n"
        + row.format("Ann", "B-PER")
        + "</s>\n</title>\n<s>\n"
        + row.format("Hà_Nội", "B-LOC")
        + row.format("x", "O")
        + "</s>\n<editor>\n<s>\n"
        + row.format("Bob", "B-PER")
        + "</s>\n</editor>\n"
    )
    assert detected(tmp_path, content) == "conll"
    records = read(tmp_path, CONLL, content)
    assert all_surfaces(records) == [("Ann", "PER"), ("Hà_Nội", "LOC"), ("Bob", "PER")]
    assert sum(len(record.sent_starts) for record in records) == 3


def test_several_tags_with_spaces_between_them(tmp_path):
    """As in Wojood, whose entities nest."""
    content = (
        "Ann\tB-PERS\nLee\tI-PERS B-LOC\nleft\tO\nfor\tO\nOslo\tB-GPE B-LOC\n" + "Bob\tB-PERS\nleft\tO\n" * 5
    )
    (record,) = read(tmp_path, CONLL, content)
    assert surfaces(record) == [("Ann Lee", "PERS"), ("Oslo", "GPE")] + [("Bob", "PERS")] * 5
    assert record.notes == [("nested", "dropped", "several tags on 2 tokens (I-PERS B-LOC): kept the first")]


def test_a_number_that_stays_0_is_no_column_of_tags(tmp_path):
    content = "".join(
        f"0\t{token}\t{tag}\n"
        for token, tag in (("Ann", "PER"), ("left", "O"), ("for", "O"), ("Oslo", "LOC"))
    )
    (record,) = read(tmp_path, CONLL, content + "\n")
    assert surfaces(record) == [("Ann", "PER"), ("Oslo", "LOC")]


@pytest.mark.parametrize("nothing", ["_", "O"])
def test_positions_and_labels_in_columns_of_their_own(tmp_path, nothing):
    """As the Swedish tagger Stagger writes them."""
    rows = [
        ("Ann", "B", "person"),
        ("Lee", "I", "person"),
        ("left", "O", nothing),
        ("Oslo", "B", "place"),
        (".", "O", nothing),
    ]
    content = "".join(
        f"{n}\t{token}\t_\tPM\t{tag}\t{label}\t_\n" for n, (token, tag, label) in enumerate(rows, 1)
    )
    (record,) = read(tmp_path, CONLL, content + "\n")
    assert surfaces(record) == [("Ann Lee", "person"), ("Oslo", "place")]
    # a column that says something elsewhere too is none of labels
    (record,) = read(tmp_path, CONLL, content.replace(f"O\t{nothing}", "O\tx"))
    assert surfaces(record) == [("Ann Lee", "ENTITY"), ("Oslo", "ENTITY")]

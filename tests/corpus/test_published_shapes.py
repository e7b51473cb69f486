"""Shapes that published corpora have beyond what their formats say, with texts of our own."""

import json

import pytest
from _reading import put

from cloudner.corpus.align.aligner import Aligner
from cloudner.corpus.align.tag_schemes import decode, detect_scheme
from cloudner.corpus.contract import ReadOptions
from cloudner.corpus.convert.convert import convert
from cloudner.corpus.files.sources import open_sources
from cloudner.corpus.formats.detect import detect_source
from cloudner.errors import InputError

WORDS = ["Ada", "Byron", "wrote", "to", "Leipzig", "."]
TAGS = ["B-PER", "I-PER", "O", "O", "B-LOC", "O"]
ENTITIES = [("Ada Byron", "PER"), ("Leipzig", "LOC")]
PAIRS = list(zip(WORDS, TAGS, strict=True))


def rows(cells, count=1):
    """Sentences of tab-parted rows, each as `cells(number, word, tag)` says."""
    sentence = "".join("\t".join(cells(i, w, t)) + "\n" for i, (w, t) in enumerate(PAIRS, 1))
    return (sentence + "\n") * count


def parted(word, label):
    """`B-PER PER` for `B-PER I-PER`."""
    return (word, label.removeprefix("I-"))


CASES = {
    "a source line with an empty cell behind its date": (
        "germeval2014",
        "NER-de-dev.tsv",
        "#\thttp://example.org/a\t[2010-04-02]\t\n" + rows(lambda i, w, t: (str(i), w, t, "O")),
    ),
    "a sentence mark in the first and the last cell": (
        "conll",
        "valid.txt",
        rows(lambda i, w, t: (w, "Noun", t.partition("-")[2] or "O", t)).replace("\n\n", "\n<S>\t\t\t<S>\n"),
    ),
    "the annotator behind some of the tags": (
        "conll",
        "dev.iob2",
        "# sent_id = 1\n" + rows(lambda i, w, t: (str(i), w, t, "-", "ann")[: 3 if i % 2 else 5]),
    ),
    "the sentence above its rows, and an inside without its label": (
        "conll",
        "ner.dev",
        "; Ada Byron wrote to Leipzig.\n$<Ada Byron:PER> wrote to <Leipzig:LOC>.\n"
        + rows(lambda i, w, t: (str(i), w, "X", "I" if t[0] == "I" else t.replace("-", "_"))),
    ),
    "a label alone inside an entity": (
        "conll",
        "train.tsv",
        rows(lambda i, w, t: parted(w, t)) + "London\tB-LOC\nbridge\tLOC\n",
    ),
    "zeros for O, and labels without a position": (
        "conll",
        "test_corpus.txt",
        "".join(f"{w:<12}{t.partition('-')[2] or '0'}\n" for w, t in PAIRS),
    ),
    "words and tags joined by bars": (
        "tag-table",
        "ner.csv",
        "words,labels,mode\n" + "|".join(WORDS) + "," + "|".join(TAGS) + ",train\n",
    ),
    "zeros for O in a cell": (
        "tag-table",
        "ner_dataset.csv",
        "text,label\n" + " ".join(WORDS) + " ," + " ".join("0" if t == "O" else t for t in TAGS) + "\nonly words here ,0 0 0\n",
    ),
    "W2NER": (
        "token-spans",
        "dev.json",
        json.dumps(
            [{"sentence": WORDS, "ner": [{"index": [0, 1], "type": "PER"}, {"index": [4], "type": "LOC"}]}]
        ),
    ),
    "labels by word and by character": (
        "hf-jsonl",
        "test.json",
        json.dumps(
            {"sentence": "", "word": WORDS, "word_label": TAGS, "character": list("".join(WORDS)),
             "character_label": ["O"] * len("".join(WORDS))}
        ) + "\n",
    ),
    "a number behind each sentence": (
        "inline-xml",
        "training_data.txt",
        '<ENAMEX TYPE="PER">Ada Byron</ENAMEX> wrote to <ENAMEX TYPE="LOC">Leipzig</ENAMEX>.\t1693\n'
        "She wrote on.\t1694\n",
    ),
    "several roots, and an element that only divides": (
        "inline-xml",
        "golden.txt",
        '<DOC>\n<TEXT>\n<ALT><PER KIND="X">Ada Byron</PER> wrote</ALT> to friends.\n</TEXT>\n</DOC>\n'
        '<DOC>\n<TEXT>\nLetters to <LOC KIND="Y">Leipzig</LOC> were few.\n</TEXT>\n</DOC>\n',
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def aligner():
    return Aligner("en")


def read_all(tmp_path, name, content, **options):
    source = next(open_sources(put(tmp_path, name, content)))
    found = detect_source(source).format
    return found.name, list(found.read(source, ReadOptions(**options)))


@pytest.mark.parametrize("case", CASES)
def test_a_shape_is_recognised_and_read(case, aligner, tmp_path):
    name, file, content = CASES[case]
    found, records = read_all(tmp_path, file, content)
    docs = [doc for doc in map(aligner.doc, records) if doc is not None]
    aligner.take_issues()
    entities = [(ent.text, ent.label_) for doc in docs for ent in doc.ents]
    assert (found, entities[:2]) == (name, ENTITIES)
    text = " ".join(doc.text for doc in docs)
    assert not any(mark in text for mark in ("<S>", "http", "1693", ";", "$", "|"))


def test_sentence_marks_in_cells_part_sentences(tmp_path):
    content = rows(lambda i, w, t: (w, "Noun", t), 2).replace("\n\n", "\n<S>\t\t<S>\n")
    _, records = read_all(tmp_path, "valid.txt", content)
    assert [record.sent_starts for record in records] == [[0, len(WORDS)]]


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


@pytest.mark.parametrize("line", ["$100", ";"])
def test_a_token_without_a_tag_is_no_sentence_above_its_rows(line, tmp_path):
    content = rows(lambda i, w, t: (w, t), 3) + f"{line}\nwere\tO\npaid\tO\n"
    with pytest.raises(InputError, match="1 column in"):
        read_all(tmp_path, "a.tsv", content)


@pytest.mark.parametrize("letter", ["S", "U", "N"])
def test_a_letter_for_o_is_told(letter, tmp_path):
    tags = {"I-PER": "E-PER", "O": letter}
    content = rows(lambda i, w, t: (w, tags.get(t, t))) + f"It\t{letter}\nrained\t{letter}\n"
    report = convert(put(tmp_path, "dev.bmes", content), tmp_path / "a.spacy")
    assert report.labels == {"PER": 1, "LOC": 1}
    assert report.issues[("unknown-tag", "noted")] == 1
    assert f"no O in the file: {letter} is taken for it" in report.examples["unknown-tag"].done


def test_a_letter_on_few_tokens_is_an_unknown_tag():
    tags = ["B-PER", "I-PER", "Q", "B-LOC"]
    assert decode(tags, detect_scheme([tags])).missing == [2]


def test_numbers_that_look_like_zeros_for_o_are_no_tags(tmp_path):
    content = "".join(f"{word:<12}{(i % 3 and 'ab'[i % 2]) or '0'}\n" for i, word in enumerate(WORDS * 3))
    with pytest.raises(InputError, match="no format recognises"):
        read_all(tmp_path, "a.txt", content)


def test_an_entity_of_w2ner_with_a_gap_is_an_error(tmp_path):
    content = json.dumps([{"sentence": WORDS, "ner": [{"index": [0, 1], "type": "PER"}]}] * 2).replace(
        "[0, 1]", "[0, 2]", 1
    )
    with pytest.raises(InputError, match=r"an entity with a gap.*part it in two"):
        read_all(tmp_path, "dev.json", content)


def test_a_hyphen_for_outside_in_a_line_of_tags_is_told(tmp_path):
    content = " ".join([*WORDS, "Soon", "."]) + "\tPER_B PER_I - - LOC_B - - -\n"
    found, (record,) = read_all(tmp_path, "test.tsv", content)
    assert found == "slash-tags"
    assert record.tags == [
        "PER_B",
        "PER_I",
        "-",
        "-",
        "LOC_B",
        "-",
        "-",
        "-",
    ]  # O, when the whole file is looked at
    _, (record,) = read_all(tmp_path, "test.tsv", content, labels={"-": "O"})
    assert (record.tags[2], record.notes) == ("O", [])


def test_the_number_behind_a_sentence_is_its_id(tmp_path):
    _, _, content = CASES["a number behind each sentence"]
    _, records = read_all(tmp_path, "a.txt", content)
    assert [(record.text, record.meta["id"]) for record in records] == [
        ("Ada Byron wrote to Leipzig.", "1693"),
        ("She wrote on.", "1694"),
    ]


def test_junk_behind_a_root_that_does_not_nest_is_an_error(tmp_path):
    content = "<DOC>\nIn <LOC>Bonn</LOC> now.\n</DOC>\n<DOC>\nIn <LOC>Rome now.\n</DOC>\n"
    with pytest.raises(InputError, match="not well-formed XML: mismatched tag") as error:
        convert([put(tmp_path, "a.sgm", content)], tmp_path / "a.spacy")
    assert error.value.line == 6


@pytest.mark.parametrize("label", ["B-person", "No entity in it"])
def test_rows_of_offsets_without_text(label, tmp_path):
    with pytest.raises(InputError, match="no text that they count in"):
        read_all(tmp_path, "a.ner", f"8551\t42\t48\tPERSON\n8552\t0\t4\t{label}\n")

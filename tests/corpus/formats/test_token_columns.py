"""Which column is the token, which the tag, and which says where sentences and documents begin."""

import pytest

from cloudner.corpus.contract import Sample
from cloudner.corpus.formats.columns.layout import detect
from corpus.converting import converted, entities, issue_texts


def words(docs):
    return [[token.text for token in doc] for doc in docs]


def sentences(docs):
    return [[[token.text for token in sent] for sent in doc.sents] for doc in docs]


@pytest.mark.parametrize("header", ["word,pos,ner,tag", "word,pos,gold_label,label", "word,pos,entity,tag"])
def test_a_name_of_entities_wins_over_a_name_of_tags(tmp_path, header):
    content = f"{header}\nAnn,NNP,B-PER,B-NP\nLee,NNP,I-PER,I-NP\nleft,VBD,O,B-VP\nOslo,NNP,B-LOC,B-NP\n"
    report, docs = converted(tmp_path, "a.csv", content)
    assert entities(docs) == [[("Ann Lee", "PER"), ("Oslo", "LOC")]]
    names = header.split(",")
    assert issue_texts(report) == [
        f"{names[3]!r} holds tags too, {names[2]!r} is read; --tag-column {names[3]}"
    ]


def test_chunks_are_no_entities_whatever_they_are_called(tmp_path):
    content = "word,ner,tag\nAnn,B-NP,B-PER\nleft,B-VP,O\nOslo,B-NP,B-LOC\n"
    assert entities(converted(tmp_path, "a.csv", content)[1]) == [[("Ann", "PER"), ("Oslo", "LOC")]]


ROWS = "f1\t1\t{}\ts1\t0\t5\tAnn\tann\tB-PER\nf1\t1\t{}\ts1\t6\t9\tleft\tleft\tO\nf1\t1\t{}\ts1\t10\t14\tOslo\toslo\tB-LOC\n\nf1\t2\t{}\ts2\t15\t18\tShe\tshe\tO\nf1\t2\t{}\ts2\t19\t23\tleft\tleft\tO\n"


def test_names_of_files_and_ids_are_no_tokens(tmp_path):
    report, docs = converted(tmp_path, "a.tsv", ROWS.replace("{}", "1"))
    assert words(docs) == [["Ann", "left", "Oslo"], ["She", "left"]]
    assert "tags in column 8" in report.detected[0][2]  # from 0, as --tag-column counts


@pytest.mark.parametrize("files", [["a.txt", "a.txt", "b.txt"], ["doc-1", "doc-2", "doc-3"]])
def test_a_column_that_stays_or_numbers_is_no_token(tmp_path, files):
    content = "".join(
        f"{f}\t{w}\t{t}\n" for f in files for w, t in (("Ann", "B-PER"), ("left", "O"), ("Oslo", "B-LOC"))
    )
    assert words(converted(tmp_path, "a.tsv", content)[1]) == [["Ann", "left", "Oslo"] * 3]


def test_an_id_that_numbers_tokens_is_no_sentence(tmp_path):
    content = "ID\tTOKEN\tPOS\tNER\n1\tAnn\tNNP\tB-PER\n2\tleft\tVBD\tO\n3\tOslo\tNNP\tB-LOC\n{}1\tShe\tPRP\tO\n2\tleft\tVBD\tO\n"
    for between in ("\n", ""):
        _, docs = converted(tmp_path, "a.tsv", content.replace("{}", between))
        assert words(docs) == [["Ann", "left", "Oslo"], ["She", "left"]], between


def test_documents_and_sentences_by_their_columns(tmp_path):
    content = (
        "doc_idx,sent_idx,token,tag\n0,0,Ann,B-PER\n0,1,left,O\n1,0,Jo,B-PER\n1,0,left,O\n1,1,Al,B-PER\n"
    )
    report, docs = converted(tmp_path, "a.csv", content)
    assert sentences(docs) == [[["Ann"], ["left"]], [["Jo", "left"], ["Al"]]]
    assert "sentences by 'sent_idx', documents by 'doc_idx'" in report.detected[0][2]


@pytest.mark.parametrize("nothing", ["nan", "NaN", "", "None"])
def test_a_sentence_id_that_is_not_there_goes_on(tmp_path, nothing):
    content = f"Sentence #,Word,Tag\nSentence: 1,Ann,B-PER\n{nothing},Lee,I-PER\n{nothing},left,O\nSentence: 2,Jo,B-PER\n{nothing},sat,O\n"
    report, docs = converted(tmp_path, "a.csv", content)
    assert entities(docs) == [[("Ann Lee", "PER")], [("Jo", "PER")]]
    assert not report.issues


def test_a_header_of_unknown_words_is_no_data(tmp_path):
    content = "Wort\tKlasse\nAnn\tB-PER\nging\tO\n.\tO\n\nJo\tB-PER\nblieb\tO\n"
    report, docs = converted(tmp_path, "a.tsv", content)
    assert words(docs) == [["Ann", "ging", "."], ["Jo", "blieb"]]
    assert not report.issues


def test_a_bracket_may_be_the_first_token(tmp_path):
    for bracket in "[{(":
        content = f"{bracket}\t0\t1\tO\nlower\t1\t6\tB-Organ\nlobe\t7\t11\tI-Organ\n)\t11\t12\tO\n\nShe\t13\t16\tO\n"
        assert entities(converted(tmp_path, "a.conll", content)[1]) == [[("lower lobe", "Organ")], []]


def test_bare_tags_on_nearly_every_token(tmp_path):
    content = "12\tno\nHigh\tstreet\nRoad\tstreet\nin\tO\nYork\tcity\n\n7\tno\nMill\tstreet\nLane\tstreet\nin\tO\nBath\tcity\n"
    report, docs = converted(tmp_path, "a.tsv", content)
    assert entities(docs)[0] == [("12", "no"), ("High Road", "street"), ("York", "city")]
    assert "a run of one label is an entity" in report.detected[0][2]


def test_columns_of_words_are_not_taken_for_dense_tags():
    lines = ["the\tdas", "a\tein", "O\tO", "the\tdas", "no\tnein", "yes\tja"]
    text = "\n".join(lines)
    assert detect(Sample("a.txt", text.encode(), text, lines, False)) is None

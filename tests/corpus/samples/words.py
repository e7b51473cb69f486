"""The two sentences of which most samples are made, with their entities in the ways that formats write them."""

import json

TEXT = "Marie Curie was born in Warsaw."
SPANS = [("Marie Curie", "PER"), ("Warsaw", "LOC")]
WORDS = ["Marie", "Curie", "was", "born", "in", "Warsaw", "."]
TAGS = ["B-PER", "I-PER", "O", "O", "O", "B-LOC", "O"]
BILUO = ["B-PER", "L-PER", "O", "O", "O", "U-LOC", "O"]
LABELS = [[0, 11, "PER"], [24, 30, "LOC"]]
DICTS = [{"start": 0, "end": 11, "label": "PER"}, {"start": 24, "end": 30, "label": "LOC"}]
OFFSETS = [
    {"start_offset": 0, "end_offset": 11, "label": "PER"},
    {"start_offset": 24, "end_offset": 30, "label": "LOC"},
]
CELL = json.dumps(LABELS).replace('"', '""')
CSV_CELL = f'"{CELL}"'
PAIRS = list(zip(WORDS, TAGS, strict=True))
CHARACTER_TAGS = ["B-PER", *["I-PER"] * 10, *["O"] * 13, "B-LOC", *["I-LOC"] * 5, "O"]
TOKENS = [
    {"text": w, "start": TEXT.index(w), "end": TEXT.index(w) + len(w), "bare": t[2:] or "O", "tag": t}
    for w, t in PAIRS
]
ADA_WORDS = ["Ada", "Byron", "wrote", "to", "Leipzig", "."]
ADA_TAGS = ["B-PER", "I-PER", "O", "O", "B-LOC", "O"]
ADA_ENTITIES = [("Ada Byron", "PER"), ("Leipzig", "LOC")]
ADA_PAIRS = list(zip(ADA_WORDS, ADA_TAGS, strict=True))


def lines(*rows):
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def row(**keys):
    return lines({"text": TEXT, **keys})


def spans(start, end, label, **extra):
    return [{start: a, end: b, label: name, **extra} for a, b, name in LABELS]


def ada_rows(cells, count=1):
    """Sentences of tab-parted rows, each as `cells(number, word, tag)` says."""
    sentence = "".join("\t".join(cells(i, w, t)) + "\n" for i, (w, t) in enumerate(ADA_PAIRS, 1))
    return (sentence + "\n") * count


def parted(word, label):
    """`B-PER PER` for `B-PER I-PER`."""
    return (word, label.removeprefix("I-"))

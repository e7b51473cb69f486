"""Samples of the formats of the family json: JSON of annotation tools and services. Name of the format, file name, content."""

import json

from corpus.samples.words import (
    ADA_WORDS,
    DICTS,
    LABELS,
    OFFSETS,
    SPANS,
    TEXT,
    TOKENS,
    WORDS,
    lines,
    row,
    spans,
)

KEYS = [
    ("startIndex", "endIndex", "entity_label"), ("start_pos", "end_pos", "class"), ("from", "to", "label"),
    ("offset_start", "offset_end", "entity_type"), ("Start", "End", "Label"), ("char_start", "char_end", "label_"),
    ("start_position", "end_position", "entity"), ("begin_offset", "end_offset", "tag_name"),
]  # fmt: skip
# What is in SPANS of `words`.
CASES = {
    "BioC JSON": (
        "bioc-json",
        "a.json",
        json.dumps({"PubTator3": [{"id": "1", "passages": [{"offset": 0, "text": TEXT, "annotations": [
            {"infons": {"type": s["label"]}, "text": TEXT[s["start"] : s["end"]], "locations": [{"offset": s["start"], "length": s["end"] - s["start"]}]} for s in DICTS]}]}]}),
    ),
    "slots in brackets": (
        "massive",
        "a.jsonl",
        lines({"id": "0", "utt": TEXT, "annot_utt": "[PER : Marie Curie] was born in [LOC : Warsaw]."}),
    ),
    "pandas, by rows without keys": (
        "jsonl",
        "a.json",
        json.dumps({"columns": ["text", "entities"], "index": [0], "data": [[TEXT, LABELS]]}),
    ),
    "answers in words": (
        "mrc",
        "a.json",
        json.dumps([{"qas_id": f"0.{i}", "context": " ".join(WORDS), "entity_label": label, "query": "?", "impossible": False,
                     "start_position": [a], "end_position": [b]} for i, (a, b, label) in enumerate([(0, 1, "PER"), (5, 5, "LOC")])]),
    ),
    "doccano labels": ("doccano", "a.jsonl", lines({"id": 1, "text": TEXT, "labels": LABELS})),
    "doccano label": ("doccano", "a.jsonl", lines({"id": 1, "text": TEXT, "label": LABELS, "Comments": []})),
    "doccano data": ("doccano", "a.jsonl", lines({"id": 1, "data": TEXT, "label": LABELS})),
    "doccano annotations": (
        "doccano",
        "a.jsonl",
        lines({"id": 1, "text": TEXT, "annotations": [dict(o, user=1, id=2) for o in OFFSETS], "meta": {}}),
    ),
    "doccano relations": (
        "doccano",
        "a.jsonl",
        lines(
            {
                "id": 1,
                "text": TEXT,
                "entities": [dict(o, id=i) for i, o in enumerate(OFFSETS)],
                "relations": [],
            }
        ),
    ),
    "rows": ("jsonl", "a.jsonl", lines({"text": TEXT, "entities": DICTS})),
    "rows in a list": ("jsonl", "a.json", json.dumps([{"text": TEXT, "spans": DICTS}], indent=2)),
    "prodigy": (
        "prodigy",
        "a.jsonl",
        lines({"text": TEXT, "_input_hash": 1, "_task_hash": 2, "spans": DICTS, "answer": "accept"}),
    ),
    "label studio": (
        "label-studio",
        "a.json",
        json.dumps(
            [
                {
                    "id": 1,
                    "data": {"my_text": TEXT},
                    "annotations": [
                        {
                            "result": [
                                {
                                    "type": "labels",
                                    "value": {"start": a, "end": b, "text": TEXT[a:b], "labels": [label]},
                                }
                                for a, b, label in LABELS
                            ]
                        }
                    ],
                }
            ]
        ),
    ),
    "label studio completions": (
        "label-studio",
        "a.json",
        json.dumps(
            {
                "id": 1,
                "data": {"text": TEXT},
                "completions": [
                    {"was_cancelled": True, "result": []},
                    {"result": [{"value": {"start": a, "end": b, "labels": [k]}} for a, b, k in LABELS]},
                ],
            }
        ),
    ),
    "label studio min": (
        "label-studio-min",
        "a.json",
        json.dumps(
            [
                {
                    "id": 1,
                    "text": TEXT,
                    "label": [{"start": a, "end": b, "text": TEXT[a:b], "labels": [k]} for a, b, k in LABELS],
                    "annotator": 1,
                    "annotation_id": 2,
                }
            ]
        ),
    ),
    "ubiai": (
        "ubiai",
        "a.json",
        json.dumps(
            [
                {
                    "documentName": "a.txt",
                    "document": TEXT,
                    "tokens": [
                        {
                            "text": TEXT[a:b],
                            "start": a,
                            "end": b,
                            "token_start": 0,
                            "token_end": 1,
                            "entityLabel": label,
                        }
                        for a, b, label in LABELS
                    ],
                    "relations": [],
                }
            ]
        ),
    ),
    "dataturks": (
        "dataturks",
        "a.json",
        lines(
            {
                "content": TEXT,
                "annotation": [
                    {"label": [k], "points": [{"start": a, "end": b - 1, "text": TEXT[a:b]}]}
                    for a, b, k in LABELS
                ],
                "extras": None,
            }
        ),
    ),
    "cluener": (
        "cluener",
        "train.json",
        lines({"text": TEXT, "label": {"PER": {"Marie Curie": [[0, 10]]}, "LOC": {"Warsaw": [[24, 29]]}}}),
    ),
    "automl": (
        "automl",
        "a.jsonl",
        lines(
            {
                "text_snippet": {"content": TEXT},
                "annotations": [
                    {"display_name": "PER", "text_extraction": {"text_segment": {"end_offset": "11"}}},
                    {
                        "display_name": "LOC",
                        "text_extraction": {"text_segment": {"start_offset": 24, "end_offset": 30}},
                    },
                ],
            }
        ),
    ),
    "vertex": (
        "automl",
        "a.jsonl",
        lines(
            {
                "textContent": TEXT,
                "textSegmentAnnotations": [
                    {"startOffset": a, "endOffset": b, "displayName": label} for a, b, label in LABELS
                ],
            }
        ),
    ),
    "ground truth": (
        "ground-truth",
        "output.manifest",
        lines(
            {
                "source": TEXT,
                "my-job": {
                    "annotations": {
                        "entities": [
                            {"startOffset": a, "endOffset": b, "label": label} for a, b, label in LABELS
                        ],
                        "labels": [{"label": "PER"}],
                    }
                },
                "my-job-metadata": {"entities": [{"confidence": 0.9}]},
            }
        ),
    ),
    "SpERT": (
        "token-spans",
        "train.json",
        json.dumps(
            [{"tokens": WORDS, "entities": [{"type": "PER", "start": 0, "end": 2}, {"type": "LOC", "start": 5, "end": 6}],
              "relations": [], "orig_id": 1}]
        ),
    ),
    "DyGIE++": (
        "token-spans",
        "train.jsonl",
        lines({"doc_key": "a", "sentences": [WORDS[:3], WORDS[3:]], "ner": [[[0, 1, "PER"]], [[5, 5, "LOC"]]]}),
    ),
    "GLiNER": (
        "token-spans",
        "data.json",
        json.dumps([{"tokenized_text": WORDS, "ner": [[0, 1, "PER"], [5, 5, "LOC"]]}]),
    ),
    "GLiNER from a table, all text": (
        "token-spans",
        "data.jsonl",
        lines({"tokenized_text": WORDS, "ner": [["0", "1", '"PER"'], ["5", "5", '"LOC"']]}),
    ),
    "ELIT": ("token-spans", "a.json", json.dumps({"sid": 0, "tok": WORDS, "ner": [[0, 2, "PER"], [5, 6, "LOC"]]})),
    "entity_list with start_idx": (
        "cmeee",
        "a.jsonl",
        row(entity_list=[{"start_idx": a, "end_idx": b - 1, "type": c, "entity": TEXT[a:b]} for a, b, c in LABELS]),
    ),
    "entity_list with entity_index": (
        "jsonl",
        "a.jsonl",
        row(
            entity_list=[
                {"entity_index": {"begin": a, "end": b}, "entity_type": c, "entity": TEXT[a:b]} for a, b, c in LABELS
            ]
        ),
    ),
    "entity_list with char_span": (
        "jsonl",
        "a.json",
        json.dumps(
            [{"text": TEXT, "id": "1", "relation_list": [],
              "entity_list": [{"text": TEXT[a:b], "type": c, "char_span": [a, b], "tok_span": [0, 1]} for a, b, c in LABELS]}]
        ),
    ),
    "predictions": ("jsonl", "a.jsonl", row(predictions=spans("start", "end", "label", score=0.9))),
    "printed dictionaries": (
        "jsonl",
        "a.txt",
        repr({"text": TEXT, "entities": [tuple(x) for x in LABELS], "note": None}) + "\n",
    ),
    "a printed list": ("jsonl", "a.json", repr([{"text": TEXT, "entities": LABELS}])),
    "objects without offsets": ("mentions", "a.jsonl", row(entities=[{"text": a, "type": b} for a, b in SPANS])),
    "pairs without offsets": ("mentions", "a.jsonl", row(entities=[list(pair) for pair in SPANS])),
    "lists by label": ("mentions", "a.json", json.dumps([{"text": TEXT, "entities": {b: [a] for a, b in SPANS}}])),
    "Rasa JSON": (
        "assistants",
        "nlu.json",
        json.dumps(
            {"rasa_nlu_data": {"common_examples": [
                {"text": TEXT, "intent": "x", "entities": spans("start", "end", "entity", value="a synonym")}]}}
        ),
    ),
    "LUIS": (
        "assistants",
        "luis.json",
        json.dumps(
            {"luis_schema_version": "3.2.0", "culture": "en-us", "utterances": [
                {"text": TEXT, "intent": "x", "entities": [
                    {"entity": k, "startPos": a, "endPos": b - 1} for a, b, k in LABELS]}]}
        ),
    ),
    "Snips": (
        "assistants",
        "train_X.json",
        json.dumps(
            {"X": [{"data": [{"text": "Marie Curie", "entity": "PER"}, {"text": " was born in "},
                             {"text": "Warsaw", "entity": "LOC"}, {"text": "."}]}]}
        ),
    ),
    "Watson Assistant": (
        "assistants",
        "skill.json",
        json.dumps(
            {"intents": [{"intent": "x", "examples": [
                {"text": TEXT, "mentions": [{"entity": k, "location": [a, b]} for a, b, k in LABELS]}]}]}
        ),
    ),
    "CMeEE": (
        "cmeee",
        "train.json",
        json.dumps(
            [{"text": TEXT, "entities": [{"start_idx": a, "end_idx": b - 1, "type": k} for a, b, k in LABELS]}], indent=1
        ),
    ),
    "a tree of rows": ("doccano", "a.json", json.dumps({"version": 1, "data": [{"text": TEXT, "label": LABELS}]})),
    "LightTag": (
        "jsonl",
        "a.json",
        json.dumps({"examples": [{"content": TEXT, "annotations": spans("start", "end", "tag", value=None)}]}),
    ),
    "columns of pandas": (
        "doccano", "a.json", json.dumps({"text": {"0": TEXT}, "label": {"0": LABELS}, "x": {"0": 1}})
    ),
    "text first": ("jsonl", "a.jsonl", row(entities=[[TEXT[a:b], a, b, k] for a, b, k in LABELS])),
    "text third": ("jsonl", "a.jsonl", row(entities=[[a, b, TEXT[a:b], k] for a, b, k in LABELS])),
    "positions by label": ("jsonl", "a.jsonl", row(entities={k: [[a, b]] for a, b, k in LABELS})),
    "span in a list": ("jsonl", "a.jsonl", row(entities=[{"span": [a, b], "type": k, "name": TEXT[a:b]} for a, b, k in LABELS])),
    "offset and length": (
        "jsonl",
        "a.jsonl",
        row(entities=[{"offset": a, "length": b - a, "category": k} for a, b, k in LABELS]),
    ),
    "CoreNLP": (
        "corenlp",
        "out.json",
        json.dumps({"sentences": [{"index": 0, "tokens": [
            {"index": i, "word": t["text"], "originalText": t["text"], "characterOffsetBegin": t["start"],
             "characterOffsetEnd": t["end"], "pos": "X", "ner": t["bare"]} for i, t in enumerate(TOKENS, 1)]}]}, indent=1),
    ),
    "Stanza": (
        "stanza",
        "out.json",
        json.dumps([[{"id": i, "text": t["text"], "start_char": t["start"], "end_char": t["end"], "ner": t["tag"]}
                     for i, t in enumerate(TOKENS, 1)]], indent=1),
    ),
    "BigBio": (
        "bigbio",
        "train.jsonl",
        lines({"id": "0", "document_id": "7", "passages": [
            {"id": "1", "type": "title", "text": ["Marie Curie was"], "offsets": [[0, 15]]},
            {"id": "2", "type": "abstract", "text": ["born in Warsaw."], "offsets": [[16, 31]]}],
            "entities": [{"id": "3", "type": k, "text": [TEXT[a:b]], "offsets": [[a, b]], "normalized": []}
                         for a, b, k in LABELS],
            "events": [], "coreferences": [], "relations": []}),
    ),
    "Watson NLU": (
        "watson-nlu",
        "nlu.json",
        json.dumps({"language": "en", "analyzed_text": TEXT, "entities": [
            {"type": k, "text": TEXT[a:b], "count": 1, "mentions": [{"text": TEXT[a:b], "location": [a, b]}]}
            for a, b, k in LABELS]}, indent=2),
    ),
    "label to word": ("mentions", "a.jsonl", row(entities={"PER": "Marie Curie", "LOC": "Warsaw", "ORG": None})),
    "word to label": ("mentions", "a.jsonl", row(entities=dict(SPANS))),
    "an object a word": ("mentions", "a.jsonl", row(entities=[{b: a} for a, b in SPANS])),
    "label first": ("mentions", "a.jsonl", row(entities=[[b, a] for a, b in SPANS])),
    "DocRED": (
        "token-spans",
        "train.json",
        json.dumps([{"title": "x", "sents": [WORDS[:3], WORDS[3:]], "labels": [], "vertexSet": [
            [{"name": "Marie Curie", "pos": [0, 2], "sent_id": 0, "type": "PER"}],
            [{"name": "Warsaw", "pos": [2, 3], "sent_id": 1, "type": "LOC"}]]}]),
    ),
    "NYT": (
        "mentions",
        "train.json",
        lines({"sentText": TEXT, "entityMentions": [{"start": 0, "text": a, "label": b} for a, b in SPANS]}),
    ),
    "CCKS": ("jsonl", "a.txt", lines({"originalText": TEXT, "entities": [
        {"label_type": k, "overlap": 0, "start_pos": a, "end_pos": b} for a, b, k in LABELS]})),
    "instructions": (
        "mentions",
        "a.jsonl",
        lines({"instruction": "Find names", "input": TEXT, "output": json.dumps([{"text": a, "label": b} for a, b in SPANS])}),
    ),
    "sentences in a tree": ("jsonl", "a.json", json.dumps({"title": "x", "sentences": [{"text": TEXT, "entities": LABELS}]})),
    "short keys": ("jsonl", "a.jsonl", row(entities=spans("s", "e", "t"))),
    "short keys with the text": ("jsonl", "a.jsonl", row(ents=[{"b": a, "e": b, "t": TEXT[a:b], "l": k} for a, b, k in LABELS])),
    "short names": ("jsonl", "a.jsonl", row(entities=spans("st", "en", "lbl"))),
}  # fmt: skip
CASES |= {f"keys {names[0]}": ("jsonl", "a.jsonl", row(entities=spans(*names))) for names in KEYS}
# What published files have beyond what their formats say; in them is what is in ADA_ENTITIES.
SHAPES = {
    "W2NER": (
        "token-spans",
        "dev.json",
        json.dumps(
            [{"sentence": ADA_WORDS, "ner": [{"index": [0, 1], "type": "PER"}, {"index": [4], "type": "LOC"}]}]
        ),
    ),
}  # fmt: skip

"""Files of annotation tools, services and data sets, each with the format it is in: (format, file name, content)."""

import json


def _lines(*rows):
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


TOOL_SAMPLES = {
    "elements in a cell": (
        "tagged-cells",
        "a.csv",
        "id,tagged\n7, <PER>Ann Lee</PER> left <LOC>Oslo</LOC>.\n8, Bye.\n",
    ),
    "elements in a JSON value": (
        "tagged-cells",
        "a.jsonl",
        _lines({"sentence": "Ann left Oslo.", "marked": "<PER>Ann</PER> left <LOC>Oslo</LOC>."}),
    ),
}

_TEXT = "Ann Lee left Oslo."
_SPANS = [(0, 7, "PER"), (13, 17, "LOC")]
_OBJECTS = [{"start": a, "end": b, "label": label} for a, b, label in _SPANS]
_FENCE = "```json\n{}\n```"
_FOUND = json.dumps([{"text": "Ann Lee", "type": "PER"}, {"text": "Oslo", "type": "LOC"}])

# The text and the two entities above, as each tool has them.
TOOL_SAMPLES |= {
    "Argilla 2": (
        "argilla",
        "a.json",
        json.dumps([{"id": "r1", "fields": {"text": _TEXT}, "suggestions": {}, "vectors": {},
                     "responses": {"spans": [{"value": _OBJECTS, "user_id": "u1", "status": "submitted"}]}}]),
    ),
    "Argilla 2 in columns": (
        "argilla",
        "a.jsonl",
        _lines({"id": "r1", "status": "completed", "_server_id": "s", "text": _TEXT, "spans.responses": [_OBJECTS], "spans.responses.users": ["u1"],
                "spans.responses.status": ["submitted"], "spans.suggestion": _OBJECTS[:1], "spans.suggestion.agent": "m", "spans.suggestion.score": None}),
    ),
    "SuperAnnotate": (
        "jsonl",
        "a.json",
        json.dumps([{"metadata": {"name": "t1", "status": "Completed"}, "text": _TEXT, "tags": [], "freeText": "", "instances": [
            {"start": a, "end": b, "className": label, "type": "entity", "attributes": []} for a, b, label in _SPANS]}]),
    ),
    "LightTag, its older name of the rows": (
        "jsonl",
        "a.json",
        json.dumps({"annotations_and_examples": [{"example_id": "e", "content": _TEXT, "annotations": [
            {"start": a, "end": b, "tag": label, "value": _TEXT[a:b], "correct": None} for a, b, label in _SPANS]}],
            "relations": [], "schema": {"name": "s"}}),
    ),
    "placeholders of a masked text": (
        "mentions",
        "a.jsonl",
        _lines({"masked_text": "[PER_1] left [LOC_1].", "unmasked_text": _TEXT, "privacy_mask": "{'[PER_1]': 'Ann Lee', '[LOC_1]': 'Oslo'}"}),
    ),
    "Dialogflow": (
        "dialogflow",
        "a_usersays_en.json",
        json.dumps([{"id": "x", "isTemplate": False, "count": 0, "data": [
            {"text": "Ann Lee", "alias": "person", "meta": "@PER", "userDefined": True}, {"text": " left ", "userDefined": False},
            {"text": "Oslo", "alias": "LOC", "meta": "@LOC", "userDefined": True}, {"text": "."}]}]),
    ),
    "Dialogflow, an intent": (
        "dialogflow",
        "a.json",
        json.dumps({"displayName": "go", "trainingPhrases": [{"name": "x", "type": "EXAMPLE", "parts": [
            {"text": "Ann Lee", "entityType": "@PER", "alias": "PER", "userDefined": True}, {"text": " left "},
            {"text": "Oslo", "entityType": "@LOC", "alias": "LOC"}, {"text": "."}]}]}),
    ),
    "TACRED": (
        "tacred",
        "a.json",
        json.dumps([{"id": "e", "docid": "d", "relation": "no_relation", "token": ["Ann", "Lee", "left", "Oslo", "."], "subj_start": 3, "subj_end": 3, "subj_type": "LOC",
                     "obj_start": 0, "obj_end": 1, "obj_type": "PER", "stanford_pos": ["X"] * 5, "stanford_ner": ["PERSON", "PERSON", "O", "CITY", "O"]}]),
    ),
    "Kili": (
        "kili",
        "a.json",
        json.dumps([{"externalId": "x", "content": _TEXT, "labels": [{"author": {"email": "a@b.org"}, "jsonResponse": {"JOB_0": {
            "annotations": [{"beginOffset": a, "content": _TEXT[a:b], "categories": [{"name": c}], "mid": str(a)} for a, b, c in _SPANS]
        }}}]}]),
    ),
    "Labelbox": (
        "labelbox",
        "a.ndjson",
        _lines({"data_row": {"id": "d", "row_data": _TEXT}, "projects": {"p": {"labels": [{"label_details": {"created_by": "a@b.org"},
               "annotations": {"objects": [{"name": c, "location": {"start": a, "end": b}} for a, b, c in _SPANS]}}]}}}),
    ),
    "Labelbox, before": (
        "labelbox",
        "a.json",
        json.dumps([{"ID": "1", "Labeled Data": _TEXT, "Created By": "a@b.org", "Label": {"objects": [
            {"title": c, "value": c.lower(), "data": {"location": {"start": a, "end": b}}} for a, b, c in _SPANS]}}]),
    ),
    "PaddleNLP UIE": (
        "uie",
        "train.txt",
        _lines(*[{"content": _TEXT, "result_list": [{"text": _TEXT[a:b], "start": a, "end": b}], "prompt": c} for a, b, c in _SPANS],
               {"content": _TEXT, "result_list": [], "prompt": "ORG"}),
    ),
    "a chat with a fence": (
        "chat",
        "a.jsonl",
        _lines({"messages": [{"role": "system", "content": "Find names."}, {"role": "user", "content": _TEXT},
                             {"role": "assistant", "content": _FENCE.replace("{}", _FOUND)}]}),
    ),
    "ShareGPT": (
        "chat",
        "a.json",
        json.dumps([{"conversations": [{"from": "human", "value": _TEXT}, {"from": "gpt", "value": json.dumps({"entities": _OBJECTS})}]}]),
    ),
    "Universal NER": (
        "chat",
        "a.json",
        json.dumps([{"id": "ner_0", "conversations": [{"from": "human", "value": f"Text: {_TEXT}"}, {"from": "gpt", "value": "I've read this text."},
            *[turn for label, words in (("PER", ["Ann Lee"]), ("ORG", []), ("LOC", ["Oslo"])) for turn in (
                {"from": "human", "value": f"What describes {label} in the text?"}, {"from": "gpt", "value": json.dumps(words)})]]}]),
    ),
    "a fence in an answer": ("mentions", "a.jsonl", _lines({"input": _TEXT, "output": "Here:\n" + _FENCE.replace("{}", _FOUND)})),
    "an object an entity": ("entity-rows", "a.jsonl", _lines(*[{"sentence": _TEXT, "entity": _TEXT[a:b], "type": c, "start": a, "end": b} for a, b, c in _SPANS])),
    "pairs of token and tag": (
        "token-pairs",
        "a.json",
        json.dumps([[["Ann", "B-PER"], ["Lee", "I-PER"], ["left", "O"], ["Oslo", "B-LOC"], [".", "O"]], [["Bye", "O"]]]),
    ),
    "pairs that Python printed": (
        "token-pairs",
        "a.txt",
        "[[('Ann', 'B-PER'), ('Lee', 'I-PER'), ('left', 'O'), ('Oslo', 'B-LOC'), ('.', 'O')], [('Bye', 'O')]]\n",
    ),
    "a prompt and its completion": ("chat", "a.jsonl", _lines({"prompt": _TEXT, "completion": _FOUND})),
    "pairs a line": (
        "token-pairs",
        "a.jsonl",
        _lines([["Ann", "B-PER"], ["Lee", "I-PER"], ["left", "O"], ["Oslo", "B-LOC"], [".", "O"]]),
    ),
    "a column a label": ("label-columns", "a.csv", 'text,PER,LOC\nAnn Lee left Oslo.,Ann Lee,Oslo\n"Bye, all.",,\n'),
    "documents by id": ("jsonl", "a.json", json.dumps({"d1": {"text": _TEXT, "entities": _OBJECTS}, "d2": {"text": "Bye.", "entities": []}})),
    "keys in capitals": ("jsonl", "a.jsonl", _lines({"TEXT": _TEXT, "ENTITIES": [{"START": a, "END": b, "LABEL": c} for a, b, c in _SPANS]})),
    "label, start, length": ("jsonl", "a.jsonl", _lines({"text": _TEXT, "entities": [[c, a, b - a] for a, b, c in _SPANS]})),
    "samples of a data tool": (
        "jsonl",
        "a.json",
        json.dumps({"interface": {"type": "text_entity_recognition", "labels": [{"id": "p1", "displayName": "PER"}]}, "samples": [{"document": _TEXT, "annotation": {"entities": _OBJECTS}},
                                                                                 {"document": "Bye.", "annotation": {"entities": []}}]}),
    ),
    "UIMA CAS as JSON": (
        "uima-json",
        "a.json",
        json.dumps({"%TYPES": {}, "%FEATURE_STRUCTURES": [
            {"%ID": 1, "%TYPE": "uima.cas.Sofa", "sofaString": _TEXT},
            {"%ID": 2, "%TYPE": "uima.tcas.DocumentAnnotation", "@sofa": 1, "begin": 0, "end": 18},
            {"%ID": 9, "%TYPE": "webanno.custom.Mood", "@sofa": 1, "begin": 8, "end": 12, "value": "sad"},
            *[{"%ID": n, "%TYPE": "de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity", "@sofa": 1, "begin": a, "end": b, "value": c}
              for n, (a, b, c) in enumerate(_SPANS, 3)]], "%VIEWS": {}}),
    ),
    "UIMA CAS as XMI": (
        "xmi",
        "a.xmi",
        '<?xml version="1.0"?><xmi:XMI xmlns:xmi="http://www.omg.org/XMI" xmlns:cas="http:///uima/cas.ecore" '
        'xmlns:type="http:///de/tudarmstadt/ukp/dkpro/core/api/ner/type.ecore" xmi:version="2.0"><cas:NULL xmi:id="0"/>'
        + "".join(f'<type:NamedEntity xmi:id="{n}" sofa="1" begin="{a}" end="{b}" value="{c}"/>' for n, (a, b, c) in enumerate(_SPANS, 5))
        + f'<cas:Sofa xmi:id="1" sofaNum="1" sofaID="_InitialView" mimeType="text" sofaString="{_TEXT}"/></xmi:XMI>',
    ),
    "a dialogue": (
        "label-studio",
        "a.json",
        json.dumps([{"id": 1, "data": {"dialogue": [{"author": "x", "text": "Hello you."}, {"author": "y", "text": _TEXT}]}, "annotations": [{
            "id": 1, "result": [{"type": "paragraphlabels", "value": {"start": "1", "end": "1", "startOffset": a, "endOffset": b,
                                                                     "text": _TEXT[a:b], "paragraphlabels": [c]}} for a, b, c in _SPANS]}]}]),
    ),
}  # fmt: skip

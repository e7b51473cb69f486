"""Public corpora as JSON under keys of their own."""

import json

import pytest

from corpus.converting import converted, entities

NIKL = {
    "id": "NXNE1902008030",
    "metadata": {"title": "국립국어원 신문 개체명 분석 말뭉치", "category": "신문"},
    "document": [
        {
            "id": "N.417",
            "sentence": [
                {
                    "id": "N.417.1.1",
                    "form": "한라산 정상에 갔다.",
                    "word": [{"id": 1, "form": "한라산", "begin": 0, "end": 3}],
                    "NE": [{"id": 1, "form": "한라산", "label": "LCG_MOUNTAIN", "begin": 0, "end": 3}],
                },
                {"id": "N.417.1.2", "form": "비가 온다.", "word": [], "NE": []},
            ],
        }
    ],
}
AIHUB = {
    "data": [
        {"text": "서울 에 갔다.", "NE": [{"id": 0, "entity": "서울", "type": "LOC", "begin": 0, "end": 2}]}
    ]
}
RUNNE = {
    "id": 0,
    "sentences": "Город Бостон взорвали.",
    "ners": [[6, 12, "CITY"]],
}
ACE = [
    {
        "sentence": "Ann Lee went to Oslo",
        "words": ["Ann", "Lee", "went", "to", "Oslo"],
        "golden-entity-mentions": [
            {"text": "Ann Lee", "entity-type": "PER:Individual", "start": 0, "end": 2, "head": {"start": 1}},
            {"text": "Oslo", "entity-type": "GPE:City", "start": 4, "end": 5, "head": {"start": 4}},
        ],
        "golden-event-mentions": [],
    }
]
WIKIEVENTS = {
    "doc_id": "w1",
    "tokens": ["Ann", "was", "in", "New", "York"],
    "text": "Ann was in New York",
    "sentences": [[[["Ann", 0, 3]], "Ann was in New York"]],
    "entity_mentions": [
        {"id": "w1-T1", "sent_idx": 0, "start": 0, "end": 1, "entity_type": "PER", "text": "Ann"},
        {"id": "w1-T2", "sent_idx": 0, "start": 3, "end": 5, "entity_type": "LOC", "text": "New York"},
    ],
    "event_mentions": [],
}
POLEVAL = [
    {
        "id": "0",
        "text": "Jan Kowalski był w Krakowie.",
        "answers": "persName 0 12\tJan Kowalski\nplaceName_settlement 19 27\tKrakowie",
    },
    {"id": "1", "text": "Nic.", "answers": ""},
]
DUIE = {
    "text": "《步步惊心》改编自作家桐华的小说",
    "spo_list": [
        {
            "predicate": "作者",
            "subject": "步步惊心",
            "subject_type": "图书作品",
            "object": {"@value": "桐华"},
            "object_type": {"@value": "人物"},
        },
        {
            "predicate": "改编自",
            "subject": "步步惊心",
            "subject_type": "图书作品",
            "object": "桐华",
            "object_type": "人物",
        },
    ],
}


@pytest.mark.parametrize(
    ("value", "lang", "expected"),
    [
        (NIKL, "xx", [[("한라산", "LCG_MOUNTAIN")], []]),
        (AIHUB, "xx", [[("서울", "LOC")]]),
        (RUNNE, "ru", [[("Бостон", "CITY")]]),
        (ACE, "en", [[("Ann Lee", "PER:Individual"), ("Oslo", "GPE:City")]]),
        (WIKIEVENTS, "en", [[("Ann", "PER"), ("New York", "LOC")]]),
        (POLEVAL, "pl", [[("Jan Kowalski", "persName"), ("Krakowie", "placeName_settlement")], []]),
        (DUIE, "zh", [[("步步惊心", "图书作品"), ("桐华", "人物")]]),
    ],
    ids=["nikl", "aihub", "runne", "ace", "wikievents", "poleval", "duie"],
)
def test_its_entities_are_read(tmp_path, value, lang, expected):
    report, docs = converted(tmp_path, "a.json", json.dumps(value, ensure_ascii=False), lang=lang)
    assert entities(docs) == expected
    assert report.lost == 0


def test_mentions_that_do_not_count_tokens_are_not_taken_for_such(tmp_path):
    text = "Ann was in New York"
    row = {
        "text": text,
        "tokens": text.split(),
        "entity_mentions": [{"start": 11, "end": 19, "entity_type": "LOC", "text": "New York"}],
    }
    from cloudner.errors import InputError

    with pytest.raises(InputError, match="entit"):
        converted(tmp_path, "a.json", json.dumps(row))

"""Every loss is listed."""

import json

from corpus.reading import converted, entities_of_doc


def test_every_span_that_cuts_a_token_is_listed(tmp_path):
    """explosion/spaCy#11497: a user asked for a list of what W030 warns of; ends are one short in spaced Japanese."""
    text = "はい . シマムラ ヒロユキ 様 、 ありがとう"
    report, (doc,) = converted(
        tmp_path, "a.jsonl", json.dumps({"text": text, "entities": [[5, 13, "PERSON"]]})
    )
    assert entities_of_doc(doc) == [("シマムラ ヒロユキ", "PERSON")]
    (issue,) = map(json.loads, report.issues_path.read_text().splitlines())
    assert (issue["cause"], issue["line"], issue["excerpt"]) == (
        "misaligned",
        1,
        "はい . [シマムラ ヒロユ]キ 様 、 ありがとう",
    )

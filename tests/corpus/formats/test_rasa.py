"""Rasa's YAML and Markdown, Snips' YAML."""

import pytest

from cloudner.corpus.formats.registry import formats
from cloudner.errors import InputError
from corpus.converting import converted, entities, issue_texts
from corpus.reading import read
from corpus.samples.text import RASA


def test_rasa_lines_are_where_the_examples_stand(tmp_path):
    assert [record.line for record in read(tmp_path, formats()["rasa"], RASA)] == [5, 6, 12]


SNIPS = """# a comment
---
type: intent
name: go
slots:
- name: to
  entity: city
utterances:
- \"[to](Oslo) is where [who:person](Ann) goes\"
- nowhere
- call [who]
---
type: entity
name: city
values:
- [Oslo, Kristiania]
"""


def test_snips_utterances_in_yaml(tmp_path):
    """Each line was a text, and `who:person` the words of an entity."""
    report, docs = converted(tmp_path, "go.yaml", SNIPS)
    assert [doc.text for doc in docs] == ["Oslo is where Ann goes", "nowhere"]
    assert entities(docs) == [[("Oslo", "city"), ("Ann", "person")], []]
    assert issue_texts(report) == ["1 tasks hold a template and no text: left out"]
    assert [record.line for record in read(tmp_path, formats()["rasa"], SNIPS)] == [9, 10]


def test_snips_yaml_that_is_broken(tmp_path):
    with pytest.raises(InputError, match=r"go\.yaml:11: not YAML"):
        converted(tmp_path, "go.yaml", SNIPS.replace("- nowhere", "- ["))

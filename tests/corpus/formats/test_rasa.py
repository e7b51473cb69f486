"""Rasa's YAML and Markdown."""

from cloudner.corpus.formats.registry import formats
from corpus.reading import read
from corpus.samples.text import RASA


def test_rasa_lines_are_where_the_examples_stand(tmp_path):
    assert [record.line for record in read(tmp_path, formats()["rasa"], RASA)] == [5, 6, 12]

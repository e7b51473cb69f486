"""DataTurks' export."""

from corpus.reading import read_entities
from corpus.samples.words import TEXT, lines


def test_dataturks_with_exclusive_ends(aligner, tmp_path):
    point = {"start": 0, "end": 11, "text": "Marie Curie"}
    content = lines({"content": TEXT, "annotation": [{"label": ["PER"], "points": [point]}]})
    assert read_entities(aligner, tmp_path, content, "a.json")[1] == [[("Marie Curie", "PER")]]
    assert aligner.take_issues() == []

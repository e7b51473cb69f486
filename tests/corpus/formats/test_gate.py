"""GATE's XML."""

from cloudner.corpus.formats.registry import formats
from corpus.reading import all_surfaces, read
from corpus.samples.text import SAMPLES


def test_gate_prefers_the_key_set(tmp_path):
    content = SAMPLES["gate"][1].replace(
        '<AnnotationSet Name="Original markups">', '<AnnotationSet Name="Key">'
    )
    assert all_surfaces(read(tmp_path, formats()["gate"], content)) == [("Ann Lee & Bob left Oslo", "body")]

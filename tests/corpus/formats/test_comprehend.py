"""Amazon Comprehend's annotations beside their texts."""

from corpus.reading import read_entities
from corpus.samples.words import SPANS, TEXT


def test_comprehend(aligner, tmp_path):
    (tmp_path / "docs.txt").write_text(f"No entity here.\n{TEXT}\n")
    content = "File,Line,Begin Offset,End Offset,Type\ndocs.txt,1,0,11,PER\ndocs.txt,1,24,30,LOC\n"
    assert read_entities(aligner, tmp_path, content, "annotations.csv") == ("comprehend", [[], SPANS])

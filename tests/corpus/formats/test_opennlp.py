"""OpenNLP's <START:person> ... <END>."""

from cloudner.corpus.formats.registry import formats
from corpus.reading import read, surfaces


def test_opennlp_blank_lines_part_documents(tmp_path):
    content = "<START> Ann <END> left .\nShe ran .\n\nBob stayed .\n"
    first, second = read(tmp_path, formats()["opennlp"], content)
    assert first.text == "Ann left .\nShe ran ."
    assert surfaces(first) == [("Ann", "default")]
    assert second.line == 4

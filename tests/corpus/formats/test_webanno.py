"""WebAnno TSV 3."""

from cloudner.corpus.formats.registry import formats
from corpus.reading import read
from corpus.samples.text import WEBANNO


def test_webanno_counts_utf16_and_keeps_the_text(tmp_path):
    (record,) = read(tmp_path, formats()["webanno"], WEBANNO)
    assert record.text == "😀 Ann Lee left New York-based Acme.\nBye."

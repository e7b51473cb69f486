"""WebAnno TSV 3."""

from cloudner.corpus.formats.registry import formats
from corpus.reading import read, read_entities
from corpus.samples.text import WEBANNO


def test_webanno_counts_utf16_and_keeps_the_text(tmp_path):
    (record,) = read(tmp_path, formats()["webanno"], WEBANNO)
    assert record.text == "😀 Ann Lee left New York-based Acme.\nBye."


def test_the_feature_called_like_a_label_is_the_label(aligner, tmp_path):
    content = "#FORMAT=WebAnno TSV 3.3\n#T_SP=webanno.custom.Ent|comment|EntType\n\n\n#Text=Ann sat\n"
    content += "1-1\t0-3\tAnn\tsure\tPER\t\n1-2\t4-7\tsat\t_\t_\t\n"
    assert read_entities(aligner, tmp_path, content, "a.tsv") == ("webanno", [[("Ann", "PER")]])


def test_signs_that_are_escaped_in_tokens(aligner, tmp_path):
    """As they always are in values; other versions leave them as they are."""
    head = "#FORMAT=WebAnno TSV 3.3\n#T_SP=webanno.custom.Entity|value\n\n\n#Text=a_b [Ann]\n"
    rows = "1-1\t0-3\ta\\_b\t_\t\n1-2\t4-9\t\\[Ann\\]\tPER\t\n"
    assert read_entities(aligner, tmp_path, head + rows, "a.tsv")[1] == [[("[Ann]", "PER")]]
    plain = rows.replace("\\", "")
    assert read_entities(aligner, tmp_path, head + plain, "a.tsv")[1] == [[("[Ann]", "PER")]]

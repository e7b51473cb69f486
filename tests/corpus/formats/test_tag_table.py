"""Tables with a sentence and its tags per row."""

from corpus.reading import read_all
from corpus.samples.words import ADA_WORDS


def test_a_hyphen_for_outside_in_a_line_of_tags_is_told(tmp_path):
    content = " ".join([*ADA_WORDS, "Soon", "."]) + "\tPER_B PER_I - - LOC_B - - -\n"
    found, (record,) = read_all(tmp_path, "test.tsv", content)
    assert found == "slash-tags"
    assert record.tags == [
        "PER_B",
        "PER_I",
        "-",
        "-",
        "LOC_B",
        "-",
        "-",
        "-",
    ]  # O, when the whole file is looked at
    _, (record,) = read_all(tmp_path, "test.tsv", content, labels={"-": "O"})
    assert (record.tags[2], record.notes) == ("O", [])

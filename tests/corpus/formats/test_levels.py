"""Several tags of one token in columns: entities inside others, and the tags of morphemes."""

import pytest

from corpus.converting import converted, entities


def spans_of(docs):
    return [[(span.text, span.label_) for span in doc.spans["sc"]] for doc in docs]


WOJOOD = "Bank\tB-ORG\nPalestine\tB-GPE I-ORG\nsaid\tO\n\nOslo\tB-GPE B-ORG\n"
LITBANK = "HOUSE\tB-FAC\tO\tO\nthe\tB-LOC\tO\tO\nLondon\tI-LOC\tB-GPE\tO\nfog\tI-LOC\tO\tO\n\nby\tO\tO\tO\n"


def test_several_tags_in_the_cells_of_few_rows_do_not_part_the_columns_at_spaces(tmp_path):
    report, docs = converted(tmp_path, "train.txt", WOJOOD)
    assert [[token.text for token in doc] for doc in docs] == [["Bank", "Palestine", "said"], ["Oslo"]]
    assert report.issues["nested", "dropped"] == 2


def test_with_spans_all_tags_of_a_cell_are_read(tmp_path):
    report, docs = converted(tmp_path, "train.txt", WOJOOD, spans="sc")
    assert spans_of(docs) == [
        [("Bank Palestine", "ORG"), ("Palestine", "GPE")],
        [("Oslo", "GPE"), ("Oslo", "ORG")],
    ]
    assert not report.issues


def test_an_inner_entity_with_the_label_of_the_outer_one(tmp_path):
    content = "Bank\tB-ORG\nof\tI-ORG\nOslo\tI-ORG B-ORG\nHall\tI-ORG I-ORG\nInc\tI-ORG\nran\tO\n\nIt\tO\n"
    _, docs = converted(tmp_path, "train.txt", content, spans="sc")
    assert spans_of(docs) == [[("Bank of Oslo Hall Inc", "ORG"), ("Oslo Hall", "ORG")], []]


def test_with_spans_the_columns_of_inner_levels_are_read(tmp_path):
    report, docs = converted(tmp_path, "1023.tsv", LITBANK, spans="sc")
    assert spans_of(docs) == [[("HOUSE", "FAC"), ("the London fog", "LOC"), ("London", "GPE")], []]
    assert entities(docs) == [[("HOUSE", "FAC"), ("the London fog", "LOC")], []]
    assert not report.issues


def test_a_systems_tags_are_no_inner_level(tmp_path):
    content = "Bob B-PER B-PER\nran O O\nOslo B-LOC B-ORG\n. O O\n"
    _, docs = converted(tmp_path, "a.txt", content, spans="sc")
    assert spans_of(docs) == [[("Bob", "PER"), ("Oslo", "LOC")]]


def test_tags_with_a_number_sign_between_are_several(tmp_path):
    content = "Jan\tJan\tB-nam_per\nz\tz\tO\nWarszawa\tWarszawa\tB-nam_loc#B-nam_org\n\nTak\ttak\tO\n"
    report, docs = converted(tmp_path, "n82.iob", content)
    assert entities(docs) == [[("Jan", "nam_per"), ("Warszawa", "nam_loc")], []]
    assert report.issues["nested", "dropped"] == 1


@pytest.mark.parametrize(
    ("first", "second"), [("O^B-GPE", "E-GPE"), ("O^O^B-GPE^I-GPE", "O^E-GPE"), ("B-GPE^O", "I-GPE^E-GPE^O")]
)
def test_the_tags_of_morphemes_are_one_of_the_token(tmp_path, first, second):
    content = f"בתל {first}\nאביב {second}\nדני O^S-PER\nהלך O^O\n\nול O^B-ORG^E-ORG\n"
    report, docs = converted(tmp_path, "token-multi.bmes", content)
    assert entities(docs) == [[("בתל אביב", "GPE"), ("דני", "PER")], [("ול", "ORG")]]
    assert not report.issues

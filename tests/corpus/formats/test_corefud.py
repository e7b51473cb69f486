"""Typed brackets of mentions in CoNLL-U: GUM and CorefUD."""

import pytest

from cloudner.errors import InputError
from corpus.converting import converted, entities, issue_texts
from corpus.reading import read_all, surfaces

HEAD = "# newdoc id = {}\n# global.Entity = GRP-etype-infstat-centering-minspan-link-identity\n"


def row(number, form, entity="_", rest=""):
    misc = "|".join(filter(None, ["" if entity == "_" else f"Entity={entity}", rest])) or "_"
    return f"{number}\t{form}\tx\tNOUN\t_\t_\t0\troot\t_\t{misc}\n"


GUM = (
    HEAD.format("GUM_a")
    + "# sent_id = 1\n# text = The mayor of New York didn't wait.\n"
    + row(1, "The", "(1-person-new-cf1-2-coref")
    + row(2, "mayor")
    + row(3, "of")
    + row(4, "New", "(2-place-new-cf2-1,2-sgl-New_York", "Bridge=1<2")
    + row(5, "York", "2)1)")
    + row("6-7", "didn't")
    + row(6, "did")
    + row(7, "n't", "(3-abstract-new-cf3-1-sgl)")
    + row(8, "wait", rest="SpaceAfter=No")
    + row("8.1", "_", "(4-person-new-cf3-1-sgl)")
    + row(9, ".")
    + "\n# sent_id = 2\n"
    + row(1, "He", "(1-person-giv:act-cf1-1-ana)")
    + row(2, "left")
    + "\n"
    + HEAD.format("GUM_b")
    + row(1, "Ann", "(9-person-new-cf1-1-sgl)")
    + "\n"
)
FOUND = [
    [("The mayor of New York", "person"), ("New York", "place"), ("didn't", "abstract"), ("He", "person")],
    [("Ann", "person")],
]


def test_brackets_nest_and_close_by_their_ids(tmp_path):
    name, (first, second) = read_all(tmp_path, "GUM_a.conllu", GUM)
    assert name == "corefud"
    assert first.text == "The mayor of New York didn't wait. He left"
    assert (first.sent_starts, first.meta["id"], second.meta["id"]) == ([0, 8], "GUM_a", "GUM_b")
    assert [surfaces(first), surfaces(second)] == FOUND
    _, docs = converted(tmp_path, "a.conllu", GUM, spans="sc")
    assert [{(s.text, s.label_) for s in doc.spans["sc"]} for doc in docs] == [set(each) for each in FOUND]
    _, docs = converted(tmp_path, "a.conllu", GUM)
    assert entities(docs)[0] == [pair for pair in FOUND[0] if pair[1] != "place"]


def test_sentences_are_documents_where_the_file_marks_none(tmp_path):
    content = GUM.replace("# newdoc id = GUM_a\n", "").replace("# newdoc id = GUM_b\n", "")
    _, records = read_all(tmp_path, "a.conllu", content)
    assert [surfaces(record) for record in records] == [FOUND[0][:3], FOUND[0][3:], FOUND[1]]


def test_mentions_without_types_and_in_parts_are_told(tmp_path):
    content = GUM.replace("(9-person-new", "(9--new").replace(
        "(1-person-giv:act-cf1-1-ana)", "(1[1/2]-person)"
    )
    report, docs = converted(tmp_path, "a.conllu", content)
    assert entities(docs)[1] == []
    assert {
        "1 mentions without a type left out",
        "1 parts of mentions with gaps made spans of their own",
    } <= set(issue_texts(report))


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("2)1)", "2)7)", r"a.conllu:9: word: '7\)' closes a mention that is not open"),
        ("2)1)", "2)", r"a.conllu:\d+: word: the mention '1' is never closed"),
        ("2)1)", "2)1)x", r"a.conllu:9: word: the brackets '2\)1\)x'"),
        ("1\tHe\tx", "1\t \tx", r"a.conllu:18: word: .*10 columns"),
    ],
)
def test_brackets_that_do_not_pair_are_one_line(tmp_path, old, new, error):
    with pytest.raises(InputError, match=error):
        read_all(tmp_path, "a.conllu", GUM.replace(old, new))

"""Broken column, markup, standoff and XML files: each gives one clear line and says what to do."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudner.corpus.contract import ReadOptions
from cloudner.corpus.files.sources import open_sources
from cloudner.corpus.formats.registry import formats
from cloudner.errors import InputError
from corpus.reading import put
from corpus.samples.text import SAMPLES

CONLLU_ROW = "1\tAnn\t_\tX\t_\t_\t0\t_\t_\tNE=B-PER\n"
WEBANNO_HEAD = "#FORMAT=WebAnno TSV 3.2\n#T_SP=x.NamedEntity|value\n\n\n#Text=Ann left\n"
OPEN, CLOSE = "<START:person>", "<END>"
BOMB = (
    '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">'
    "<!ENTITY c '&b;&b;&b;&b;'>]><corpus><p>&c; <PER>Ann</PER></p></corpus>"
)

# what is wrong: format, content, line (None: the file as a whole), words of the message
BROKEN = {
    "a row without its tag": ("conll", "Ann\tB-PER\nleft\tO\nOslo\n.\tO\n", 3, "1 column in 'Oslo'"),
    "a row with too many cells": (
        "conll",
        "Ann\tB-PER\nleft\tO\n\nOslo\ttown\tB-LOC\n.\tO\nA\tO\n",
        4,
        "3 columns",
    ),
    "plain text": ("conll", "This is a text.\nIt has no tags at all.\n", 1, "no column"),
    "nothing but blank lines and markers": ("conll", "\n\n-DOCSTART-\tO\n\n", None, "no token in the file"),
    "a column that is not there": ("conll", "Ann B-PER\nleft O\n", None, "no column 7"),
    "quotes that never close": ("conll", 'Ann,B-PER\nleft,O\n"Oslo,B-LOC\n.,O\n', 3, "Oslo"),
    "a short CoNLL-U row": ("conllu", CONLLU_ROW + "2\tleft\n", 2, "2 columns beginning '2'"),
    "CoNLL-U parted by spaces": (
        "conllu",
        CONLLU_ROW + CONLLU_ROW.replace("\t", " "),
        2,
        "1 columns beginning",
    ),
    "CoNLL-U without entities": ("conllu", CONLLU_ROW.replace("NE=B-PER", "_"), 1, "no entity tag"),
    "a CoNLL-2012 bracket that closes nothing": (
        "conll2012",
        "Ann (PERSON)\nleft *\n\nOslo *)\n. *\n",
        4,
        "'*)' closes no entity",
    ),
    "a CoNLL-2012 bracket left open": (
        "conll2012",
        "Ann (PERSON*\nleft *\n\nOslo (GPE)\n",
        1,
        "(PERSON* is never closed",
    ),
    "a CoNLL-2012 row too short": ("conll2012", "Ann (PERSON)\nleft *\nOslo\n", 3, "1 columns in 'Oslo'"),
    "no brackets at all": ("conll2012", "Ann B-PER\nleft O\n", 1, "no column of entity brackets"),
    "a GermEval row of three": ("germeval2014", "1\tAnn\tB-PER\tO\n2\tleft\tO\n", 2, "3 columns"),
    "WebAnno 2": ("webanno", "# webanno.custom.X\n1-1\tAnn\tB-PER\n", 1, "the file begins"),
    "WebAnno without an entity layer": (
        "webanno",
        "#FORMAT=WebAnno TSV 3.2\n#T_SP=x.type.pos.POS|PosValue\n\n\n#Text=Ann\n1-1\t0-3\tAnn\tNNP\t\n",
        1,
        "no layer of named entities among x.type.pos.POS",
    ),
    "WebAnno offsets that do not fit": (
        "webanno",
        WEBANNO_HEAD + "1-1\t0-9\tAnn\tPER\t\n",
        6,
        "the offsets 0-9 of 'Ann'",
    ),
    "WebAnno offsets that go back": (
        "webanno",
        WEBANNO_HEAD + "1-1\t0-3\tAnn\tPER\t\n1-2\t1-5\tleft\t_\t\n",
        7,
        "the offsets 1-5",
    ),
    "a WebAnno row that is none": ("webanno", WEBANNO_HEAD + "Ann\tPER\n", 6, "'Ann\\tPER'"),
    "markup without a label": (
        "markup",
        "[Ann](PER) left\n[Oslo](LOC waits\n",
        2,
        "']\\(LOC ' closes no bracket",
    ),
    "markup that nests": ("markup", "[Bank of [England](LOC)](ORG)\n", 1, "closes no bracket"),
    "markup around nothing": ("markup", "[Ann](PER)\nto [](LOC)\n", 2, "closes no bracket"),
    "a name left open": ("opennlp", f"{OPEN} Ann left .\n", 1, "<START:person> without <END>"),
    "a name closed twice": (
        "opennlp",
        f"Bob .\n{OPEN} Ann {CLOSE} {CLOSE} left .\n",
        2,
        "<END> without <START>",
    ),
    "a name within a name": ("opennlp", f"{OPEN} Ann {OPEN} Lee {CLOSE} {CLOSE}\n", 1, "within another name"),
    "an element left open": ("inline-xml", "<PER>Ann</PER> left.\nTo <LOC>Oslo.\n", 2, "<LOC> is not closed"),
    "elements that cross": ("inline-xml", "x <PER>Ann <LOC>Lee</PER></LOC>\n", 1, "</PER> closes <LOC>"),
    "a document that is not well-formed": (
        "inline-xml",
        "<?xml version='1.0'?>\n<corpus>\n<p><PER>Ann</PER> & Bob</p>\n</corpus>\n",
        3,
        "not well-formed XML",
    ),
    "an entity bomb": ("inline-xml", BOMB, 1, "declares entities"),
    "an entity bomb in GATE": ("gate", BOMB.replace("corpus", "GateDocument"), 1, "declares entities"),
    "a GATE node that is not there": (
        "gate",
        '<GateDocument><TextWithNodes><Node id="0"/>Ann<Node id="3"/></TextWithNodes>\n'
        '<AnnotationSet><Annotation Type="Person" StartNode="0" EndNode="99"/></AnnotationSet></GateDocument>',
        2,
        "to node '99'",
    ),
    "a GATE document without text": ("gate", "<GateDocument></GateDocument>", None, "no <TextWithNodes>"),
    "i2b2 offsets that are words": (
        "i2b2",
        '<r>\n<TEXT>Ann</TEXT>\n<TAGS>\n<NAME start="one" end="3" TYPE="X"/></TAGS></r>',
        4,
        "<NAME start='one' end='3'>",
    ),
    "i2b2 cut off": ("i2b2", "<r><TEXT>Ann</TEXT><TAGS>", 1, "not well-formed XML"),
    "an annotation before its article": (
        "pubtator",
        "9\t0\t3\tAnn\tPER\n9|t|Ann\n",
        1,
        "an annotation of '9'",
    ),
    "an annotation of another article": (
        "pubtator",
        "9|t|Ann\n9|a|\n8\t0\t3\tAnn\tPER\n",
        3,
        "an annotation of '8'",
    ),
    "PubTator offsets that are negative": ("pubtator", "9|t|Ann\n9\t-1\t3\tAnn\tPER\n", 2, "-1"),
    "no article": ("pubtator", "\n\n", None, "no article"),
    "YAML with a tab": ("rasa", "nlu:\n- intent: a\n\texamples: |\n", 3, "not YAML"),
    "YAML of something else": ("rasa", "rules:\n- rule: x\n", 1, "no list `nlu:`"),
    "YAML that builds objects": ("rasa", "nlu: !!python/object/apply:os.system ['true']\n", 1, "not YAML"),
    "an example without a hyphen": ("rasa", "nlu:\n- intent: a\n  examples: |\n    hello\n", None, "'hello'"),
    "an entity that is no JSON": (
        "rasa",
        'nlu:\n- intent: a\n  examples: |\n    - to [Oslo]{"entity" "city"}\n',
        4,
        '{"entity" "city"}',
    ),
}
BRAT = {
    "a span that ends before it starts": ("T1\tPER 3 0\tAnn\n", 1, "the offsets 3 0"),
    "a negative span": ("T1\tPER 0 3\tAnn\nT2\tPER -4 2\tAnn\n", 2, "the offsets -4 2"),
    "a line that is no annotation": ("T1\tPER 0 3\tAnn\nhello world\n", 2, "'hello world'"),
    "offsets that are words": ("T1\tPER zero three\tAnn\n", 1, "zero three"),
}


def message_of(fmt, path, **options):
    (source,) = open_sources(path)
    with pytest.raises(InputError) as caught:
        list(fmt.read(source, ReadOptions(**options)))
    message = str(caught.value)
    assert "\n" not in message
    assert caught.value.expected or caught.value.fix
    return message


@pytest.mark.parametrize("what", BROKEN)
def test_one_clear_line(tmp_path, what):
    name, content, line, words = BROKEN[what]
    path = put(tmp_path, "broken.txt", content)
    options = {"tag_column": 7} if "no column 7" in words else {}
    message = message_of(formats()[name], path, **options)
    where = f"{path}:" if line is None else f"{path}:{line}: "
    if "no column 7" not in words:
        assert message.startswith(where), message
    assert words.replace("\\(", "(") in message


@pytest.mark.parametrize("what", BRAT)
def test_brat(tmp_path, what):
    content, line, words = BRAT[what]
    put(tmp_path, "a.txt", "Ann left Oslo.")
    path = put(tmp_path, "a.ann", content)
    message = message_of(formats()["brat"], path)
    assert message.startswith(f"{path}:{line}: ")
    assert words in message


def test_brat_without_its_other_half(tmp_path):
    path = put(tmp_path, "a.ann", "T1\tPER 0 3\tAnn\n")
    assert "there is no .txt file beside it" in message_of(formats()["brat"], path)
    path = put(tmp_path, "b.txt", "Ann left.")
    assert "there is no .ann file beside it" in message_of(formats()["brat"], path)


def test_there_are_enough_of_them():
    assert len(BROKEN) + len(BRAT) >= 20


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_damaged_files_give_records_or_one_clear_line(tmp_path_factory, data):
    name = data.draw(st.sampled_from(sorted(SAMPLES)))
    file, content, _ = SAMPLES[name]
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content)))
        length = data.draw(st.integers(0, 12))
        junk = data.draw(
            st.sampled_from(["", "\t", "\n", " ", "<", "]", "\\", "-", "9", "(", "*", "&", "|t|", "é😀"])
        )
        content = content[:at] + junk + content[at + length :]
    if not content:
        return
    path = put(tmp_path_factory.mktemp("damaged"), file, content)
    (source,) = open_sources(path)
    records, message = [], ""
    try:
        records = list(formats()[name].read(source, ReadOptions()))
    except InputError as error:
        message = str(error)
    assert not message or (message.startswith(str(path)) and "\n" not in message)
    for record in records:
        if record.tokens is None:
            assert record.text is not None
        else:
            assert record.tags is None or len(record.tags) == len(record.tokens)
            assert record.spaces is None or len(record.spaces) == len(record.tokens)
            assert all(record.tokens)
        assert all(0 <= span.start <= span.end for span in record.spans)

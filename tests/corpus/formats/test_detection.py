"""One sample of every format among all formats: the right one wins, whatever the file is called."""

import json
from collections.abc import Mapping

import pytest
from spacy.tokens import DocBin

from cloudner.corpus.convert.convert import convert
from cloudner.corpus.files.sources import open_sources
from cloudner.corpus.formats.detect import not_asked, rank
from cloudner.corpus.formats.registry import formats
from cloudner.errors import InputError
from corpus.reading import detected, put, read_all
from corpus.samples.every import CASES
from corpus.samples.text import BRAT_ANN, BRAT_TXT, SAMPLES, VARIANTS
from corpus.samples.tools import TOOL_SAMPLES
from corpus.samples.words import lines

TEXTS = [(name, file, content) for name, (file, content, _) in SAMPLES.items()]
TEXTS += [(name, file, content) for name, file, content, _ in VARIANTS]
SPACY_IOB = "Ann|NNP|B-PER left|VBD|O Oslo|NNP|B-LOC .|.|O\nBye|UH|O .|.|O\n"
PEOPLES_DAILY = "在/p [中国/ns 政府/n]nt 的/u 北京/ns ，/w 江/nr 泽民/nr\n同胞/n 们/k ：/w\n"
LAC = "玛丽/PER 1867年/TIME 在/p 华沙/LOC 出生/v 。/w\n"


def _first_file(fmt):
    """Name and content of the file of a format's example, of several the one that is read first."""
    several = isinstance(fmt.example, Mapping)
    return next(iter(fmt.example.items())) if several else (f"a{fmt.extensions[0]}", fmt.example)


EVERY = (
    TEXTS
    + list(CASES.values())
    + list(TOOL_SAMPLES.values())
    + [
        ("brat", "a.ann", BRAT_ANN),
        ("spacy-iob", "a.iob", SPACY_IOB),
        ("peoples-daily", "199801.txt", PEOPLES_DAILY),
        ("peoples-daily", "lac.txt", LAC),
        *(
            (name, *_first_file(formats()[name]))
            for name in (
                "ace",
                "i2b2-concepts",
                "chemdner",
                "tags-beside",
                "bsnlp",
                "factrueval",
                "cnec",
                "bc2gm",
                "ccl",
                "corefud",
                "xml-standoff",
                "folia",
                "knowtator",
                "nkjp",
                "diakg",
                "estner",
                "imcs",
                "re3d",
                "share-clef",
                "span-files",
            )
        ),
    ]
)


# formats whose samples are folders or binary files, each detected in its own tests; and other ways to write
ELSEWHERE = {"spacy", "arrow", "parquet", "azure", "comprehend", "tagtog", "conll-biluo"}


@pytest.mark.parametrize(("name", "file", "content"), EVERY, ids=[f"{e[0]}-{i}" for i, e in enumerate(EVERY)])
def test_the_right_format_wins(tmp_path, name, file, content):
    for called in (file, "unnamed"):
        found = rank(next(open_sources(put(tmp_path, called, content))).sample())
        assert found[0].format.name == name, [(d.format.name, d.score, d.reason) for d in found]
        assert found[0].score >= 0.5
        assert found[0].reason
        if len(found) > 1:  # a tie would be decided by the alphabet
            assert found[1].score < found[0].score, [(d.format.name, d.score, d.reason) for d in found]


@pytest.mark.parametrize(("name", "file", "content"), EVERY, ids=[f"{e[0]}-{i}" for i, e in enumerate(EVERY)])
def test_no_format_is_passed_over_that_would_see_something(tmp_path, name, file, content):
    """Detection imports only formats whose sign is in the sample: the others say nothing of it anyway."""
    sample = next(open_sources(put(tmp_path, file, content))).sample()
    every = {fmt.name for fmt in formats().values() if (match := fmt.sniff(sample)) and match.score > 0}
    every -= not_asked(sample)  # formats of running text are not asked about tables and JSON
    assert {found.format.name for found in rank(sample)} == every


def test_no_text_format_claims_prose_code_or_pages(tmp_path):
    others = {
        "prose": "Ann Lee left Oslo in 1999.\nShe took a B-52 and (perhaps) a bus, see [1].\n\nThe end.\n"
        * 3,
        "python": "import os\n\ndef main(args):\n    print(args[0](x), '<b>')\n    return {'a': 1}\n",
        "page": "<html><body><p>Ann <b>Lee</b> left</p></body></html>\n",
        "numbers": "1 2 3\n4 5 6\n7 8 9\n",
        "log": "2024-01-01 10:00:00 INFO start\n2024-01-01 10:00:01 WARN stop\n",
        "readme": "# Title\n\nSee [the docs](https://example.org) and `code`.\n\n- one\n- two\n",
        "table": "a,b,c\n1,2,3\n4,5,6\n",
    }
    for what, text in others.items():
        found = rank(next(open_sources(put(tmp_path, "unnamed", text))).sample())
        assert not found or found[0].score < 0.5, (what, found[0])


def test_every_format_has_a_sample():
    assert set(formats()) - {name for name, _, _ in EVERY} <= ELSEWHERE


def test_convert_reads_them_all_in_one_go(tmp_path):
    import spacy

    expected = [pair for sample in [*SAMPLES.values(), *(v[1:] for v in VARIANTS)] for pair in sample[2]]
    sources = [str(put(tmp_path, f"{i}/{file}", content)) for i, (_, file, content) in enumerate(TEXTS)]
    report = convert(sources, str(tmp_path / "out.spacy"), lang="xx")
    assert [detected[1] for detected in report.detected] == [name for name, _, _ in TEXTS]
    docs = DocBin().from_disk(tmp_path / "out.spacy").get_docs(spacy.blank("xx").vocab)
    found = [(ent.text, ent.label_) for doc in docs for ent in doc.ents]
    rest = iter(expected)
    assert all(pair in rest for pair in found)  # in this order, with nothing that is not expected
    # nested and stacked entities cannot stand in doc.ents: each is told
    dropped = sum(count for (_, action), count in report.issues.items() if action == "dropped")
    assert dropped == len(expected) - len(found) == 3


def test_one_command_converts_a_folder_of_all_of_them(fresh, tmp_path):
    folder = tmp_path / "in"
    kept = [(name, file, content) for name, file, content in TEXTS if not file.endswith(".md")]
    for index, (_, file, content) in enumerate(kept):
        put(folder, f"{index:02}-{file}", content)
    put(folder, "a.txt", BRAT_TXT)
    put(folder, "a.ann", BRAT_ANN)
    output = tmp_path / "all.spacy"
    done = fresh.run("-m", "spacy", "cloudner", "convert", folder, output, "--json")
    assert done.returncode == 0, done.stderr
    assert output.exists()
    text = done.stdout
    for name, file, _ in [*kept, ("brat", "a.ann", "")]:
        assert f"{file}" in text, file
        assert f'"{name}"' in text, name


def test_json_and_prose_are_no_columns(tmp_path):
    for content in ('{"sentence": "Bob is in Paris", "tags": "x O B-LOC"}\n', "I love Paris and Bob.\n"):
        with pytest.raises(InputError):
            detected(tmp_path, content)
    assert detected(tmp_path, "I love [Paris](LOC) and [Bob](PER).\n") == "markup"


def test_a_first_document_longer_than_the_sample(tmp_path):
    text = "word " * 60_000 + "Paris"
    item = {"text": text, "label": [[len(text) - 5, len(text), "LOC"]]}
    for content in (lines(item), json.dumps([item, item]), json.dumps(item, indent=1)):
        name, records = read_all(tmp_path, "a.json", content)
        assert name == "doccano"
        assert records[0].spans[0].start == len(text) - 5


@pytest.mark.parametrize("title", ["Export of 2024\n", "Export of 2024,,\n", "Export of 2024\n\n"])
def test_a_title_above_a_table_is_pointed_at(tmp_path, title):
    path = put(
        tmp_path, "a.csv", title + 'id,text,entities\n1,Ada slept,"[[0, 3, ""PER""]]"\n2,Bob ran,"[]"\n'
    )
    line = title.count("\n") + 1
    with pytest.raises(
        InputError, match=rf"'Export of 2024.*' is above the header of a table.*in line {line}"
    ):
        convert([path], tmp_path / "a.spacy")


@pytest.mark.parametrize("before", ["", "<!-- made by hand -->\n", '<!DOCTYPE corpus SYSTEM "tiger.dtd">\n'])
def test_xml_that_no_format_knows_is_told_by_its_root(tmp_path, before):
    word = '<t id="s1_{0}" word="{1}" lemma="Ada" pos="NE"/>'
    words = word.format(1, "Ada") + word.format(2, "Lovelace")
    content = f'<?xml version="1.0"?>\n{before}<treebank><body><s><graph><terminals>{words}</terminals></graph></s></body></treebank>\n'
    with pytest.raises(InputError, match="no format recognises this XML, whose root is <treebank>"):
        convert([put(tmp_path, "a.xml", content)], tmp_path / "a.spacy")

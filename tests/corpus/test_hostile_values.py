"""Values that no annotation tool means: one line of error, at once and in little memory."""

import json
import time

import pytest

from cloudner.corpus.align.tokenizer import make_tokenizer, tokenize
from cloudner.corpus.contract import Sample
from cloudner.corpus.convert.convert import convert
from cloudner.corpus.formats.registry import formats
from cloudner.errors import InputError
from corpus.converting import converted, entities
from corpus.reading import put

DIGITS = "9" * 5000
FAR = 3_000_000_000
REFUSED = {
    "half a pair in a text": ("a.jsonl", '{"text": "Al \\ud83d", "entities": [[0, 2, "P"]]}\n', 1, "surrogate"),
    "half a pair in a label": ("a.jsonl", '{"text": "Al", "entities": [[0, 2, "\\udc00"]]}\n', 1, "label"),
    "half a pair in a word": ("a.jsonl", '{"tokens": ["\\ud83d", "a"], "ner_tags": ["O", "O"]}\n', 1, "word"),
    "an end of 5,000 digits": ("a.csv", f'text,entities\nAl ran,"[[0, {DIGITS}, ""P""]]"\n', 2, "too many digits"),
    "a text of 5,000 digits": ("a.jsonl", f'{{"text": "Al ran", "entities": [[0, 2, "P"], ["0", "{DIGITS}", "P"]]}}\n', 1, "not a number"),
    "an infinite end": ("a.jsonl", '{"text": "Al", "entities": [[0, Infinity, "P"]]}\n', 1, "not a number"),
    "a label that is true": ("a.jsonl", '{"text": "Al", "entities": [[0, 2, true]]}\n', 1, "not a text"),
    "a label that is a list of objects": ("a.jsonl", '{"text": "Al", "entities": [[0, 2, [{}]]]}\n', 1, "no label"),
    "an offset behind any text": ("a.jsonl", f'{{"text": "Al", "entities": [[0, {FAR}, "P"]]}}\n', 1, "behind any text"),
    "a BigBio passage behind any text": (
        "a.jsonl",
        json.dumps({"id": "1", "passages": [{"text": ["Al"], "offsets": [[0, 2]]}, {"text": ["Jo"], "offsets": [[FAR // 2, FAR // 2 + 2]]}],
                    "entities": [{"type": "P", "text": ["Al"], "offsets": [[0, 2]]}]}) + "\n",
        1,
        "characters empty",
    ),
    "a BioC passage behind any text": (
        "a.xml",
        "<collection><source>s</source><document><id>1</id><passage><offset>0</offset><text>Al</text></passage>"
        f"<passage><offset>{FAR // 2}</offset><text>Jo</text></passage></document></collection>",
        1,
        "characters empty",
    ),
    "a WebAnno token behind any text": (
        "a.tsv",
        "#FORMAT=WebAnno TSV 3.3\n#T_SP=a.NamedEntity|value\n\n\n#Text=Al ran\n"
        f"1-1\t0-2\tAl\tPER\t\n1-2\t{FAR // 2}-{FAR // 2 + 3}\tran\t_\t\n",
        7,
        "characters empty",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_one_line_at_once(tmp_path, case):
    name, content, line, found = REFUSED[case]
    with pytest.raises(InputError, match=found) as error:
        convert(str(put(tmp_path, name, content)), str(tmp_path / "out.spacy"))
    assert error.value.line == line
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 1000


def test_a_whole_pair_is_one_character(tmp_path):
    _, docs = converted(tmp_path, "a.jsonl", '{"text": "Al \\ud83d\\ude00", "entities": [[0, 2, "P"]]}\n')
    assert docs[0].text == "Al \U0001f600"


def test_a_label_that_is_not_a_number_is_no_label(tmp_path):
    report, docs = converted(
        tmp_path, "a.jsonl", '{"text": "Al ran", "entities": [[0, 2, NaN], [3, 6, "X"]]}\n'
    )
    assert entities(docs) == [[("ran", "X")]]
    assert report.issues["unknown-tag", "dropped"] == 1


UNITS = [
    "[",
    "$",
    "_",
    "'",
    "[]",
    "\U0001f600",
    "\\",
    "{",
    "<",
    "<a ",
    "]](",
    "a=",
    "<?x?>",
    '"',
    " ",
    "1",
    "a:",
    "(",
    "/",
    "\t",
    "[a](B)",
    "(a)",
]


@pytest.mark.parametrize("unit", UNITS)
def test_time_does_not_explode_with_a_run(unit):
    """Looking at a run, and tokenizing it: eight times as long takes less than twenty times as long, or than two seconds."""
    _, tokenizer = make_tokenizer("en")

    def seconds(size):
        run = unit * (size // len(unit))
        sample = Sample("a.txt", run.encode(), run, run.split("\n"), False)
        began = time.process_time()
        for fmt in formats().values():
            fmt.sniff(sample)
        tokenize(tokenizer, run)
        return time.process_time() - began

    short, long = seconds(1500), seconds(12_000)
    assert long < max(20 * short, 2.0), (short, long)


@pytest.mark.parametrize(
    "run", ["[" * 700, "$" * 700, "_" * 700, "x (" + ")" * 500 + " y", "." * 500, "-" * 500]
)
def test_a_long_run_has_the_tokens_that_spacy_gives_it(run):
    _, tokenizer = make_tokenizer("en")
    assert [t.text_with_ws for t in tokenize(tokenizer, run)] == [t.text_with_ws for t in tokenizer(run)]


def test_python_does_not_warn_of_the_users_texts(tmp_path, recwarn):
    """A text with an escape that Python does not know; the warning would name `<unknown>` and, as an error, refuse the file."""
    row = r"{'text': 'Ada C:\d 1or 2', 'entities': [(0, 3, 'PER')]}"
    for name, content in (
        ("a.txt", f"{row}\n"),
        ("b.py", f"DATA = [{row}]\n"),
        ("c.csv", "text,entities\nAda ran,\"[(0, 3, 'P\\dR')]\"\n"),
    ):
        _, docs = converted(tmp_path, name, content)
        assert [len(doc.ents) for doc in docs] == [1]
    assert not [each for each in recwarn if each.filename == "<unknown>"]


def test_a_full_disk_below_the_temporary_files_is_one_line(tmp_path):
    """In a process of its own, whose files may have 1,000 bytes."""
    resource = pytest.importorskip("resource")
    import subprocess
    import sys

    rows = "".join(json.dumps({"text": f"Ada ran {n}", "entities": [[0, 3, "P"]]}) + "\n" for n in range(500))
    put(tmp_path, "a.jsonl", rows)
    code = (
        "import resource, signal, sys, cloudner\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "sys.dont_write_bytecode = True\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, (1000, {resource.getrlimit(resource.RLIMIT_FSIZE)[1]}))\n"
        "try:\n    cloudner.inspect_corpus(sys.argv[1])\n"
        "except cloudner.CloudnerError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.jsonl")], capture_output=True, text=True, check=False
    )
    assert "cannot be written" in done.stdout, done.stderr

import csv
import functools
import json
import random
import warnings

import fsspec
import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.language import DEFAULT_CONFIG
from spacy.tokens import Doc, DocBin
from spacy.training import Corpus as SpacyCorpus
from spacy.training.initialize import init_nlp
from spacy.training.loop import train
from spacy.util import load_config_from_str, registry

from cloudner.corpus.convert.convert import convert
from cloudner.corpus.training.reader import Corpus, create_reader, streams_for_training
from cloudner.corpus.training.shuffling import shuffled
from cloudner.errors import ConfigError, InputError

ROWS = [
    ("Ada Lovelace wrote to Charles Babbage in London.", [(0, 12, "PER"), (22, 37, "PER"), (41, 47, "LOC")]),
    ("Siemens builds trains in Krefeld.", [(0, 7, "ORG"), (25, 32, "LOC")]),
    ("Nothing to see here.", []),
    ("Marie Curie left Warsaw for Paris.", [(0, 11, "PER"), (17, 23, "LOC"), (28, 33, "LOC")]),
]


@pytest.fixture(scope="module")
def nlp():
    return spacy.blank("en")


@functools.cache
def sentence_splitter():
    made = spacy.blank("en")
    made.add_pipe("sentencizer")
    return made


def write_csv(path, rows=ROWS):
    with open(path, "w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["text", "entities"])
        for text, spans in rows:
            writer.writerow([text, json.dumps(spans)])
    return path


def write_spacy(path, rows=ROWS, sentences=False):
    blank = sentence_splitter()
    frame = DocBin(store_user_data=True)
    for number, (text, spans) in enumerate(rows):
        doc = blank(text) if sentences else blank.make_doc(text)
        doc.ents = [doc.char_span(a, b, label=label) for a, b, label in spans]
        doc.user_data["meta"] = {"number": number}
        frame.add(doc)
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.to_disk(path)
    return path


def seen(examples):
    return [
        (
            eg.predicted.text,
            [t.text for t in eg.predicted],
            eg.reference.to_json(),
            [t.ent_iob for t in eg.reference],
        )
        for eg in examples
    ]


def spans(examples):
    return [(eg.text, [(e.start_char, e.end_char, e.label_) for e in eg.reference.ents]) for eg in examples]


@pytest.mark.parametrize(
    "asked",
    [{}, {"limit": 2}, {"gold_preproc": True}, {"max_length": 6}, {"max_length": 9, "limit": 3}],
)
@pytest.mark.parametrize("sentences", [False, True])
def test_gives_what_spacys_own_reader_gives(nlp, tmp_path, asked, sentences):
    rows = [*ROWS, (ROWS[0][0] + " " + ROWS[1][0], ROWS[0][1])]
    path = write_spacy(tmp_path / "train.spacy", rows, sentences)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours = list(Corpus(path, **asked)(nlp))
    theirs = list(SpacyCorpus(path, **asked)(nlp))
    assert theirs
    assert seen(ours) == seen(theirs)
    assert [eg.reference.user_data.get("meta") for eg in ours] == [
        eg.reference.user_data.get("meta") for eg in theirs
    ]
    assert all(eg.reference.vocab is nlp.vocab for eg in ours)


def test_shards_are_read_in_the_order_of_their_names_and_limit_holds_over_them(nlp, tmp_path):
    for i in range(4):
        write_spacy(tmp_path / "train.spacy" / f"{i:05d}.spacy", ROWS[i : i + 1])
    (tmp_path / "train.spacy" / "train.csv").write_text("text,entities\nleft out,[]\n")
    folder = tmp_path / "train.spacy"
    assert seen(Corpus(folder)(nlp)) == seen(SpacyCorpus(folder)(nlp))
    assert len(list(Corpus(folder)(nlp))) == 4
    assert [eg.text for eg in Corpus(folder, limit=2)(nlp)] == [text for text, _ in ROWS[:2]]


@pytest.mark.parametrize("kind", ["csv", "jsonl", "conll", "parquet", "spacy"])
def test_any_format_gives_what_its_conversion_gives(nlp, tmp_path, kind):
    if kind == "parquet":
        pytest.importorskip("pyarrow")
    source = write_csv(tmp_path / "rows.csv")
    if kind != "csv":
        source = next(iter(convert(source, tmp_path / f"rows.{kind}").outputs))
    convert(source, tmp_path / "converted.spacy")
    direct = list(Corpus(source)(nlp))
    assert seen(direct) == seen(SpacyCorpus(tmp_path / "converted.spacy")(nlp))
    assert sum(len(eg.reference.ents) for eg in direct) == 8


def test_texts_are_split_by_the_pipelines_own_tokenizer(tmp_path):
    own = spacy.blank("en")
    own.tokenizer.add_special_case("Krefeld", [{"ORTH": "Kre"}, {"ORTH": "feld"}])
    examples = list(Corpus(write_csv(tmp_path / "rows.csv"))(own))
    assert [t.text for t in examples[1].reference][-3:] == ["Kre", "feld", "."]
    assert [t.text for t in examples[1].predicted] == [t.text for t in examples[1].reference]
    assert examples[1].get_aligned_ner()[-3:] == ["B-LOC", "L-LOC", "O"]


def test_reads_from_object_stores(nlp, tmp_path):
    store = fsspec.filesystem("memory")
    table = write_csv(tmp_path / "rows.csv")
    for i, rows in enumerate((ROWS[:2], ROWS[2:])):
        store.pipe(f"/reader/shards/{i:05d}.spacy", write_spacy(tmp_path / f"{i}.spacy", rows).read_bytes())
        store.pipe(f"/reader/{i}.csv", write_csv(tmp_path / f"{i}.csv", rows).read_bytes())
    store.pipe("/reader/one/rows.csv", table.read_bytes())
    wanted = spans(Corpus(table)(nlp))
    for url in (
        "memory://reader/one/rows.csv",
        "memory://reader/shards",
        "memory://reader/*.csv",
        "simplecache::memory://reader/one/rows.csv",
        ["memory://reader/0.csv", "memory://reader/1.csv"],
    ):
        assert spans(create_reader(url)(nlp)) == wanted, url


def test_labels_and_columns_are_passed_on(nlp, tmp_path):
    path = tmp_path / "odd.tsv"
    path.write_text('body\tmarks\nSiemens is here\t[[0, 7, "7"]]\n')
    made = create_reader(str(path), text_column="body", entities_column="marks", labels={"7": "ORG"})
    assert spans(made(nlp)) == [("Siemens is here", [(0, 7, "ORG")])]


def test_losses_are_told_once(nlp, tmp_path):
    path = write_csv(tmp_path / "rows.csv", [("Siemens is here", [(0, 3, "ORG"), (20, 30, "ORG")])])
    corpus = Corpus(path, align="strict")
    with pytest.warns(UserWarning, match=r"2 annotations are dropped or changed \(.*misaligned 1"):
        list(corpus(nlp))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        list(corpus(nlp))


def test_documents_left_out_for_their_length_are_told(nlp, tmp_path):
    path = write_spacy(tmp_path / "train.spacy")
    with pytest.warns(UserWarning, match="3 documents or sentences of max_length = 6"):
        assert len(list(Corpus(path, max_length=6)(nlp))) == 1
    with (
        pytest.warns(UserWarning, match="4 documents"),
        pytest.raises(InputError, match="not one document can be used"),
    ):
        list(Corpus(path, max_length=2)(nlp))


def test_bad_input_is_one_clear_error(nlp, tmp_path):
    broken = tmp_path / "broken.spacy"
    broken.write_bytes(write_spacy(tmp_path / "whole.spacy").read_bytes()[:200])
    for path in (broken, tmp_path / "missing.spacy"):
        with pytest.raises(InputError, match=path.name):
            list(Corpus(path)(nlp))
    with pytest.raises(ConfigError, match="no path"):
        create_reader(None)
    with pytest.raises(ConfigError, match="limit = -1"):
        create_reader("x", limit=-1)
    with pytest.raises(ConfigError, match="nothing-such"):
        create_reader("x", format="nothing-such")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 120), st.integers(1, 40), st.integers(0, 2**32))
def test_the_buffer_is_bounded_and_loses_nothing(count, size, seed):
    taken = 0

    def items():
        nonlocal taken
        for i in range(count):
            taken += 1
            yield i

    out = []
    for item in shuffled(items(), size, random.Random(seed)):
        out.append(item)
        # Taken and not yet given: what is held, and the one in hand.
        assert taken - len(out) <= size
        assert item <= len(out) - 1 + size
    assert sorted(out) == list(range(count))


def test_the_buffer_mixes():
    out = list(shuffled(range(1000), 100, random.Random(0)))
    assert out != sorted(out)
    assert min(out[-100:]) < 900 <= max(out[-100:])


CONFIG = """
[paths]
train = null
dev = null
[nlp]
lang = "en"
pipeline = ["ner"]
[components]
[components.ner]
factory = "ner"
[components.ner.model]
@architectures = "spacy.TransitionBasedParser.v2"
state_type = "ner"
extra_state_tokens = false
hidden_width = 16
maxout_pieces = 1
[components.ner.model.tok2vec]
@architectures = "spacy.HashEmbedCNN.v2"
pretrained_vectors = null
width = 16
depth = 1
embed_size = 200
window_size = 1
maxout_pieces = 2
subword_features = true
[corpora]
[corpora.train]
@readers = "cloudner.Corpus.v1"
path = ${paths.train}
shuffle_buffer = 3
[corpora.dev]
@readers = "cloudner.Corpus.v1"
path = ${paths.dev}
[training]
max_epochs = 12
max_steps = 60
eval_frequency = 20
[training.logger]
@loggers = "spacy.ConsoleLogger.v1"
progress_bar = false
[training.optimizer]
@optimizers = "Adam.v1"
learn_rate = 0.01
[training.batcher]
@batchers = "spacy.batch_by_sequence.v1"
size = 2
"""


def trained(train_path, dev_path, max_epochs):
    overrides = {
        "paths.train": str(train_path),
        "paths.dev": str(dev_path),
        "training.max_epochs": max_epochs,
    }
    config = DEFAULT_CONFIG.merge(load_config_from_str(CONFIG, overrides=overrides)).interpolate()
    with open("/dev/null", "w") as quiet:
        made = init_nlp(config)
        train(made, stdout=quiet, stderr=quiet)
    return made


@pytest.mark.parametrize(
    ("kind", "max_epochs"), [("spacy", 12), ("csv", 12), ("csv", -1), ("shards", 12), ("shards", -1)]
)
def test_spacy_trains_on_it(tmp_path, kind, max_epochs):
    if kind == "shards":
        path = tmp_path / "train.spacy"
        for i in range(4):
            write_spacy(path / f"{i:05d}.spacy", ROWS[i : i + 1])
    else:
        path = {"spacy": write_spacy, "csv": write_csv}[kind](tmp_path / f"train.{kind}")
    dev = write_csv(tmp_path / "dev.csv")
    nlp = trained(path, dev, max_epochs)
    assert set(nlp.get_pipe("ner").labels) == {"PER", "LOC", "ORG"}
    assert nlp.evaluate(list(Corpus(path)(nlp)))["ents_f"] > 0.8  # it fits four sentences
    assert streams_for_training(nlp, str(path)) == (max_epochs == -1)
    assert not streams_for_training(nlp, str(dev))
    order = [[eg.text for eg in Corpus(path, shuffle_buffer=3)(nlp)] for _ in range(12)]
    assert (len({tuple(texts) for texts in order}) > 1) == (max_epochs == -1)
    assert all(sorted(texts) == sorted(text for text, _ in ROWS) for texts in order)


def test_the_reader_is_found_by_its_name_and_checks_its_arguments(tmp_path):
    assert registry.readers.get("cloudner.Corpus.v1") is create_reader
    good = {"c": {"@readers": "cloudner.Corpus.v1", "path": "s3://bucket/a/*.csv"}}
    assert registry.resolve(good)["c"].path == "s3://bucket/a/*.csv"
    bad = {"c": {"@readers": "cloudner.Corpus.v1", "path": "x", "max_length": "many"}}
    with pytest.raises(Exception, match="max_length"):
        registry.resolve(bad)
    odd = {"c": {"@readers": "cloudner.Corpus.v1", "path": "x", "align": "sometimes"}}
    with pytest.raises(Exception, match="align"):
        registry.resolve(odd)


def test_references_do_not_outlive_their_examples(nlp, tmp_path):
    import gc
    import weakref

    path = write_spacy(tmp_path / "train.spacy")
    references: list[weakref.ref[Doc]] = []
    for example in Corpus(path)(nlp):
        references.append(weakref.ref(example.reference))
    del example
    gc.collect()
    assert [ref() for ref in references] == [None] * len(ROWS)

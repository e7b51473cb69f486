"""The sizes of an encoder, from its config.json or from the table of known names."""

import json

import pytest

from cloudner.encoders.folders import DEFAULT_ENCODER
from cloudner.encoders.shape import EncoderShape, known_encoders
from cloudner.errors import ConfigError


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


def test_the_embedded_encoder():
    shape = EncoderShape.from_name(DEFAULT_ENCODER)
    assert (shape.hidden, shape.layers, shape.heads) == (384, 6, 12)


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


def test_an_unknown_name_is_one_clear_error():
    with pytest.raises(ConfigError, match="not known here"):
        EncoderShape.from_name("no/such-model")


def test_bad_folders(tmp_path):
    with pytest.raises(ConfigError, match=r"no config\.json"):
        EncoderShape.from_name(str(tmp_path))
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ConfigError, match="cannot be read"):
        EncoderShape.from_name(str(tmp_path))
    (tmp_path / "config.json").write_text('{"model_type": "bert", "hidden_size": 3}')
    with pytest.raises(ConfigError, match="num_hidden_layers"):
        EncoderShape.from_name(str(tmp_path))

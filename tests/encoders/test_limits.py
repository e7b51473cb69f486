"""The longest input of an encoder is what its own code can read."""

from __future__ import annotations

import json

import pytest

from cloudner.corpus.inspection.pieces import PieceCounter
from cloudner.encoders.limits import longest_input, window_for
from cloudner.encoders.shape import EncoderShape
from cloudner.model.network.encoder import load_tokenizer

SMALL = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "vocab_size": 50,
}
OF_ITS_OWN = {
    "distilbert": {"dim": 16, "n_layers": 1, "n_heads": 2, "hidden_dim": 16},
    "esm": {"pad_token_id": 1},
    "longformer": {"attention_window": 4},
    "modernbert": {
        "pad_token_id": 0,
        "cls_token_id": 1,
        "sep_token_id": 2,
        "bos_token_id": 1,
        "eos_token_id": 2,
    },
    "xmod": {"languages": ["en_XX"], "default_language": "en_XX"},
}
# The table has 40 rows; where it starts after the padding index, two (markuplm: one) of them are no places.
FAMILIES = {
    "albert": 40, "bert": 40, "big_bird": 40, "camembert": 38, "data2vec-text": 38, "deberta-v2": 40, "distilbert": 40,
    "electra": 40, "esm": 38, "ibert": 38, "longformer": 38, "luke": 38, "markuplm": 39, "megatron-bert": 40, "mpnet": 38,
    "nystromformer": 40, "roberta": 38, "roberta-prelayernorm": 38, "roformer": 40, "xlm-roberta": 38, "xlm-roberta-xl": 38,
    "xmod": 38,
}  # fmt: skip


def config_of(family: str, positions: int = 40):
    from transformers import AutoConfig

    own = {**SMALL, "max_position_embeddings": positions, **OF_ITS_OWN.get(family, {})}
    return AutoConfig.for_model(family, **own)


@pytest.mark.parametrize(("family", "longest"), FAMILIES.items())
def test_an_encoder_reads_so_much_and_no_more(family, longest):
    import torch
    from transformers import AutoModel

    config = config_of(family)
    assert longest_input(config) == longest
    model = AutoModel.from_config(config).eval()
    with torch.no_grad():
        model(torch.full((1, longest), 7))
        with pytest.raises((IndexError, RuntimeError)):
            model(torch.full((1, longest + 1), 7))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_config_json_says_the_same(family):
    assert longest_input(json.loads(config_of(family).to_json_string())) == FAMILIES[family]


@pytest.mark.parametrize(
    ("family", "positions", "longest"),
    [
        ("xlm-roberta-xl", 514, 512),
        ("data2vec-text", 514, 512),
        ("xmod", 514, 512),
        ("esm", 1026, 1024),
        ("longformer", 4098, 4096),
        ("roberta", 130, 128),
        ("roberta", 512, 510),
        ("roberta", 514, 512),
        ("modernbert", 8192, 8192),
    ],
)
def test_one_value_in_training_planning_and_inspection(family, positions, longest, bert, tmp_path):
    """Each of these was two values once."""
    config = config_of(family, positions)
    config.save_pretrained(tmp_path)
    for path in bert.glob("*token*.json"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    assert load_tokenizer(str(tmp_path)).max_length == longest
    assert EncoderShape.from_name(str(tmp_path)).max_length == longest
    assert PieceCounter(tmp_path / "tokenizer.json").limit == longest


def test_without_a_table_of_positions():
    assert longest_input({"model_type": "xlnet"}) == 512
    assert longest_input({"model_type": "t5", "max_position_embeddings": -1}) == 512


def test_windows():
    assert window_for(8192) == 512
    assert window_for(8192, 1024) == 1024
    assert window_for(128) == 128
    assert window_for(128, 1024) == 128
    assert window_for(None, 1024) == 1024

"""Dropout: rates are what the settings say, pooled masks are as good as drawn ones."""

import pytest
import torch

import tiny
from cloudner.errors import ConfigError
from cloudner.model.cpu import dropout
from cloudner.model.cpu.dropout import PooledDropout


def encoder_of(nlp):
    return nlp.get_pipe("cloudner").model.shims[0].network.encoder


def test_a_pooled_mask_drops_its_rate_and_keeps_the_mean():
    torch.manual_seed(1)
    layer = PooledDropout(0.25).train()
    out = torch.stack([layer(torch.ones(64, 512)) for _ in range(20)])
    assert out.unique().tolist() == pytest.approx([0.0, 1 / 0.75])
    assert float((out == 0).float().mean()) == pytest.approx(0.25, abs=0.005)
    # each unit over time too: no place is always dropped
    assert float((out == 0).all(0).float().mean()) == 0.0
    assert not torch.equal(out[0], out[1])


def test_a_seed_gives_the_same_masks_and_the_gradient_has_the_mask():
    layer = PooledDropout(0.5).train()
    x = torch.ones(10, 10, requires_grad=True)
    torch.manual_seed(3)
    first = layer(x)
    torch.manual_seed(3)
    second = layer(x)
    torch.testing.assert_close(first, second)
    (gradient,) = torch.autograd.grad(first.sum(), x)
    torch.testing.assert_close(gradient, first.detach())
    assert layer(x.to(torch.bfloat16)).dtype == torch.bfloat16


def test_what_the_pool_cannot_serve_goes_to_torch(monkeypatch):
    monkeypatch.setattr(dropout, "POOL", 100)
    out = PooledDropout(0.5).train()(torch.ones(1000))
    assert set(out.unique().tolist()) == {0.0, 2.0}
    x = torch.randn(7)
    assert PooledDropout(0.5).eval()(x) is x or torch.equal(PooledDropout(0.5).eval()(x), x)
    assert torch.equal(PooledDropout(0.0).train()(x), x)


@pytest.mark.parametrize("family", ["bert", "distilbert", "modernbert", "deberta"])
def test_attention_dropout_is_a_rate_of_its_own(family, encoder_folder):
    if family not in tiny.FAMILIES:
        family = next(name for name in tiny.FAMILIES if name.startswith(family))
    nlp = tiny.make_nlp(encoder_folder(family), dropout=0.2, attention_dropout=0.0)
    rates = {n: v for n, v in encoder_of(nlp).config.to_dict().items() if "dropout" in n}
    attention = {n: v for n, v in rates.items() if "attention" in n}
    assert attention
    assert set(attention.values()) == {0.0}
    others = {v for n, v in rates.items() if n not in attention and isinstance(v, float)}
    assert others == {0.2}
    again = tiny.make_nlp(encoder_folder(family), dropout=0.2, attention_dropout=0.0)
    again.from_bytes(nlp.to_bytes())
    assert {n: v for n, v in encoder_of(again).config.to_dict().items() if "dropout" in n} == rates


def test_a_rate_of_one_is_refused(bert):
    with pytest.raises(ConfigError, match="attention_dropout"):
        tiny.make_nlp(bert, attention_dropout=1.0)

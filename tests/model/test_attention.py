"""Attention by two matrix products gives what torch's gives."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

import tiny
from cloudner.model.network import attention
from cloudner.model.network.attention import ShortAttention, attend


def inputs(length: int, dtype=torch.bfloat16):
    generator = torch.Generator().manual_seed(length)
    return [torch.randn(3, 4, length, 16, generator=generator).to(dtype).requires_grad_() for _ in range(3)]


def masks(length: int) -> dict[str, torch.Tensor | None]:
    keep = torch.arange(length) < torch.tensor([length, max(1, length // 2), 1])[:, None]
    added = torch.zeros(3, 1, 1, length).masked_fill(~keep[:, None, None], torch.finfo(torch.float32).min)
    return {"none": None, "bool": keep[:, None, None], "added": added.expand(3, 1, length, length)}


@pytest.mark.parametrize("mask", ["none", "bool", "added"])
@pytest.mark.parametrize("length", [1, 7, 64])
@pytest.mark.parametrize("scale", [None, 0.1])
def test_equal_to_torch_in_values_and_gradients(length, mask, scale):
    given = masks(length)[mask]
    ours, exact = inputs(length), [t.detach().float().requires_grad_() for t in inputs(length)]
    out = attend(*ours, given, scale=scale)
    expected = scaled_dot_product_attention(*exact, attn_mask=given, scale=scale)
    assert out.dtype == torch.bfloat16
    torch.testing.assert_close(out.float(), expected, atol=0.03, rtol=0.03)
    weight = torch.randn(expected.shape, generator=torch.Generator().manual_seed(1))
    mine = torch.autograd.grad((out.float() * weight).sum(), ours)
    theirs = torch.autograd.grad((expected * weight).sum(), exact)
    for a, b in zip(mine, theirs, strict=True):
        torch.testing.assert_close(a.float(), b, atol=0.1, rtol=0.1)


def test_a_row_that_may_look_nowhere_is_finite():
    """As torch's kernel in fp32: its value would otherwise reach all pieces of the next layer."""
    out = attend(*inputs(5), torch.full((3, 1, 5, 5), torch.finfo(torch.float32).min))
    assert torch.isfinite(out).all()


def test_what_it_does_not_do_is_torchs():
    q, k, v = inputs(9, torch.float32)
    assert torch.equal(attend(q, k, v), scaled_dot_product_attention(q, k, v))
    q, k, v = inputs(9)
    causal = scaled_dot_product_attention(q, k, v, is_causal=True)
    assert torch.equal(attend(q, k, v, is_causal=True), causal)
    q, k, v = inputs(attention.LONGEST + 1)
    assert torch.equal(attend(q, k, v), scaled_dot_product_attention(q, k, v))


def test_types_that_differ_are_left_to_autocast():
    q, k, v = inputs(9)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(attend(q, k, v.float()), scaled_dot_product_attention(q, k, v.float()))


def test_dropout_drops_weights_and_keeps_the_mean():
    torch.manual_seed(0)
    q = torch.zeros(1, 1, 200, 8, dtype=torch.bfloat16)
    out = attend(q, q, torch.ones_like(q), dropout_p=0.5).float()
    assert out.std() > 0.02
    assert out.mean().item() == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert", "modernbert"])
def test_encoders_compute_the_same_with_it(family, encoder_folder):
    nlp = tiny.make_nlp(encoder_folder(family))
    encoder = nlp.get_pipe("cloudner").model.shims[0].network.encoder.eval().to(torch.bfloat16)
    ids = torch.randint(5, 100, (3, 12), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids)
    mask[1, 4:] = 0
    with torch.inference_mode():
        plain = encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        with ShortAttention() as mode:
            ours = encoder(input_ids=ids, attention_mask=mask).last_hidden_state
    assert mode.calls > 0
    real = mask.bool()
    torch.testing.assert_close(ours[real].float(), plain[real].float(), atol=0.1, rtol=0.1)

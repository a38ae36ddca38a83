"""Facts about training in bfloat16, and about attention with gradients."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from anima_infer.model.dit import attention
from anima_infer.training import precision
from tests.infer.tiny import source


def test_bfloat16_is_for_products_and_only_where_it_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.ones(1, 2, 4, 8)
    with precision.halved():
        assert torch.nn.Linear(8, 8)(x).dtype == torch.bfloat16
    for pays, kind in ((True, torch.bfloat16), (False, torch.float32)):
        monkeypatch.setattr(precision, "halves_pay", lambda pays=pays: pays)
        with precision.faster():
            assert torch.nn.Linear(8, 8)(x).dtype == kind
    assert torch.nn.Linear(8, 8)(x).dtype == torch.float32


def test_attention_that_learns_is_attention() -> None:
    q, k, v = (torch.randn(2, 3, 5, 8, generator=source(seed), requires_grad=True) for seed in range(3))
    hides = torch.rand(2, 1, 5, 5, generator=source(3)) > 0.4
    hides[..., 0] = True
    bias = torch.zeros(2, 1, 1, 5)
    bias[1, ..., 3:] = -torch.inf
    bias[0, ..., -1] = 4.0
    for mask in (None, hides, bias):
        found = []
        for function in (attention, F.scaled_dot_product_attention):
            made = function(q, k, v, mask)
            found.append([made, *torch.autograd.grad(made.square().sum(), (q, k, v))])
        for ours, theirs in zip(*found, strict=True):
            torch.testing.assert_close(ours, theirs)
    nothing = attention(q, k, v, torch.zeros_like(hides))
    for gradient in torch.autograd.grad(torch.where(hides.any(), 0.0, nothing).sum(), (q, k, v)):
        assert torch.isfinite(gradient).all(), "a row that sees nothing does no harm"
    with torch.autocast("cpu", torch.bfloat16):
        assert attention(q.bfloat16(), k, v).dtype == torch.float32


def test_only_plain_attention_is_taken_over(monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.ones(1, 2, 4, 8)
    taken: list[int] = []
    monkeypatch.setattr(precision, "attention", lambda *_: taken.append(1))
    with precision.PlainAttention():
        F.scaled_dot_product_attention(x, x, x)
        F.scaled_dot_product_attention(x, x, x, attn_mask=None, dropout_p=0.0, scale=8**-0.5, is_causal=False)
        assert len(taken) == 2
        F.scaled_dot_product_attention(x, x, x, is_causal=True)
        F.scaled_dot_product_attention(x, x, x, scale=0.5)
        F.scaled_dot_product_attention(x, x, x, dropout_p=0.5)
        F.scaled_dot_product_attention(x, x[:, :1], x[:, :1], enable_gqa=True)
        assert torch.equal(torch.relu(x), x)
    assert len(taken) == 2

"""Facts about attention with gradients."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch.overrides import TorchFunctionMode

from anima_infer.model.inputs import Conditioning
from anima_infer.models import Models
from anima_infer.training import attention
from tests.infer.tiny import source


def test_attention_that_learns_is_attention() -> None:
    q, k, v = (torch.randn(2, 3, 5, 8, generator=source(seed), requires_grad=True) for seed in range(3))
    hides = torch.rand(2, 1, 5, 5, generator=source(3)) > 0.4
    hides[..., 0] = True
    bias = torch.zeros(2, 1, 1, 5)
    bias[1, ..., 3:] = -torch.inf
    bias[0, ..., -1] = 4.0
    for mask in (None, hides, bias):
        found = []
        for function in (attention.attend, F.scaled_dot_product_attention):
            made = function(q, k, v, mask)
            found.append([made, *torch.autograd.grad(made.square().sum(), (q, k, v))])
        for ours, theirs in zip(*found, strict=True):
            torch.testing.assert_close(ours, theirs)
    nothing = attention.attend(q, k, v, torch.zeros_like(hides))
    for gradient in torch.autograd.grad(torch.where(hides.any(), 0.0, nothing).sum(), (q, k, v)):
        assert torch.isfinite(gradient).all(), "a row that sees nothing does no harm"
    with torch.autocast("cpu", torch.bfloat16):
        assert attention.attend(q.bfloat16(), k, v).dtype == torch.float32


def test_only_plain_attention_is_taken_over(monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.ones(1, 2, 4, 8)
    taken: list[int] = []
    monkeypatch.setattr(attention, "attend", lambda *_: taken.append(1))
    with attention.AttendMode():
        F.scaled_dot_product_attention(x, x, x)
        F.scaled_dot_product_attention(x, x, x, attn_mask=None, dropout_p=0.0, scale=8**-0.5, is_causal=False)
        assert len(taken) == 2
        F.scaled_dot_product_attention(x, x, x, is_causal=True)
        F.scaled_dot_product_attention(x, x, x, scale=0.5)
        F.scaled_dot_product_attention(x, x, x, dropout_p=0.5)
        F.scaled_dot_product_attention(x, x[:, :1], x[:, :1], enable_gqa=True)
        assert torch.equal(torch.relu(x), x)
    assert len(taken) == 2


class AttentionCounter(TorchFunctionMode):
    """Notes every call of PyTorch's fused attention."""

    def __init__(self, calls: list[bool]) -> None:
        super().__init__()
        self.calls = calls

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is F.scaled_dot_product_attention:
            self.calls.append(True)
        return func(*args, **(kwargs or {}))


def test_a_network_is_told_to_use_it_and_computes_the_same(models: Models) -> None:
    dit, adapter = models.dit, models.encoder.adapter
    x, ids = torch.randn(1, 16, 8, 8, generator=source()), torch.tensor([[5, 6, 1]])
    hidden = torch.randn(1, 4, 32, generator=source(1))

    def velocity() -> torch.Tensor:
        prompt = Conditioning(adapter(hidden, ids), (3,))
        return dit(x, dit.compute_modulation(torch.tensor([0.5])), dit.compute_keys_values(prompt))

    plain = velocity().detach()
    calls: list[bool] = []
    for network in (dit, adapter):
        attention.set_attention(network.requires_grad_(), attention.attend)
    learned = velocity()
    torch.testing.assert_close(learned, plain, atol=1e-5, rtol=1e-4)
    with AttentionCounter(calls):
        torch.autograd.grad(velocity().sum(), list(dit.parameters()), allow_unused=True)
    assert not calls, "the fused attention is not asked"
    assert "attention_function" not in dit.state_dict()

"""Sizes of the demo model, and the initialization of its networks."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import nn

from anima_infer.model.config import AdapterConfig, DitConfig, TextConfig, VaeConfig
from anima_infer.model.layers import RmsNorm
from anima_infer.model.vae import ChannelNorm

VAE = VaeConfig(width=16)
QWEN_VOCABULARY, T5_VOCABULARY = 640, 768
TEXT = TextConfig(width=96, layers=2, heads=3, kv_heads=3, head_width=32, mlp_width=192, vocabulary=QWEN_VOCABULARY)
ADAPTER = AdapterConfig(96, 2, 3, 96, 96, T5_VOCABULARY)
DIT = DitConfig(width=128, blocks=6, heads=4, context_width=96, adaln_width=16, mlp_width=512)

Log = Callable[[str], None]
Compiler = Callable[[Any], Any]
Precision = Callable[[], AbstractContextManager[None]]


def initialize(network: nn.Module, source: torch.Generator) -> nn.Module:
    """Initialize a network: unit gain, norms of 1, biases of 0."""
    for module in network.modules():
        if isinstance(module, RmsNorm):
            nn.init.ones_(module.weight)
        elif isinstance(module, ChannelNorm):
            nn.init.ones_(module.gamma)
        elif isinstance(module, nn.Linear | nn.Conv2d | nn.Embedding):
            fan = module.weight[0].numel() if not isinstance(module, nn.Embedding) else 4
            with torch.no_grad():
                module.weight.normal_(0, 1 / math.sqrt(fan), generator=source)
            bias = getattr(module, "bias", None)
            if bias is not None:
                nn.init.zeros_(bias)
    return network

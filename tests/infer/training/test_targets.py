"""Which projections a choice of targets takes, on the release's 28 blocks."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from anima_infer.errors import SettingsError
from anima_infer.model.adapter import Adapter
from anima_infer.model.config import AdapterConfig, DitConfig
from anima_infer.model.dit import Dit
from anima_infer.training.methods.targets import TargetRule, Targets


def projections() -> list[str]:
    with torch.device("meta"):
        dit = Dit(DitConfig(width=256, blocks=28, heads=2, context_width=8, adaln_width=8, mlp_width=8))
        adapter = Adapter(AdapterConfig(width=16, blocks=6, heads=2, source_width=16, target_width=16, vocabulary=8))
    names = [name for name, module in dit.named_modules() if isinstance(module, nn.Linear)]
    return names + [f"llm_adapter.{n}" for n, m in adapter.named_modules() if isinstance(m, nn.Linear)]


@pytest.mark.parametrize(("preset", "count"), [("attn", 224), ("attn-mlp", 280), ("all", 448), ("official", 508)])
def test_presets(preset: str, count: int) -> None:
    assert len(Targets(preset).select(projections(), rank=4, alpha=4, rate=1e-4)) == count


def test_include_wins_over_exclude_and_the_first_rule_counts() -> None:
    targets = Targets(
        "attn",
        include=(r"blocks\.0\.self_attn\.q_proj", r"blocks\.3\.mlp\.layer1"),
        exclude=(r".*self_attn.*",),
        rules=(
            TargetRule(r"blocks\.0\..*", rank=8, alpha=0, rate=1e-5),
            TargetRule(r"blocks\.\d\..*", rank=2),
            TargetRule(r"blocks\.2\d\..*", rate=0),
        ),
    )
    chosen = {t.name: t for t in targets.select(projections(), rank=4, alpha=1, rate=1e-4)}
    assert len(chosen) == 4 * 20 + 2, "cross-attention of blocks 0 to 19, and two more"
    first = chosen["blocks.0.self_attn.q_proj"]
    assert (first.rank, first.alpha, first.rate) == (8, 8, 1e-5), "alpha 0 is the rank"
    assert (chosen["blocks.3.mlp.layer1"].rank, chosen["blocks.3.mlp.layer1"].alpha) == (2, 1)
    assert chosen["blocks.12.cross_attn.v_proj"].rank == 4


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ({"exclude": ("blocks.99.*",)}, r"no module matches 'blocks.99.\*' \(exclude\)"),
        ({"rules": (TargetRule("q_proj"),)}, r"no module matches 'q_proj' \(rules\); the pattern must match a whole"),
        ({"exclude": (".*",)}, "nothing is left to train"),
    ],
)
def test_targets_that_cannot_be_meant(targets: dict[str, tuple[str, ...]], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        Targets(**targets).select(projections(), rank=4, alpha=4, rate=1e-4)


def test_wrong_patterns_and_presets() -> None:
    with pytest.raises(SettingsError, match="preset of the targets is 'attention'; expected one of attn, attn-mlp"):
        Targets("attention")
    with pytest.raises(SettingsError, match=r"'blocks\.\(' is not a regular expression"):
        Targets(include=("blocks.(",))

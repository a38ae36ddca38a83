"""Facts about guidance."""

from __future__ import annotations

import pytest
import torch

from anima_infer.errors import SettingsError
from anima_infer.models import Models
from anima_infer.sampling.denoise import denoise
from anima_infer.sampling.guidance import Apg, Guidance
from anima_infer.sampling.settings import RenderSettings
from tests.infer.tiny import encode


def test_guidance_of_one_never_asks_for_the_negative_prompt(models: Models) -> None:
    cond = encode(models, "1girl")
    settings = RenderSettings(64, 64, 3, guidance=Guidance(1.0))
    with_none = denoise(models.dit, [cond], [], settings, [1])
    assert torch.equal(with_none, denoise(models.dit, [cond], [encode(models, "bad")], settings, [1]))


def test_guidance_forms(models: Models) -> None:
    cond, empty = encode(models, "1girl"), encode(models, "")
    made = {
        name: denoise(models.dit, [cond], [empty], RenderSettings(64, 64, 4, guidance=guidance), [1])
        for name, guidance in {
            "plain": Guidance(4.0),
            "zero": Guidance(4.0, zero_star=True),
            "apg": Guidance(4.0, apg=Apg(0.0, 5.0, -0.5)),
            "interval": Guidance(4.0, interval=(0.2, 0.8)),
        }.items()
    }
    assert len({tuple(t.flatten()[:4].tolist()) for t in made.values()}) == 4
    again = Apg(0.0, 5.0, -0.5)
    twice = [
        denoise(models.dit, [cond], [empty], RenderSettings(64, 64, 4, guidance=Guidance(4.0, apg=again)), [1])
        for _ in range(2)
    ]
    assert torch.equal(*twice), "momentum does not reach into the next run"


def test_apg_is_read_and_written() -> None:
    assert Apg.parse("0.5") == Apg(0.5, 5, 0)
    assert str(Apg.parse("0.5:2:-0.25")) == "0.5:2:-0.25"
    for text in ("", "a", "1:2:3:4", "nan"):
        with pytest.raises(SettingsError, match="expected eta, norm and momentum"):
            Apg.parse(text)


def test_apg_and_cfg_zero_star_compose_as_nodes_do() -> None:
    x, cond, uncond = torch.randn(3, 2, 4, 1, 3, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    scale, apg = 3.5, Apg(0.25, 2.0, 0.0)
    # APG changes cond before guidance; CFG-Zero* corrects the guided prediction afterwards, by the changed cond
    changed = uncond + apg.project(cond, uncond, 0.5) + (cond - uncond) / scale
    guided = uncond + (changed - uncond) * scale
    a, b = (x - changed).flatten(1), (x - uncond).flatten(1)
    factor = ((a * b).sum(1) / ((b * b).sum(1) + 1e-8)).view(-1, 1, 1, 1, 1)
    expected = guided + uncond * (factor - 1) + scale * uncond * (1 - factor)
    torch.testing.assert_close(Guidance(scale, zero_star=True, apg=apg).mix(x, cond, uncond, 0.5), expected)


def test_samplers_that_ask_for_both_predictions_keep_to_the_range(models: Models) -> None:
    cond, empty = encode(models, "1girl"), encode(models, "bad")
    made = [
        denoise(models.dit, [cond], [empty], RenderSettings(64, 64, 4, "euler_cfg_pp", guidance=guidance), [1])
        for guidance in (Guidance(4.0, interval=(0.9, 0.95)), Guidance(1.0), Guidance(4.0))
    ]
    assert torch.equal(made[0], made[1]), "no step lies in the range"
    assert not torch.equal(made[1], made[2])

"""Facts about denoising a batch."""

from __future__ import annotations

import pytest
import torch

from anima_infer.errors import InferError
from anima_infer.model.inputs import Conditioning
from anima_infer.models import Models
from anima_infer.sampling.denoise import denoise
from anima_infer.sampling.guidance import Guidance
from anima_infer.sampling.guided_model import StartImage
from anima_infer.sampling.settings import RenderSettings
from tests.infer.tiny import encode

SMALL = RenderSettings(64, 96, 5, guidance=Guidance(4.0))


def test_a_batch_changes_a_image_by_float_noise(models: Models) -> None:
    cond, other, empty = (encode(models, text) for text in ("1girl, hat", "a long prompt about a cat", ""))
    alone = denoise(models.dit, [cond], [empty], SMALL, [7])
    batch = denoise(models.dit, [other, cond, cond], [empty] * 3, SMALL, [5, 7, 8])
    torch.testing.assert_close(batch[1:2], alone, atol=1e-4, rtol=1e-3)
    apart = denoise(models.dit, [cond], [empty], SMALL, [7], batched=False)
    torch.testing.assert_close(apart, alone, atol=1e-4, rtol=1e-3)
    assert torch.equal(denoise(models.dit, [cond], [empty], SMALL, [7]), alone), "the same seed, the same bits"


@pytest.mark.parametrize("order", ["aa", "aab", "baa", "aabb", "abab", "abba", "aabbcc", "abcabc"])
def test_every_image_has_its_own_prompt(models: Models, order: str) -> None:
    texts = {"a": "1girl, hat", "b": "a long prompt about a cat", "c": "night"}
    prompts = {name: encode(models, text) for name, text in texts.items()}
    settings = RenderSettings(64, 64, 2, guidance=Guidance(1.0))
    batch = denoise(models.dit, [prompts[name] for name in order], [], settings, range(len(order)))
    for seed, name in enumerate(order):
        alone = denoise(models.dit, [prompts[name]], [], settings, [seed])
        torch.testing.assert_close(batch[seed : seed + 1], alone, atol=1e-4, rtol=1e-3)


def test_a_mask_keeps_what_it_covers(models: Models) -> None:
    cond, empty = encode(models, "1girl"), encode(models, "")
    known = torch.randn(1, 16, 12, 8)
    mask = torch.zeros(1, 1, 12, 8)
    mask[..., :4] = 1
    made = denoise(models.dit, [cond], [empty], SMALL, [1], start=StartImage(known, mask))
    torch.testing.assert_close(made[..., 4:], known[..., 4:])
    assert (made[..., :4] - known[..., :4]).abs().max() > 0.1


def test_little_denoising_stays_near(models: Models) -> None:
    cond, empty = encode(models, "1girl"), encode(models, "")
    known = torch.randn(1, 16, 12, 8)
    far, near, none = (
        denoise(
            models.dit,
            [cond],
            [empty],
            RenderSettings(64, 96, 5, guidance=Guidance(2.0), denoise=d),
            [1],
            start=StartImage(known),
        )
        for d in (0.9, 0.1, 0.0)
    )
    assert torch.equal(none, known)
    assert (near - known).abs().mean() < (far - known).abs().mean()


def test_steps_in_two_halves(models: Models) -> None:
    cond, empty = encode(models, "1girl"), encode(models, "")
    settings = RenderSettings(64, 64, 6, "euler", end_step=3)
    assert len(settings.sigmas()) == 4
    assert len(RenderSettings(64, 64, 6, "euler", start_step=3).sigmas()) == 4
    made = denoise(models.dit, [cond], [empty], settings, [1])
    assert torch.isfinite(made).all()


def test_values_that_are_not_finite_are_an_error(models: Models) -> None:
    cond = encode(models, "1girl")
    broken = Conditioning(cond.rows * float("nan"), cond.lengths)
    with pytest.raises(InferError, match="not finite"):
        denoise(models.dit, [broken], [], RenderSettings(64, 64, 2, guidance=Guidance(1.0)), [1])

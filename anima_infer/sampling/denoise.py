"""From conditioning to latents: noise, the sampler, and the guided model that it asks.

Knows tensors and settings; knows nothing of prompts' meaning or of files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from anima_infer.errors import InferError, SettingsError
from anima_infer.model.dit import Dit
from anima_infer.model.inputs import Conditioning
from anima_infer.sampling.guided_model import GuidedModel, MaskedModel, StartImage
from anima_infer.sampling.noise import BrownianNoise, GaussianNoise, StepNoise, check_seed, initial_noise
from anima_infer.sampling.samplers import ALIASES, BROWNIAN, SAMPLERS
from anima_infer.sampling.settings import MULTIPLE, RenderSettings

_BUSY = 2**19
"""Tokens times width that keep a CPU busy: beyond, two predictions in one pass took 15 % longer than two passes."""

StepCallback = Callable[[int, int, Tensor], None]
"""Called after every call of the model: step, number of steps, the denoised prediction (B, 16, H, W)."""


@torch.inference_mode()
def denoise(
    dit: Dit,
    conds: Sequence[Conditioning],
    unconds: Sequence[Conditioning],
    settings: RenderSettings,
    seeds: Sequence[int],
    *,
    start: StartImage | None = None,
    batched: bool | None = None,
    progress: StepCallback | None = None,
) -> Tensor:
    """Return latents of a batch of images, each with its own prompt and its own seed: (B, 16, H/8, W/8), float32.

    Every image's noise is what it would be alone, so that a batch changes its images by float noise only.

    Args:
        dit: the network; the run happens on its device.
        conds: the prompts, one for each image.
        unconds: the negative prompts, one for each image; may be empty where the guidance scale is 1.
        settings: of all images.
        seeds: one for each image.
        start: an image to start from.
        batched: whether prompt and negative prompt share a pass; by default where that is faster.
        progress: called after every call of the model.

    Raises:
        SettingsError: numbers of prompts and seeds differ, or a seed is out of range.
        InferError: the result is not finite.
    """
    _check_numbers(conds, unconds, seeds)
    device = dit.t_embedding_norm.weight.device
    if batched is None:
        tokens = settings.width * settings.height // MULTIPLE**2 * len(seeds)
        batched = device.type != "cpu" or tokens * dit.config.width <= _BUSY
    sigmas = settings.sigmas()
    shape = (1, dit.config.out_channels, 1, *settings.latent_size)
    noise = torch.cat([initial_noise(shape, check_seed(seed)) for seed in seeds])[:, :, 0].to(device)
    latents = torch.zeros_like(noise) if start is None else start.latents.to(device).expand_as(noise)
    if len(sigmas) < 2:
        return latents.clone()
    mask = None if start is None or start.mask is None else start.mask.to(device)
    if settings.guidance.is_off and not settings.sampler.endswith("_cfg_pp"):
        unconds = ()
    guided = GuidedModel(dit, conds, unconds, settings.guidance, shift=settings.shift, batched=batched)
    guided.prepare(sigmas)
    total = len(sigmas) - 1

    def notify(sigma: Tensor, denoised: Tensor) -> None:
        if progress is not None:
            progress(min(total, int((sigmas > sigma).sum()) + 1), total, denoised)

    model = MaskedModel(guided, StartImage(latents, mask), noise, notify)
    x = sigmas[0] * noise + (1 - sigmas[0]) * latents
    x = SAMPLERS[settings.sampler](model, x, sigmas, _BatchNoise(settings, x, seeds, sigmas))
    last = sigmas[-1]
    x = x / (1 - last) if 0 < last < 1 else x
    require_finite(x)
    return x


def _check_numbers(conds: Sequence[Conditioning], unconds: Sequence[Conditioning], seeds: Sequence[int]) -> None:
    if len(conds) != len(seeds) or (unconds and len(unconds) != len(seeds)):
        raise SettingsError(
            "need as many negative prompts and seeds as prompts: got "
            f"{_counted(len(conds), 'prompt')}, {_counted(len(unconds), 'negative prompt')}, "
            f"{_counted(len(seeds), 'seed')}"
        )


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def require_finite(latents: Tensor) -> None:
    """Check that latents are finite.

    Raises:
        InferError: they are not.
    """
    if not torch.isfinite(latents).all():
        raise InferError("the sampler returned values that are not finite; use bf16 or fp32, or a lower guidance scale")


class _BatchNoise:
    """Step noise of a batch: each image's own, drawn in the shape that it has alone."""

    def __init__(self, settings: RenderSettings, x: Tensor, seeds: Sequence[int], sigmas: Tensor) -> None:
        name = ALIASES.get(settings.sampler, settings.sampler)
        image = x[:1]
        self.sources: list[StepNoise] = [
            BrownianNoise(image, seed, sigmas) if name in BROWNIAN else GaussianNoise(image, seed) for seed in seeds
        ]

    def __call__(self, sigma: Tensor, sigma_next: Tensor) -> Tensor:
        return torch.cat([source(sigma, sigma_next) for source in self.sources])

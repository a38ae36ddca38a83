"""The whole way from contexts to pictures: noise, guided denoising, decoding.

Knows tensors and settings; knows nothing of prompts' meaning or of files. Everything that a batch can share is shared:
contexts' keys and values once per prompt, modulation vectors once per noise level.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from anima_infer.errors import InferError, SettingsError
from anima_infer.model.dit import Dit
from anima_infer.model.inputs import Conditioning
from anima_infer.sampling.guided_model import Denoiser, MaskedDenoiser, Start
from anima_infer.sampling.noise import BrownianNoise, GaussianNoise, StepNoise, check_seed, initial_noise
from anima_infer.sampling.samplers import ALIASES, BROWNIAN, SAMPLERS
from anima_infer.sampling.settings import MULTIPLE, Settings

_BUSY = 2**19
"""Tokens times width that keep a CPU busy: beyond, two predictions in one pass took 15 % longer than two passes."""


Progress = Callable[[int, int, Tensor], None]
"""Called after every call of the model: steps done, steps in all, the denoised prediction (B x 16 x H x W)."""


def check_finite(latents: Tensor) -> None:
    """Check that a run made numbers.

    Raises:
        InferError: it did not.
    """
    if not torch.isfinite(latents).all():
        raise InferError("the sampler made values that are not finite; use bf16 or fp32, or a lower guidance scale")


@torch.inference_mode()
def denoise(
    dit: Dit,
    conds: Sequence[Conditioning],
    unconds: Sequence[Conditioning],
    settings: Settings,
    seeds: Sequence[int],
    *,
    start: Start | None = None,
    batched: bool | None = None,
    progress: Progress | None = None,
) -> Tensor:
    """Return latents of a batch of pictures, each with its own prompt and its own seed.

    Every picture's noise is what it would be alone, so that a batch changes its pictures by float noise only.

    Args:
        dit: the network; its device is where the run happens.
        conds: contexts of the prompts, one for each picture.
        unconds: contexts of the negative prompts; may be empty where guidance is 1.
        settings: of all pictures.
        seeds: one for each picture.
        start: a picture to start from.
        batched: whether prompt and negative prompt share a pass; by default where that is faster.
        progress: told after every call of the model.

    Returns:
        B x 16 x H/8 x W/8, float32.

    Raises:
        SettingsError: numbers of prompts and seeds differ.
        InferError: the result is not finite.
    """
    if len(conds) != len(seeds) or (unconds and len(unconds) != len(seeds)):
        raise SettingsError(
            f"{len(conds)} prompts, {len(unconds)} negative prompts, {len(seeds)} seeds; expected as many"
        )
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
    inner = Denoiser(
        dit,
        conds,
        () if settings.guidance.off and not _needs_both(settings) else unconds,
        settings.guidance,
        shift=settings.shift,
        batched=batched,
    )
    inner.prepare(sigmas)
    total = len(sigmas) - 1

    def told(sigma: Tensor, denoised: Tensor) -> None:
        if progress is not None:
            progress(min(total, int((sigmas > sigma).sum()) + 1), total, denoised)

    model = MaskedDenoiser(inner, Start(latents, mask), noise, told)
    x = sigmas[0] * noise + (1 - sigmas[0]) * latents
    x = SAMPLERS[settings.sampler](model, x, sigmas, _PerPicture(settings, x, seeds, sigmas))
    last = sigmas[-1]
    x = x / (1 - last) if 0 < last < 1 else x
    check_finite(x)
    return x


def _needs_both(settings: Settings) -> bool:
    return settings.sampler.endswith("_cfg_pp")


class _PerPicture:
    """Step noise of a batch: each picture's own, drawn in the shape that it has alone."""

    def __init__(self, settings: Settings, x: Tensor, seeds: Sequence[int], sigmas: Tensor) -> None:
        name = ALIASES.get(settings.sampler, settings.sampler)
        one = x[:1]
        self.sources: list[StepNoise] = [
            BrownianNoise(one, seed, sigmas) if name in BROWNIAN else GaussianNoise(one, seed) for seed in seeds
        ]

    def __call__(self, start: Tensor, end: Tensor) -> Tensor:
        return torch.cat([source(start, end) for source in self.sources])

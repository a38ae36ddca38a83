"""The whole way from contexts to pictures: noise, guided denoising, decoding.

Knows tensors and settings; knows nothing of prompts' meaning or of files. Everything that a batch can share is shared:
contexts' keys and values once per prompt, modulation vectors once per noise level.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from anima_infer.dit import Context, Dit, KeysValues, Modulation, stacked
from anima_infer.errors import InferError, SettingsError
from anima_infer.guidance import Guidance
from anima_infer.noise import BrownianNoise, GaussianNoise, StepNoise, check_seed, initial_noise
from anima_infer.samplers import ALIASES, BROWNIAN, SAMPLERS
from anima_infer.schedule import SHIFT, percent_to_sigma, sigmas_for
from anima_infer.vae import SCALE, Vae

MULTIPLE = 16
LEAST_SIDE, MOST_PIXELS = 64, 4096 * 4096
_BUSY = 2**19
"""Tokens times width that keep a CPU busy: beyond, two predictions in one pass took 15 % longer than two passes."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a picture is made. Defaults are the official workflow's.

    Attributes:
        width, height: in pixels, multiples of 16.
        steps: sampler steps.
        sampler, scheduler: names of ``SAMPLERS`` and ``SCHEDULERS``.
        guidance: how strongly the prompt is followed.
        shift: 3 is the model's own.
        denoise: below 1, a given picture shines through.
        start_step, end_step: run a part of the schedule; None for its end.
    """

    width: int = 1024
    height: int = 1024
    steps: int = 30
    sampler: str = "er_sde"
    scheduler: str = "simple"
    guidance: Guidance = field(default_factory=Guidance)
    shift: float = SHIFT
    denoise: float = 1.0
    start_step: int = 0
    end_step: int | None = None

    def __post_init__(self) -> None:
        """Check the settings.

        Raises:
            SettingsError: one is outside what the model or the sampler can do.
        """
        for name, side in (("width", self.width), ("height", self.height)):
            if side % MULTIPLE or side < LEAST_SIDE:
                near = max(LEAST_SIDE, round(side / MULTIPLE) * MULTIPLE)
                raise SettingsError(
                    f"{name} is {side}; expected a multiple of {MULTIPLE} from {LEAST_SIDE}, such as {near}"
                )
        if self.width * self.height > MOST_PIXELS:
            raise SettingsError(
                f"size is {self.width}x{self.height}; expected at most 16.7 megapixels, such as 1024x1024"
            )
        if self.sampler not in SAMPLERS:
            raise SettingsError(f"sampler is '{self.sampler}'; expected one of {', '.join(sorted(SAMPLERS))}")
        if not 0 <= self.start_step <= (self.steps if self.end_step is None else self.end_step) <= self.steps:
            raise SettingsError(f"steps {self.start_step} to {self.end_step} do not lie within 0 to {self.steps}")
        self.sigmas()

    def sigmas(self) -> Tensor:
        """Return the noise levels of the run.

        Raises:
            SettingsError: steps, scheduler, shift or denoise are out of range.
        """
        sigmas = sigmas_for(self.steps, self.scheduler, sampler=self.sampler, denoise=self.denoise, shift=self.shift)
        if self.end_step is not None:
            sigmas = sigmas[: self.end_step + 1]
        return sigmas[self.start_step :]

    @property
    def latent_size(self) -> tuple[int, int]:
        """Height and width of the latents."""
        return (self.height // SCALE, self.width // SCALE)


Progress = Callable[[int, int, Tensor], None]
"""Called after every call of the model: steps done, steps in all, the denoised prediction (B x 16 x H x W)."""


class Denoiser:
    """The DiT with guidance, as samplers ask for it."""

    def __init__(
        self,
        dit: Dit,
        conds: Sequence[Context],
        unconds: Sequence[Context],
        guidance: Guidance,
        *,
        shift: float = SHIFT,
        batched: bool = True,
    ) -> None:
        """Prepare a batch of pictures.

        Args:
            dit: the network.
            conds, unconds: contexts of the prompts and of the negative prompts, one for each picture of the batch.
            guidance: how the two are mixed.
            shift: of the schedule.
            batched: whether both predictions are made in one pass.
        """
        self.dit, self.shift, self.batched = dit, shift, batched
        self.conds, self.unconds = conds, unconds
        self.guidance = copy.deepcopy(guidance)  # it may remember steps
        low, high = self.guidance.interval
        self.guided_from, self.guided_to = percent_to_sigma(low, shift), percent_to_sigma(high, shift)
        self._levels: dict[float, Modulation] = {}

    def prepare(self, sigmas: Tensor) -> None:
        """Compute the modulation vectors of a schedule at once."""
        wanted = [sigma for sigma in sigmas.tolist() if sigma > 0]
        if wanted:
            levels = self.dit.modulation(torch.tensor(wanted))
            self._levels |= {sigma: levels.at(index) for index, sigma in enumerate(wanted)}

    def __call__(self, x: Tensor, sigma: Tensor) -> Tensor:
        """Return the denoised prediction."""
        value = float(sigma)
        if self.guidance.off or not self.unconds or not self.guided_to <= value <= self.guided_from:
            return x - sigma * self._velocity(x, value, self._cond_keys)
        return self._mixed(x, sigma)[0]

    def both(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """Return the guided prediction and that of the negative prompt."""
        if not self.unconds:
            denoised = self(x, sigma)
            return denoised, denoised
        mixed, uncond, cond = self._mixed(x, sigma)
        return (cond if self.guidance.off else mixed), uncond

    def _mixed(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        value = float(sigma)
        if self.batched:
            v_cond, v_uncond = self._velocity(torch.cat((x, x)), value, self._both_keys).chunk(2)
        else:
            v_cond = self._velocity(x, value, self._cond_keys)
            v_uncond = self._velocity(x, value, self._uncond_keys)
        cond, uncond = x - sigma * v_cond, x - sigma * v_uncond
        return self.guidance.mix(x, cond, uncond, value), uncond, cond

    def _velocity(self, x: Tensor, sigma: float, keys: KeysValues) -> Tensor:
        if sigma not in self._levels:
            self.prepare(torch.tensor([sigma]))
        return self.dit(x, self._levels[sigma], keys)

    @cached_property
    def _cond_keys(self) -> KeysValues:
        return self._keys(self.conds)

    @cached_property
    def _uncond_keys(self) -> KeysValues:
        return self._keys(self.unconds)

    @cached_property
    def _both_keys(self) -> KeysValues:
        return self._keys([*self.conds, *self.unconds])

    def _keys(self, contexts: Sequence[Context]) -> KeysValues:
        """Return keys and values for a batch; equal prompts are projected once."""
        unique = list({id(context): context for context in contexts}.values())
        keys = self.dit.keys_values(stacked(unique))
        places = [next(i for i, u in enumerate(unique) if u is context) for context in contexts]
        each = len(contexts) // len(unique)
        if places == [i for i in range(len(unique)) for _ in range(each)]:
            return keys  # every prompt is that of as many pictures in a row
        pick = torch.tensor(places, device=keys.pairs[0][0].device)
        pairs = [(k.index_select(0, pick), v.index_select(0, pick)) for k, v in keys.pairs]
        return KeysValues(pairs, None if keys.bias is None else keys.bias.index_select(0, pick))


@dataclass(frozen=True, slots=True)
class Start:
    """A picture to start from.

    Attributes:
        latents: B x 16 x H x W or 1 x 16 x H x W, normalised.
        mask: 1 x 1 x H x W in latents; 1 where the picture may change. None for everywhere.
    """

    latents: Tensor
    mask: Tensor | None = None


class _Masked:
    """A denoiser that keeps what the mask protects: the known region is noised to each level, and pasted back."""

    def __init__(
        self, inner: Denoiser, start: Start, noise: Tensor, progress: Callable[[Tensor, Tensor], None]
    ) -> None:
        self.inner, self.start, self.noise, self.progress = inner, start, noise, progress
        self.shift = inner.shift

    def __call__(self, x: Tensor, sigma: Tensor) -> Tensor:
        denoised = self._after(self.inner(self._before(x, sigma), sigma))
        self.progress(sigma, denoised)
        return denoised

    def both(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        denoised, uncond = self.inner.both(self._before(x, sigma), sigma)
        denoised = self._after(denoised)
        self.progress(sigma, denoised)
        return denoised, uncond

    def _before(self, x: Tensor, sigma: Tensor) -> Tensor:
        mask = self.start.mask
        if mask is None:
            return x
        return x * mask + (sigma * self.noise + (1 - sigma) * self.start.latents) * (1 - mask)

    def _after(self, denoised: Tensor) -> Tensor:
        mask = self.start.mask
        return denoised if mask is None else denoised * mask + self.start.latents * (1 - mask)


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
    conds: Sequence[Context],
    unconds: Sequence[Context],
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

    model = _Masked(inner, Start(latents, mask), noise, told)
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


@torch.inference_mode()
def decode(vae: Vae, latents: Tensor, *, strip: int | None = None) -> list[Tensor]:
    """Return pixels in [-1, 1], 3 x H x W, picture by picture."""
    device = vae.conv2.weight.device
    return [vae.decode(one[None].to(device), strip=strip)[0].cpu() for one in latents]

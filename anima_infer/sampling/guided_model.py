"""The DiT with guidance and mask, as samplers ask for it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from anima_infer.model.dit import Dit
from anima_infer.model.inputs import Conditioning, KeysValues, LevelModulation, stack
from anima_infer.sampling.guidance import Guidance
from anima_infer.sampling.schedule import SHIFT, percent_to_sigma


class Denoiser:
    """The DiT with guidance, as samplers ask for it."""

    def __init__(
        self,
        dit: Dit,
        conds: Sequence[Conditioning],
        unconds: Sequence[Conditioning],
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
        self._levels: dict[float, LevelModulation] = {}

    def prepare(self, sigmas: Tensor) -> None:
        """Compute the modulation vectors of a schedule at once."""
        wanted = [sigma for sigma in sigmas.tolist() if sigma > 0]
        if wanted:
            levels = self.dit.compute_modulation(torch.tensor(wanted))
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

    def _keys(self, contexts: Sequence[Conditioning]) -> KeysValues:
        """Return keys and values for a batch; equal prompts are projected once."""
        unique = list({id(context): context for context in contexts}.values())
        keys = self.dit.compute_keys_values(stack(unique))
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


class MaskedDenoiser:
    """A denoiser that keeps what the mask protects: the known region is noised to each level, and pasted back."""

    def __init__(
        self, inner: Denoiser, start: Start, noise: Tensor, progress: Callable[[Tensor, Tensor], None]
    ) -> None:
        self.inner, self.start, self.noise, self.progress = inner, start, noise, progress
        self.shift = inner.shift

    def __call__(self, x: Tensor, sigma: Tensor) -> Tensor:
        """Return the denoised prediction; the masked region is that of the start image."""
        denoised = self._after(self.inner(self._before(x, sigma), sigma))
        self.progress(sigma, denoised)
        return denoised

    def both(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """Return the guided prediction and that of the negative prompt."""
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

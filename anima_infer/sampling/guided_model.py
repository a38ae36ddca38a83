"""The DiT as samplers ask for it: a function from noisy latents and a sigma to the denoised prediction.

Everything that a batch can share is shared: keys and values once per prompt, modulation once per noise level.
"""

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


class GuidedModel:
    """The DiT with guidance, for one run."""

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
        """Prepare a batch of images.

        Args:
            dit: the network.
            conds: the prompts, one for each image of the batch.
            unconds: the negative prompts, one for each image, or none.
            guidance: how the two predictions are mixed.
            shift: of the schedule.
            batched: whether one pass makes both predictions.
        """
        self.dit, self.shift, self.batched = dit, shift, batched
        self.conds, self.unconds = conds, unconds
        self.guidance = copy.deepcopy(guidance)  # APG's momentum belongs to one run
        low, high = self.guidance.interval
        self._guided_from, self._guided_to = percent_to_sigma(low, shift), percent_to_sigma(high, shift)
        self._modulations: dict[float, LevelModulation] = {}

    def prepare(self, sigmas: Tensor) -> None:
        """Compute the modulation of all noise levels of a schedule at once."""
        levels = [sigma for sigma in sigmas.tolist() if sigma > 0]
        if levels:
            modulation = self.dit.compute_modulation(torch.tensor(levels))
            self._modulations |= {sigma: modulation.at(index) for index, sigma in enumerate(levels)}

    def __call__(self, x: Tensor, sigma: Tensor) -> Tensor:
        """Return the denoised prediction."""
        value = float(sigma)
        if self.guidance.is_off or not self.unconds or not self._is_in_range(value):
            return x - sigma * self._velocity(x, value, self._cond_keys)
        return self._predict(x, sigma)[0]

    def predict_both(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """Return the guided prediction and that of the negative prompt."""
        if not self.unconds:
            denoised = self(x, sigma)
            return denoised, denoised
        guided, uncond, cond = self._predict(x, sigma)
        is_unguided = self.guidance.is_off or not self._is_in_range(float(sigma))
        return (cond if is_unguided else guided), uncond

    def _is_in_range(self, sigma: float) -> bool:
        return self._guided_to <= sigma <= self._guided_from

    def _predict(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the guided prediction, uncond and cond."""
        value = float(sigma)
        if self.batched:
            cond_velocity, uncond_velocity = self._velocity(torch.cat((x, x)), value, self._both_keys).chunk(2)
        else:
            cond_velocity = self._velocity(x, value, self._cond_keys)
            uncond_velocity = self._velocity(x, value, self._uncond_keys)
        cond, uncond = x - sigma * cond_velocity, x - sigma * uncond_velocity
        return self.guidance.mix(x, cond, uncond, value), uncond, cond

    def _velocity(self, x: Tensor, sigma: float, keys: KeysValues) -> Tensor:
        if sigma not in self._modulations:
            self.prepare(torch.tensor([sigma]))
        return self.dit(x, self._modulations[sigma], keys)

    @cached_property
    def _cond_keys(self) -> KeysValues:
        return self._keys_values(self.conds)

    @cached_property
    def _uncond_keys(self) -> KeysValues:
        return self._keys_values(self.unconds)

    @cached_property
    def _both_keys(self) -> KeysValues:
        return self._keys_values([*self.conds, *self.unconds])

    def _keys_values(self, conditionings: Sequence[Conditioning]) -> KeysValues:
        """Return keys and values for a batch; a prompt that occurs several times is projected once."""
        unique = list({id(item): item for item in conditionings}.values())
        keys = self.dit.compute_keys_values(stack(unique))
        indices = [next(i for i, item in enumerate(unique) if item is wanted) for wanted in conditionings]
        images_each = len(conditionings) // len(unique)
        if indices == [i for i in range(len(unique)) for _ in range(images_each)]:
            return keys  # every prompt belongs to the same number of neighbors in the batch, which the DiT understands
        pick = torch.tensor(indices, device=keys.pairs[0][0].device)
        pairs = [(k.index_select(0, pick), v.index_select(0, pick)) for k, v in keys.pairs]
        return KeysValues(pairs, None if keys.bias is None else keys.bias.index_select(0, pick))


@dataclass(frozen=True, slots=True)
class StartImage:
    """An image to start from.

    Attributes:
        latents: (B, 16, H, W) or (1, 16, H, W), normalized.
        mask: (1, 1, H, W) in latents; 1 where the image may change. None for everywhere.
    """

    latents: Tensor
    mask: Tensor | None = None


class MaskedModel:
    """A guided model that keeps what the mask protects, and reports every prediction.

    The protected region is noised to each level before a prediction, and is the start image in it afterwards.
    """

    def __init__(
        self, model: GuidedModel, start: StartImage, noise: Tensor, notify: Callable[[Tensor, Tensor], None]
    ) -> None:
        """Wrap a model; ``notify`` is called with sigma and prediction."""
        self.model, self.start, self.noise, self.notify = model, start, noise, notify
        self.shift = model.shift

    def __call__(self, x: Tensor, sigma: Tensor) -> Tensor:
        """Return the denoised prediction."""
        denoised = self._restore(self.model(self._noise_protected(x, sigma), sigma))
        self.notify(sigma, denoised)
        return denoised

    def predict_both(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """Return the guided prediction and that of the negative prompt."""
        denoised, uncond = self.model.predict_both(self._noise_protected(x, sigma), sigma)
        denoised = self._restore(denoised)
        self.notify(sigma, denoised)
        return denoised, uncond

    def _noise_protected(self, x: Tensor, sigma: Tensor) -> Tensor:
        mask = self.start.mask
        if mask is None:
            return x
        return x * mask + (sigma * self.noise + (1 - sigma) * self.start.latents) * (1 - mask)

    def _restore(self, denoised: Tensor) -> Tensor:
        mask = self.start.mask
        return denoised if mask is None else denoised * mask + self.start.latents * (1 - mask)

"""What an image is made from: a job with prompt, settings, seed and LoRAs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from anima_infer.errors import SettingsError
from anima_infer.files import ModelFiles
from anima_infer.sampling.guidance import Guidance
from anima_infer.sampling.noise import MOST_SEED
from anima_infer.sampling.settings import RenderSettings
from anima_prompt.dialects import Dialect
from anima_prompt.numbers import parse_number
from anima_prompt.profiles import DEFAULT_PROFILE, Profile, guess_profile, load_profile


@dataclass(frozen=True, slots=True)
class LoraUse:
    """A LoRA file and its strengths; ``text`` is that on the text encoder, the same if None."""

    path: Path
    strength: float = 1.0
    text: float | None = None

    @classmethod
    def parse(cls, text: str) -> LoraUse:
        """Return what ``path:0.8`` or ``path:0.8:0.5`` says.

        Raises:
            SettingsError: a strength is no number.

        >>> LoraUse.parse("style.safetensors:0.8").strength
        0.8
        """
        path, *figures = text.rsplit(":", 2) if text.count(":") > 1 else text.rsplit(":", 1)
        if figures and parse_number(figures[-1]) is None:
            if any(mark in figures[-1] for mark in "/\\.") or len(path) == 1:  # a path with a colon, and no strength
                return cls(Path(text))
            raise SettingsError(f"LoRA strength is '{figures[-1]}'; expected a number, as in style.safetensors:0.8")
        if len(figures) == 2 and parse_number(figures[0]) is None:
            path, figures = f"{path}:{figures[0]}", figures[1:]
        numbers = [float(figure) for figure in figures]
        return cls(Path(path), *numbers)


@dataclass(frozen=True, slots=True)
class Job:
    """Everything that one image depends on.

    Attributes:
        prompt, negative: texts in ``dialect``.
        settings: of the image.
        seed: of its noise.
        loras: active ones, in order.
        dialect: how weights are read.
        zero_if_empty: what an empty negative prompt is, see ``Encoder.encode``.
    """

    prompt: str
    negative: str = ""
    settings: RenderSettings = field(default_factory=RenderSettings)
    seed: int = 0
    loras: tuple[LoraUse, ...] = ()
    dialect: Dialect = Dialect.COMFYUI
    zero_if_empty: bool = False


def default_profile(files: ModelFiles) -> Profile:
    """Return the profile of a model that names none: the one beside it, the one its name speaks of, or base."""
    named = guess_profile(files.dit.stem) if files.dit is not None else None
    return load_profile(files.profile or named or DEFAULT_PROFILE)


def settings_from_profile(profile: Profile, **given: Any) -> RenderSettings:
    """Return a profile's settings with those that were given in their place; None says nothing.

    Raises:
        SettingsError: one is out of range.
    """
    width, height = profile.resolutions[0]
    chosen: dict[str, Any] = {
        "width": width,
        "height": height,
        "steps": profile.steps,
        "sampler": profile.sampler,
        "scheduler": profile.scheduler,
        "shift": float(profile.shift),
    }
    scale = given.pop("guidance_scale", None)
    guidance = Guidance(float(profile.guidance_scale) if scale is None else scale)
    extra = {key: given.pop(key) for key in ("zero_star", "apg", "interval") if given.get(key) is not None}
    if extra:
        guidance = replace(guidance, **extra)
    chosen |= {key: value for key, value in given.items() if value is not None}
    return RenderSettings(guidance=guidance, **chosen)


def consecutive_seeds(seed: int, count: int) -> Iterator[int]:
    """Yield ``count`` seeds upwards from ``seed``, round the end to 0.

    >>> list(consecutive_seeds(2**64 - 1, 2))
    [18446744073709551615, 0]
    """
    for index in range(count):
        yield (seed + index) % (MOST_SEED + 1)

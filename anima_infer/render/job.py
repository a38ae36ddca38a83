"""What an image is made from: a job with prompt, settings, seed and LoRAs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from anima_infer.checkpoint import WeightFile, count_blocks
from anima_infer.errors import CheckpointError, SettingsError
from anima_infer.files import ModelFiles
from anima_infer.sampling.guidance import Guidance
from anima_infer.sampling.noise import MOST_SEED
from anima_infer.sampling.settings import RenderSettings
from anima_prompt.dialects import Dialect
from anima_prompt.numbers import parse_number
from anima_prompt.profiles import DEFAULT_PROFILE, Profile, guess_profile, load_profile


@dataclass(frozen=True, slots=True)
class LoraUse:
    """A LoRA file and its strengths; ``text_strength`` is that on the text encoder, None for the same."""

    path: Path
    strength: float = 1.0
    text_strength: float | None = None

    @classmethod
    def parse(cls, text: str) -> LoraUse:
        """Read ``path``, ``path:0.8`` or ``path:0.8:0.5`` (strength on DiT and adapter, strength on the text encoder).

        Raises:
            SettingsError: a strength is not a number.

        >>> LoraUse.parse("style.safetensors:0.8").strength
        0.8
        """
        path, *strengths = text.rsplit(":", 2) if text.count(":") > 1 else text.rsplit(":", 1)
        if strengths and parse_number(strengths[-1]) is None:
            if any(mark in strengths[-1] for mark in "/\\.") or len(path) == 1:  # a path with a colon, and no strength
                return cls(Path(text))
            raise SettingsError(f"LoRA strength is '{strengths[-1]}'; expected a number, as in style.safetensors:0.8")
        if len(strengths) == 2 and parse_number(strengths[0]) is None:
            path, strengths = f"{path}:{strengths[0]}", strengths[1:]
        return cls(Path(path), *map(float, strengths))


@dataclass(frozen=True, slots=True)
class Job:
    """Everything that one image depends on.

    Attributes:
        prompt, negative: texts in ``dialect``.
        settings: of the image.
        seed: of its noise.
        loras: in the order of merging.
        dialect: of the prompts, which says how weights are written.
        zero_if_empty: how an empty negative prompt is encoded, see ``PromptEncoder.encode``.
    """

    prompt: str
    negative: str = ""
    settings: RenderSettings = field(default_factory=RenderSettings)
    seed: int = 0
    loras: tuple[LoraUse, ...] = ()
    dialect: Dialect = Dialect.COMFYUI
    zero_if_empty: bool = False


def default_profile(files: ModelFiles) -> Profile:
    """Return the profile of a model: the file in its folder, the release that its file is, or base 1.0."""
    if files.profile is not None or files.dit is None:
        return load_profile(files.profile or DEFAULT_PROFILE)
    try:
        file = WeightFile.open(files.dit)
    except CheckpointError:  # loading says what is wrong with it
        return load_profile(guess_profile(files.dit.stem) or DEFAULT_PROFILE)
    guessed = guess_profile(files.dit.stem, metadata=file.metadata, blocks=count_blocks(file))
    return load_profile(guessed or DEFAULT_PROFILE)


def settings_from_profile(profile: Profile, **overrides: Any) -> RenderSettings:
    """Return a profile's settings with overrides; None leaves the profile's value.

    Args:
        profile: of a release.
        overrides: fields of ``RenderSettings``, and ``guidance_scale``, ``zero_star``, ``apg``, ``interval``.

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
    scale = overrides.pop("guidance_scale", None)
    guidance = Guidance(float(profile.guidance_scale) if scale is None else scale)
    extra = {key: overrides.pop(key) for key in ("zero_star", "apg", "interval") if overrides.get(key) is not None}
    if extra:
        guidance = replace(guidance, **extra)
    chosen |= {key: value for key, value in overrides.items() if value is not None}
    return RenderSettings(guidance=guidance, **chosen)


def consecutive_seeds(seed: int, count: int) -> Iterator[int]:
    """Yield ``count`` consecutive seeds; after the largest comes 0.

    >>> list(consecutive_seeds(2**64 - 1, 2))
    [18446744073709551615, 0]
    """
    for index in range(count):
        yield (seed + index) % (MOST_SEED + 1)

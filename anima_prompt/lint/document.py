"""The input of the linter: a prompt, its negative prompt, its role, dialect, profile and sampling settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from anima_prompt.dialects import Dialect
from anima_prompt.errors import InputError
from anima_prompt.profiles import DEFAULT_PROFILE


class Role(StrEnum):
    """Purpose of a text. A rule applies to some roles and skips texts of others."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    CAPTION = "caption"
    REGION = "region"

    @classmethod
    def of(cls, name: str | Role) -> Role:
        """Return the role called ``name``.

        Raises:
            InputError: no role has that name.
        """
        try:
            return cls(name)
        except ValueError:
            raise InputError(f"role is '{name}'; expected one of {', '.join(r.value for r in cls)}") from None


@dataclass(frozen=True, slots=True)
class Settings:
    """Sampling settings; None for those that are not known.

    Attributes:
        steps: sampler steps.
        guidance_scale: classifier-free guidance factor; 1 is off.
        sampler, scheduler: ComfyUI's names.
        shift: the schedule's shift.
        width, height: pixels.
        hires: whether a second pass enlarges the image, so that its size is not the size of sampling.
    """

    steps: int | None = None
    guidance_scale: Decimal | None = None
    sampler: str | None = None
    scheduler: str | None = None
    shift: Decimal | None = None
    width: int | None = None
    height: int | None = None
    hires: bool = False


@dataclass(frozen=True, slots=True)
class Document:
    """One prompt to be linted.

    Attributes:
        prompt: the text as the front end receives it.
        negative: the negative prompt; empty without a negative prompt, None if it is not known.
        role: purpose of ``prompt``.
        dialect: the front end.
        profile: name of the model release, or path of a profile file.
        settings: sampling settings.
    """

    prompt: str
    negative: str | None = None
    role: Role = Role.POSITIVE
    dialect: Dialect = Dialect.COMFYUI
    profile: str = DEFAULT_PROFILE
    settings: Settings = field(default_factory=Settings)

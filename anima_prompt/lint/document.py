"""What the linter is given: one prompt, its negative prompt, and what is known of how they are used."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from anima_prompt.dialects import Dialect
from anima_prompt.errors import InputError
from anima_prompt.profiles import DEFAULT_PROFILE


class Role(StrEnum):
    """What a text is for. Rules that fit one role leave the others alone."""

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
    """How the picture is made, as far as it is known; None where it is not.

    Attributes:
        steps: sampler steps.
        guidance_scale: classifier-free guidance factor; 1 is off.
        sampler, scheduler: ComfyUI's names.
        shift: the schedule's shift.
        width, height: pixels.
        hires: whether a second pass enlarges the picture, so that its size says little.
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
        prompt: the text, as the front end gets it.
        negative: the text of the negative prompt; None where it is not known, empty where there is none.
        role: what ``prompt`` is for.
        dialect: the front end.
        profile: name of the model release, or path of a profile file.
        settings: how the picture is made.
    """

    prompt: str
    negative: str | None = None
    role: Role = Role.POSITIVE
    dialect: Dialect = Dialect.COMFYUI
    profile: str = DEFAULT_PROFILE
    settings: Settings = field(default_factory=Settings)

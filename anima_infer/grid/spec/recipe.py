"""What a cell is made from: a structured prompt and settings that axes change, before they become texts and numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from anima_infer.render.job import Job, LoraUse, settings_from_profile
from anima_prompt.dialects import Dialect
from anima_prompt.profiles import Profile
from anima_prompt.prompt import Prompt
from anima_prompt.sections import Section


@dataclass(frozen=True, slots=True)
class Recipe:
    """A cell before it is planned. Axes return changed copies.

    Attributes:
        prompt: structured; its own negative prompt is not used.
        negative: text of the negative prompt; None for the profile's.
        profile: release whose defaults fill the gaps.
        dialect: how the texts are printed and read.
        settings: what was asked for, by the names of :func:`~anima_infer.render.settings_from_profile`.
        loras: active ones.
        checkpoint: file or folder of another model; None for the run's.
        seed: of the noise.
        order: sections that come first, in this order; empty for the model's order.
        searches: texts to replace in the printed prompt, in order.
    """

    prompt: Prompt
    profile: Profile
    negative: str | None = None
    dialect: Dialect = Dialect.COMFYUI
    settings: Mapping[str, Any] = field(default_factory=dict)
    loras: tuple[LoraUse, ...] = ()
    checkpoint: str | None = None
    seed: int = 0
    order: tuple[Section, ...] = ()
    searches: tuple[tuple[str, str], ...] = ()

    def text(self) -> str:
        """Return the prompt as it is encoded."""
        printed = ordered_text(self.prompt, self.order, self.dialect)
        for old, new in self.searches:
            printed = printed.replace(old, new)
        return printed

    def job(self) -> Job:
        """Return what one render needs.

        Raises:
            SettingsError: a setting is out of range.
        """
        negative = ", ".join(self.profile.negative) if self.negative is None else self.negative
        settings = settings_from_profile(self.profile, **{key: _plain(value) for key, value in self.settings.items()})
        return Job(self.text(), negative, settings, self.seed, self.loras, self.dialect)


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value


def ordered_text(prompt: Prompt, order: Sequence[Section], dialect: Dialect) -> str:
    """Return a prompt's text with some sections in front, in the order given; the others follow in the model's order.

    >>> ordered_text(Prompt.parse("safe, 1girl, smile"), [Section.GENERAL, Section.COUNT], Dialect.COMFYUI)
    'smile, 1girl, safe'
    """
    if not order:
        return prompt.to_text(dialect)
    text = ""
    for section in (*order, *(one for one in Section if one not in order)):
        part = _alone(prompt, section).to_text(dialect)
        if not part:
            continue
        if not text:
            text = part
        elif section is Section.DATASET or text.endswith((".", "!", "?")):
            text = f"{text} {part}"
        else:
            text = f"{text}{'. ' if section is Section.TEXT else ', '}{part}"
    return text


def _alone(prompt: Prompt, section: Section) -> Prompt:
    if section is Section.TEXT:
        return Prompt(sentences=prompt.sentences)
    return Prompt().with_section(section, prompt.section(section))

"""Recipes: a structured prompt and settings that axes change, before they become the texts and numbers of a job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from anima_infer.render.job import Job, LoraUse, settings_from_profile
from anima_infer.sampling.noise import check_seed
from anima_prompt.dialects import Dialect
from anima_prompt.profiles import Profile
from anima_prompt.prompt import Prompt
from anima_prompt.sections import Section


@dataclass(frozen=True, slots=True)
class Recipe:
    """A cell before it is planned. Axes return changed copies.

    Attributes:
        prompt: structured prompt; its own negative prompt is ignored.
        negative: text of the negative prompt; None for the profile's.
        profile: release whose default settings fill the gaps.
        dialect: of the printed texts.
        settings: overrides of the profile's, see :func:`~anima_infer.render.job.settings_from_profile`.
        loras: in the order of merging.
        checkpoint: file or folder of another model; None for the run's.
        seed: of the noise.
        order: sections that come first; empty for the model's order.
        searches: replacements in the printed prompt, (old, new), in order.
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

    def to_text(self) -> str:
        """Return the printed prompt."""
        printed = ordered_text(self.prompt, self.order, self.dialect)
        for old, new in self.searches:
            printed = printed.replace(old, new)
        return printed

    def to_job(self) -> Job:
        """Return the job.

        Raises:
            SettingsError: a setting is out of range.
        """
        negative = ", ".join(self.profile.negative) if self.negative is None else self.negative
        settings = settings_from_profile(self.profile, **{key: _plain(value) for key, value in self.settings.items()})
        return Job(self.to_text(), negative, settings, check_seed(self.seed), self.loras, self.dialect)


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value


def ordered_text(prompt: Prompt, order: Sequence[Section], dialect: Dialect) -> str:
    """Return a prompt's text with the sections of ``order`` first; the others follow in the model's order.

    >>> ordered_text(Prompt.parse("safe, 1girl, smile"), [Section.GENERAL, Section.COUNT], Dialect.COMFYUI)
    'smile, 1girl, safe'
    """
    if not order:
        return prompt.to_text(dialect)
    text = ""
    for section in (*order, *(section for section in Section if section not in order)):
        section_text = _only_section(prompt, section).to_text(dialect)
        if not section_text:
            continue
        if not text:
            text = section_text
        elif section is Section.DATASET or text.endswith((".", "!", "?")):
            text = f"{text} {section_text}"
        else:
            text = f"{text}{'. ' if section is Section.TEXT else ', '}{section_text}"
    return text


def _only_section(prompt: Prompt, section: Section) -> Prompt:
    if section is Section.TEXT:
        return Prompt(sentences=prompt.sentences)
    return Prompt().with_section(section, prompt.section(section))

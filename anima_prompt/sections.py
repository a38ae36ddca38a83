"""The sections of an Anima prompt, in the order of the training captions.

Source: Anima model card, prompting guide (quality / meta / year / safety, count, character, series, artist, general).
"""

from __future__ import annotations

from enum import StrEnum

from anima_prompt.errors import PromptError


class Section(StrEnum):
    """A section of a prompt. Iteration gives the order of the training captions."""

    DATASET = "dataset"
    QUALITY = "quality"
    META = "meta"
    YEAR = "year"
    SAFETY = "safety"
    COUNT = "count"
    CHARACTER = "character"
    SERIES = "series"
    ARTIST = "artist"
    GENERAL = "general"
    TEXT = "text"

    @classmethod
    def of(cls, name: str | Section) -> Section:
        """Return the section called ``name``.

        Raises:
            PromptError: no section has that name.

        >>> Section.of("artist").value
        'artist'
        """
        try:
            return cls(name)
        except ValueError:
            allowed = ", ".join(s.value for s in cls)
            raise PromptError(f"section is '{name}'; expected one of {allowed}") from None


TAG_SECTIONS: tuple[Section, ...] = tuple(s for s in Section if s not in (Section.DATASET, Section.TEXT))
"""The sections of tags, in print order."""

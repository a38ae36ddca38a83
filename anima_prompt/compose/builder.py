"""Build a prompt step by step in code.

Every method returns a new builder, so a half-built prompt can be kept and branched. Knows the vocabulary and the
profiles; the result is an ordinary :class:`Prompt`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from anima_prompt.compose.blend import Blend, blend
from anima_prompt.compose.describe import describe_character
from anima_prompt.errors import PromptError
from anima_prompt.names import name_to_text, text_to_name
from anima_prompt.profiles import Profile, load_profile
from anima_prompt.prompt import Place, Prompt, Sentence, Tag, Weight
from anima_prompt.sections import Section
from anima_prompt.vocabulary import Vocabulary


@dataclass(frozen=True)
class PromptBuilder:
    """A prompt under construction.

    >>> (
    ...     PromptBuilder.for_profile("base-1.0")
    ...     .count("1girl")
    ...     .character("hatsune miku")
    ...     .artist("wlop", weight=1.2)
    ...     .tags("smile", "night")
    ...     .build()
    ...     .to_text()
    ... )
    'masterpiece, best quality, score_7, safe, 1girl, hatsune miku, vocaloid, (@wlop:1.2), smile, night'
    """

    prompt: Prompt = field(default_factory=Prompt)
    vocabulary: Vocabulary | None = None

    @classmethod
    def for_profile(cls, profile: str | Profile, *, vocabulary: Vocabulary | None = None) -> PromptBuilder:
        """Start with the prefix and the negative prompt of a release.

        Raises:
            ProfileError: unknown profile.
        """
        chosen = profile if isinstance(profile, Profile) else load_profile(profile)
        builder = cls(vocabulary=vocabulary).tags(*chosen.prefix)
        return builder.negative(*chosen.negative)

    def build(self) -> Prompt:
        """Return the prompt."""
        return self.prompt

    def quality(self, *tags: str | Tag) -> PromptBuilder:
        """Add quality tags."""
        return self._added(Section.QUALITY, tags)

    def meta(self, *tags: str | Tag) -> PromptBuilder:
        """Add meta tags."""
        return self._added(Section.META, tags)

    def year(self, *tags: str | int | Tag) -> PromptBuilder:
        """Add a year (``2024`` or ``"year 2024"``) or a period (``"newest"``)."""
        return self._added(Section.YEAR, tuple(str(tag) if isinstance(tag, int) else tag for tag in tags))

    def safety(self, tag: str) -> PromptBuilder:
        """Set the safety tag; there is one."""
        return replace(self, prompt=self.prompt.with_section(Section.SAFETY, [tag]))

    def count(self, *tags: str | Tag) -> PromptBuilder:
        """Add count tags: ``1girl``, ``2boys``."""
        return self._added(Section.COUNT, tags)

    def character(
        self,
        name: str,
        *,
        series: bool | str = True,
        looks: bool = False,
        weight: Weight | None = None,
        sentence: str | None = None,
        where: str = "",
    ) -> PromptBuilder:
        r"""Add a character.

        Args:
            name: name or text, ``fern_(sousou_no_frieren)`` or ``fern \(sousou no frieren\)``.
            series: True adds the series that the vocabulary knows, a text that one, False none.
            looks: add the lasting looks as general tags.
            sentence: a sentence about the character; with only ``where``, a sentence is made from the looks.
            where: place in the frame, such as ``on the left side of the image``.

        Raises:
            PromptError: looks, or a sentence from looks, are asked for a character that the vocabulary lacks.
        """
        entry = self._table.lookup(text_to_name(name))
        if entry is None or entry.section is not Section.CHARACTER:
            entry = None
            if looks or (where and sentence is None):
                raise PromptError(f"character '{name}' is not in the vocabulary; pass looks and sentence explicitly")
        text = name_to_text(entry.name) if entry else name
        builder = self._added(Section.CHARACTER, (text,), weight=weight)
        known = name_to_text(entry.series) if entry and entry.series else ""
        wanted = series if isinstance(series, str) else known if series else ""
        if wanted and builder.prompt.find(wanted) is None:
            builder = builder.series(wanted)
        if looks and entry:
            builder = builder.tags(*(name_to_text(look) for look in entry.looks))
        if sentence is None and where and entry:
            sentence = describe_character(entry, where=where)
        return builder.sentence(sentence) if sentence else builder

    def series(self, *tags: str | Tag) -> PromptBuilder:
        """Add series tags."""
        return self._added(Section.SERIES, tags)

    def artist(self, name: str, *, weight: Weight | None = None) -> PromptBuilder:
        r"""Add an artist by name or text; the ``@`` and the escapes are put on.

        >>> PromptBuilder().artist("poco_(asahi_age)").build().to_text()
        '@poco \\(asahi age\\)'
        """
        entry = self._table.lookup(text_to_name(name.removeprefix("@")))
        known = entry.trained if entry and entry.section is Section.ARTIST else None
        return self._added(Section.ARTIST, (f"@{name_to_text(known)}" if known else name,), weight=weight)

    def tags(self, *tags: str | Tag, weight: Weight | None = None) -> PromptBuilder:
        """Add tags of any kind; the vocabulary finds their sections."""
        builder = self
        for tag in tags:
            new = builder.prompt.add(tag, weight=weight, vocabulary=self._table)
            builder = replace(builder, prompt=new)
        return builder

    def sentence(self, *texts: str, place: Place = "after") -> PromptBuilder:
        """Add sentences before or after the tags."""
        new = tuple(Sentence(text.strip(), place) for text in texts)
        return replace(self, prompt=replace(self.prompt, sentences=self.prompt.sentences + new))

    def dataset(self, tag: str) -> PromptBuilder:
        """Set the dataset tag of the first line: ``ye-pop`` or ``deviantart``."""
        return replace(self, prompt=self.prompt.with_section(Section.DATASET, tag))

    def negative(self, *tags: str | Tag) -> PromptBuilder:
        """Add tags to the negative prompt."""
        start = Prompt(role="negative") if self.prompt.negative is None else self.prompt.negative
        negative = PromptBuilder(start, self.vocabulary).tags(*tags)
        return replace(self, prompt=replace(self.prompt, negative=negative.prompt)) if tags else self

    def blend(self, style: str | Blend) -> PromptBuilder:
        """Lay tags and sentences out; see :class:`Blend`."""
        return replace(self, prompt=blend(self.prompt, style))

    @property
    def _table(self) -> Vocabulary:
        return self.vocabulary or Vocabulary.default()

    def _added(self, section: Section, tags: tuple[str | Tag, ...], *, weight: Weight | None = None) -> PromptBuilder:
        prompt = self.prompt
        for tag in tags:
            prompt = prompt.add(tag, section=section, weight=weight, vocabulary=self._table)
        return replace(self, prompt=prompt)

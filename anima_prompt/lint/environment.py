"""State shared by all prompts of a run: dialect, profile, vocabulary, and cached facts about tags.

Facts are cached by text, because prompts repeat tags; the cache is bounded.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from anima_prompt.dialects import Dialect
from anima_prompt.lint.document import Role
from anima_prompt.names import artist_name, is_artist, is_everyday, squeezed, text_to_name, unescape
from anima_prompt.profiles import Profile
from anima_prompt.sections import Section
from anima_prompt.vocabulary import Vocabulary
from anima_prompt.vocabulary.live_names import is_live_phrase
from anima_prompt.vocabulary.packs import Entry
from anima_prompt.vocabulary.relations import Relations

MOST_FACTS = 100_000


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts about the text of a tag, independent of its position.

    Attributes:
        text: as written, with markup.
        literal: as the model reads it: unescaped, single spaces.
        name: canonical name; an artist's without its ``@``.
        entry: the vocabulary's entry of that name or alias.
        section: section of the tag.
        artist: whether it has the ``@`` of an artist.
        everyday: whether it is only lower-case words and single spaces, so typography rules can skip it.
    """

    text: str
    literal: str
    name: str
    entry: Entry | None
    section: Section
    artist: bool
    everyday: bool


@dataclass(slots=True)
class _Memory:
    facts: dict[str, Facts] = field(default_factory=dict)
    known: dict[str, bool] = field(default_factory=dict)


class Environment:
    """The unchanging surroundings of a check."""

    def __init__(
        self,
        *,
        role: Role,
        dialect: Dialect,
        profile: Profile,
        vocabulary: Vocabulary,
        words: frozenset[str] = frozenset(),
    ) -> None:
        """Keep the surroundings; ``words`` are additional known names."""
        self.role = role
        self.dialect = dialect
        self.profile = profile
        self.vocabulary = vocabulary
        self.words = words
        self._memory = _Memory()

    @cached_property
    def relations(self) -> Relations:
        """Implications and exclusive groups."""
        return self.vocabulary.relations

    def facts(self, text: str) -> Facts:
        """Return the facts about a tag's text."""
        memory = self._memory.facts
        facts = memory.get(text)
        if facts is None:
            if len(memory) >= MOST_FACTS:
                memory.clear()
            facts = memory[text] = self._facts(text)
        return facts

    def is_known(self, clause: str) -> bool:
        """Return whether a clause is a known tag or artist or a live phrase, not a sentence; for the parser."""
        memory = self._memory.known
        answer = memory.get(clause)
        if answer is None:
            if len(memory) >= MOST_FACTS:
                memory.clear()
            facts = self._facts(clause)
            phrase = not facts.artist and facts.literal.islower()
            answer = memory[clause] = facts.entry is not None or (phrase and is_live_phrase(facts.name))
        return answer

    def _facts(self, text: str) -> Facts:
        everyday = is_everyday(text) is not None
        literal = text if everyday else squeezed(unescape(text, self.dialect))
        artist = is_artist(literal)
        name = artist_name(literal, Dialect.PLAIN) if artist else text_to_name(literal, Dialect.PLAIN)
        entry = self.vocabulary.lookup(name)
        if artist:
            known = entry if entry is not None and entry.section is Section.ARTIST else None
            return Facts(text, literal, name, known, Section.ARTIST, artist, everyday)
        section = entry.section if entry is not None else self.vocabulary.section_of(text)
        return Facts(text, literal, name, entry, section, artist, everyday)

"""Two prompts compared by section and word: what went, what came, which weights and settings changed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from difflib import SequenceMatcher

from anima_prompt.dialects import Dialect, ForeignDialect
from anima_prompt.interchange.recorded import Recorded
from anima_prompt.prompt import Prompt, convert
from anima_prompt.sections import Section

ADDED, REMOVED, CHANGED, MOVED = "added", "removed", "changed", "moved"
_WORDS = re.compile(r"\s+|[\w'’-]+|[^\w\s]")
_ORDER = ("steps", "guidance_scale", "sampler", "scheduler", "shift", "width", "height", "seed")


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference.

    Attributes:
        part: ``prompt``, ``negative`` or ``settings``.
        section: of the prompt, or the name of the setting.
        kind: ``added``, ``removed``, ``changed`` or ``moved``.
        before, after: what stood there; None where nothing did.
    """

    part: str
    section: str
    kind: str
    before: str | None
    after: str | None

    def to_dict(self) -> dict[str, str | None]:
        """Return plain types."""
        return {name: getattr(self, name) for name in self.__slots__}


def compare(first: Recorded, second: Recorded) -> list[Difference]:
    """Return the differences of two prompts, with their negative prompts and settings."""
    found = list(_texts("prompt", _prompt(first.prompt, first), _prompt(second.prompt, second)))
    found += _texts("negative", _prompt(first.negative, first), _prompt(second.negative, second))
    return found + list(_settings(_with_model(first), _with_model(second)))


def _prompt(text: str | None, record: Recorded) -> Prompt:
    dialect = record.dialect or Dialect.COMFYUI
    if isinstance(dialect, ForeignDialect):
        text, dialect = convert(text or "", dialect, Dialect.COMFYUI).text, Dialect.COMFYUI
    return Prompt.parse(text or "", dialect=dialect)


def _texts(part: str, first: Prompt, second: Prompt) -> Iterator[Difference]:
    for section in Section:
        if section is Section.TEXT:
            before, after = (" ".join(sentence.text for sentence in one.sentences) for one in (first, second))
            if before != after:
                yield _difference(part, section, before or None, after or None)
        else:
            yield from _tags(part, section, *(_weights(one, section) for one in (first, second)))


def _weights(prompt: Prompt, section: Section) -> dict[str, Decimal]:
    return {tag.text: tag.weight for tag in prompt.section(section)}


def _tags(part: str, section: Section, first: dict[str, Decimal], second: dict[str, Decimal]) -> Iterator[Difference]:
    for text, weight in first.items():
        if text not in second:
            yield _difference(part, section, _shown(text, weight), None)
        elif second[text] != weight:
            yield _difference(part, section, _shown(text, weight), _shown(text, second[text]))
    for text, weight in second.items():
        if text not in first:
            yield _difference(part, section, None, _shown(text, weight))
    before, after = ([text for text in one if text in first and text in second] for one in (first, second))
    if before != after:
        yield Difference(part, section.value, MOVED, ", ".join(before), ", ".join(after))


def _shown(text: str, weight: Decimal) -> str:
    return text if weight == 1 else f"({text}:{weight.normalize():f})"


def _difference(part: str, section: str, before: str | None, after: str | None) -> Difference:
    kind = ADDED if before is None else REMOVED if after is None else CHANGED
    return Difference(part, str(section), kind, before, after)


def _with_model(record: Recorded) -> dict[str, str]:
    return {**record.settings, **({"model": record.model} if record.model else {})}


def _settings(first: Mapping[str, str], second: Mapping[str, str]) -> Iterator[Difference]:
    for name in _ordered({**first, **second}):
        if first.get(name) != second.get(name):
            yield _difference("settings", name, first.get(name), second.get(name))


def _ordered(names: Iterable[str]) -> list[str]:
    return sorted(names, key=lambda name: (_ORDER.index(name) if name in _ORDER else len(_ORDER), name))


def word_diff(before: str, after: str) -> str:
    """Return a text with removed words in ``[-...-]`` and added ones in ``{+...+}``.

    >>> word_diff("A girl with a red hat.", "A girl with a big hat.")
    'A girl with a [-red-]{+big+} hat.'
    """
    first, second = _WORDS.findall(before), _WORDS.findall(after)
    written = ""
    for kind, a, b, c, d in SequenceMatcher(None, first, second, autojunk=False).get_opcodes():
        old, new = "".join(first[a:b]), "".join(second[c:d])
        written += old if kind == "equal" else (f"[-{old}-]" if old else "") + (f"{{+{new}+}}" if new else "")
    return written

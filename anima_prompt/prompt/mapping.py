"""The fields of a prompt to and from plain mappings, as JSON, YAML and language models write them.

Knows the keys, their other names and their types; knows nothing of files. Keys are the fields of
:class:`anima_prompt.Prompt`. Other names follow published prompt schemas for Anima (``spec``: AnimaTool's
``nltags`` and ``neg``, prompter nodes' ``natural_language`` and ``subject``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

from anima_prompt.dialects import Dialect
from anima_prompt.errors import PromptError
from anima_prompt.names import is_artist, is_everyday
from anima_prompt.prompt.items import ONE, read_entry, read_items
from anima_prompt.prompt.tag import Place, Sentence, Tag, exact, placed_tag
from anima_prompt.sections import TAG_SECTIONS, Section

TAG_KEYS: tuple[str, ...] = (Section.DATASET.value, *(section.value for section in TAG_SECTIONS), "closing")
KEYS: tuple[str, ...] = (*TAG_KEYS, "sentences", "comments", "negative")
TAG_OPTIONS = ("text", "weight", "verbatim", "literal")
"""``verbatim`` names the dialect of a text with markup; with ``literal: true`` nothing in the text is markup."""
ARTIST_OPTIONS = (*TAG_OPTIONS, "at")
"""``at: false`` is an artist as somebody wrote it without the ``@``; otherwise the ``@`` is put on."""

OTHER_KEYS = {
    "data_set": "dataset",
    "period": "year",
    "time": "year",
    "rating": "safety",
    "subject": "count",
    "people": "count",
    "characters": "character",
    "copyright": "series",
    "artists": "artist",
    "sentence": "sentences",
    "nltags": "sentences",
    "nl": "sentences",
    "natural_language": "sentences",
    "description": "sentences",
    "caption": "sentences",
    "neg": "negative",
    "negative_prompt": "negative",
    "comment": "comments",
}
"""Other names of our keys."""

MIXED_KEYS = (
    "tags", "prompt", "positive", "positive_prompt", "text", "style", "appearance", "environment", "scores",
    "quality_meta_year_safe",
)  # fmt: skip
"""Keys whose texts are prompt texts of any kind: the vocabulary finds the sections."""

SETTINGS_KEYS = (
    "steps", "cfg", "cfg_scale", "guidance_scale", "sampler", "scheduler", "seed", "width", "height", "aspect_ratio",
)  # fmt: skip
"""Settings of a render, which a prompt does not contain."""

NoteCallback = Callable[[str], None]


def fields_to_dict(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the mapping of a prompt's fields; a plain tag is a string, any other a mapping. Empty fields are left out.

    Args:
        fields: by the names in ``KEYS``; ``negative`` is the mapping of the negative prompt or None.
    """
    data: dict[str, Any] = {}
    for key in TAG_KEYS:
        if fields[key]:
            data[key] = [_tag_to_value(tag, key) for tag in fields[key]]
    if fields["sentences"]:
        data["sentences"] = [{"text": s.text, "place": s.place} for s in fields["sentences"]]
    if fields["comments"]:
        data["comments"] = list(fields["comments"])
    if fields["negative"] is not None:
        data["negative"] = fields["negative"]
    return data


def fields_from_dict(data: Mapping[str, Any], *, report: NoteCallback | None = None) -> dict[str, Any]:
    """Return the fields of a prompt from its mapping; ``negative`` is again such a dictionary of fields.

    Args:
        report: called with one line for everything that is read otherwise than it stands: a key under another name, a
            text with several tags where a list belongs, a setting that is left out.

    Raises:
        PromptError: unknown key, wrong type, malformed weight.
    """
    if not isinstance(data, Mapping):
        raise PromptError(f"a prompt is a {type(data).__name__}; expected a mapping of sections")
    reader = _Reader(report or (lambda _line: None))
    for key, value in data.items():
        reader.key(key, value)
    return reader.fields()


@dataclass(slots=True)
class _Reader:
    """The fields of one mapping so far."""

    report: NoteCallback
    tags: dict[str, list[Tag]] = field(default_factory=dict)
    sentences: list[Sentence] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    negative: dict[str, Any] | None = None

    def fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = {key: tuple(tags) for key, tags in self.tags.items()}
        fields |= {"sentences": tuple(self.sentences), "comments": tuple(self.comments)}
        return fields if self.negative is None else {**fields, "negative": self.negative}

    def key(self, key: object, value: Any) -> None:
        name = _key_name(key)
        if name in SETTINGS_KEYS:
            self.report(f"{key}: is a setting, not a part of the prompt; left out")
        elif value is None or value == "":
            return
        elif name in MIXED_KEYS:
            self.mixed(str(key), value)
        else:
            if name != key:
                self.report(f"{key}: read as '{name}'")
            self.field(name, str(key), value)

    def field(self, name: str, key: str, value: Any) -> None:
        if name == "sentences":
            for item in _list(key, value):
                self.sentences += self.read_sentences(key, item)
        elif name == "comments":
            self.comments += [_string(key, item) for item in _list(key, value)]
        elif name == "negative":
            self.negative = self.read_negative(key, value)
        else:
            for item in _list(key, value):
                self.tags.setdefault(name, []).extend(self.read_tags(name, key, item))

    def read_tags(self, name: str, key: str, item: Any) -> list[Tag]:
        if isinstance(item, Mapping):
            return [_tag_from_mapping(name, key, item)]
        if item == "":
            self.report(f"{key}: an empty entry is left out")
            return []
        if isinstance(item, bool) or not isinstance(item, str | int):
            raise PromptError(f"'{key}' contains {item!r}; expected a text or a mapping with 'text' and 'weight'")
        section = None if name == "closing" else Section.of(name)
        if isinstance(item, int) and section is not Section.YEAR:
            raise PromptError(f"'{key}' contains {item!r}; expected a text or a mapping with 'text' and 'weight'")
        tags = [placed_tag(placed) for placed in read_entry(str(item), section)]
        if len(tags) > 1:
            self.report(f"{key}: '{item}' read as {len(tags)} tags")
        return tags

    def mixed(self, key: str, value: Any) -> None:
        """Read a text of any kind; every unit goes to the section that the vocabulary gives it."""
        counts: dict[str, int] = {}
        for item in _list(key, value):
            for placed in read_items(_string(key, item)).placed:
                counts[placed.section.value] = counts.get(placed.section.value, 0) + 1
                if placed.section is Section.TEXT:
                    self.sentences.append(Sentence(placed.text))
                else:
                    self.tags.setdefault(placed.section.value, []).append(placed_tag(placed))
        listed = ", ".join(f"{count} {name}" for name, count in counts.items()) or "nothing"
        self.report(f"{key}: read as prompt text ({listed})")

    def read_sentences(self, key: str, item: Any) -> list[Sentence]:
        if isinstance(item, str):
            lines = [line.strip() for line in item.splitlines() if line.strip()]
            if len(lines) > 1:
                self.report(f"{key}: {len(lines)} lines read as {len(lines)} sentences")
            return [Sentence(line) for line in lines] if len(lines) > 1 else [Sentence(item)]
        if isinstance(item, Mapping) and isinstance(item.get("text"), str) and set(item) <= {"text", "place"}:
            return [Sentence(item["text"], _place(item.get("place", "after")))]
        raise PromptError(f"'{key}' contains {item!r}; expected a text or a mapping with 'text' and 'place'")

    def read_negative(self, key: str, value: Any) -> dict[str, Any]:
        if isinstance(value, Mapping):
            return fields_from_dict(value, report=lambda line: self.report(f"negative: {line}"))
        texts = [_string(key, item) for item in _list(key, value)]
        negative = _Reader(lambda _line: None)
        for text in texts:
            negative.mixed(key, text)
        self.report(f"{key}: read as prompt text")
        return negative.fields()


def number(weight: Decimal) -> int | float | str:
    """Return a weight as a number where that loses nothing, else as text."""
    if weight == weight.to_integral_value() and abs(weight) < 10**9:
        return int(weight)
    return float(weight) if Decimal(repr(float(weight))) == weight else format(weight, "f")


def check_keys(mapping: Mapping[Any, Any], allowed: tuple[str, ...], what: str) -> None:
    """Check that a mapping contains allowed keys alone.

    Raises:
        PromptError: it contains another; the message names the nearest allowed key, or all of them.
    """
    for key in mapping:
        if key not in allowed:
            raise PromptError(f"key '{key}' is unknown in {what}; {_hint(key, allowed)}")


def _hint(key: object, allowed: tuple[str, ...]) -> str:
    near = get_close_matches(str(key), allowed, n=1)
    meant = f"did you mean '{near[0]}'? " if near else ""
    return f"{meant}expected one of {', '.join(allowed)}"


def _key_name(key: object) -> str:
    name = str(key).strip().lower().replace(" ", "_").replace("-", "_")
    if key in KEYS:
        return str(key)
    if name in KEYS or name in MIXED_KEYS or name in SETTINGS_KEYS:
        return name
    if name in OTHER_KEYS:
        return OTHER_KEYS[name]
    raise PromptError(f"key '{key}' is unknown in a prompt; {_hint(key, (*KEYS, 'tags', 'natural_language'))}")


def _tag_to_value(tag: Tag, key: str) -> str | dict[str, Any]:
    value: dict[str, Any] = {"text": tag.text}
    if tag.weight != ONE:
        value["weight"] = number(tag.weight)
    if tag.verbatim is not None:
        value["verbatim"] = tag.verbatim.value
    elif key == Section.ARTIST and not is_artist(tag.text):
        value["at"] = False
    elif not _reads_back(tag, key):
        value["literal"] = True
    return tag.text if value == {"text": tag.text} else value


def _reads_back(tag: Tag, key: str) -> bool:
    """Say whether the text alone gives the tag again: not where it looks like markup, or like several tags."""
    if is_everyday(tag.text) and tag.text.replace(" ", "").isalnum() and key != Section.YEAR:
        return True
    try:
        return tag_from_text(tag.text, key) == Tag(tag.text)
    except PromptError:
        return False


def _tag_from_mapping(name: str, key: str, value: Mapping[str, Any]) -> Tag:
    artist = name == Section.ARTIST
    check_keys(value, ARTIST_OPTIONS if artist else TAG_OPTIONS, f"a tag of '{key}'")
    if not isinstance(value.get("text"), str):
        raise PromptError(f"a tag of '{key}' is {dict(value)!r}; it needs 'text' and may have 'weight'")
    for option in ("at", "literal"):
        if not isinstance(value.get(option, True), bool):
            raise PromptError(f"{option} is {value[option]!r}; expected true or false")
    weight = exact(value["weight"]) if value.get("weight") is not None else None
    if value.get("verbatim") is not None:
        return Tag(value["text"], ONE if weight is None else weight, Dialect.of(value["verbatim"]))
    if value.get("literal", False):
        return Tag(value["text"], ONE if weight is None else weight)
    return tag_from_text(value["text"], name, weight=weight, at=value.get("at", True))


def tag_from_text(text: str, key: str, *, weight: Decimal | None = None, at: bool = True) -> Tag:
    """Return the tag of a text that stands under ``key``.

    Args:
        weight: replaces a weight in the text.
        at: whether an artist gets its ``@``.

    Raises:
        PromptError: the text contains no tag or several.

    >>> tag_from_text("shinkawa_youji", "artist").text, tag_from_text("2024", "year").text
    ('@shinkawa youji', 'year 2024')
    """
    section = None if key == "closing" or (key == Section.ARTIST and not at) else Section.of(key)
    return Tag.of(text, weight, section=section)


def _place(value: Any) -> Place:
    if value == "before":
        return "before"
    if value == "after":
        return "after"
    raise PromptError(f"place is '{value}'; expected before or after")


def _list(key: str, value: Any) -> list[Any]:
    if isinstance(value, str | Mapping) or (isinstance(value, int) and key in ("year", "period", "time")):
        return [value]
    if isinstance(value, list | tuple):
        return list(value)
    raise PromptError(f"'{key}' is {value!r}; expected a list")


def _string(key: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    raise PromptError(f"'{key}' contains {value!r}; expected text")

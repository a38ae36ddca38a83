"""Prompt to and from plain mappings, as JSON and YAML hold them.

Knows the keys and their types; knows nothing of files. Keys are the fields of :class:`Prompt`.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from anima_prompt.dialects import Dialect
from anima_prompt.errors import PromptError
from anima_prompt.prompt.model import ONE, Place, Prompt, Sentence, Tag, exact
from anima_prompt.prompt.reader import canonical_text
from anima_prompt.sections import TAG_SECTIONS, Section
from anima_prompt.syntax import nodes as syntax
from anima_prompt.syntax import parse
from anima_prompt.vocabulary import Vocabulary

TAG_KEYS: tuple[str, ...] = (Section.DATASET.value, *(section.value for section in TAG_SECTIONS), "closing")
KEYS: tuple[str, ...] = (*TAG_KEYS, "sentences", "comments", "negative")
TAG_OPTIONS = ("text", "weight", "verbatim")
ARTIST_OPTIONS = (*TAG_OPTIONS, "at")
"""``at: false`` is an artist as somebody wrote it without the ``@``; otherwise the ``@`` is put on."""


def prompt_to_dict(prompt: Prompt) -> dict[str, Any]:
    """Return the mapping of a prompt; a plain tag is a string, any other a mapping."""
    data: dict[str, Any] = {}
    for key in TAG_KEYS:
        tags = getattr(prompt, key)
        if tags:
            data[key] = [_tag_to_value(tag, artist=key == Section.ARTIST) for tag in tags]
    if prompt.sentences:
        data["sentences"] = [{"text": s.text, "place": s.place} for s in prompt.sentences]
    if prompt.comments:
        data["comments"] = list(prompt.comments)
    if prompt.negative is not None:
        data["negative"] = prompt_to_dict(prompt.negative)
    return data


def prompt_from_dict(data: Mapping[str, Any]) -> Prompt:
    """Build a prompt from its mapping.

    Raises:
        PromptError: unknown key, wrong type, bad weight.
    """
    if not isinstance(data, Mapping):
        raise PromptError(f"a prompt is a {type(data).__name__}; expected a mapping of sections")
    unknown = [key for key in data if key not in KEYS]
    if unknown:
        raise PromptError(f"key '{unknown[0]}' is unknown in a prompt; expected one of {', '.join(KEYS)}")
    fields: dict[str, Any] = {key: _tags(key, data[key]) for key in TAG_KEYS if key in data}
    fields["sentences"] = tuple(_sentence(value) for value in _list("sentences", data.get("sentences", [])))
    fields["comments"] = tuple(_string("comments", value) for value in _list("comments", data.get("comments", [])))
    if data.get("negative") is not None:
        fields["negative"] = prompt_from_dict(data["negative"])
    return Prompt(**fields)


def number(weight: Decimal) -> int | float | str:
    """Return a weight as a number where that loses nothing, else as text."""
    if weight == weight.to_integral_value() and abs(weight) < 10**9:
        return int(weight)
    return float(weight) if Decimal(repr(float(weight))) == weight else format(weight, "f")


def _tag_to_value(tag: Tag, *, artist: bool) -> str | dict[str, Any]:
    bare = artist and tag.verbatim is None and not tag.text.startswith("@")
    if tag.weight == ONE and tag.verbatim is None and not bare:
        return tag.text
    value: dict[str, Any] = {"text": tag.text}
    if tag.weight != ONE:
        value["weight"] = number(tag.weight)
    if tag.verbatim is not None:
        value["verbatim"] = tag.verbatim.value
    if bare:
        value["at"] = False
    return value


def _tags(key: str, value: Any) -> tuple[Tag, ...]:
    return tuple(_tag(key, item) for item in _list(key, value))


def _tag(key: str, value: Any) -> Tag:
    artist = key == Section.ARTIST
    if isinstance(value, str):
        return tag_from_text(value, artist=artist)
    if isinstance(value, Mapping) and isinstance(value.get("text"), str):
        options = ARTIST_OPTIONS if artist else TAG_OPTIONS
        unknown = [option for option in value if option not in options]
        if unknown:
            raise PromptError(
                f"key '{unknown[0]}' is unknown in a tag of '{key}'; expected one of {', '.join(options)}"
            )
        if not isinstance(value.get("at", True), bool):
            raise PromptError(f"at is {value['at']!r}; expected true or false")
        verbatim = value.get("verbatim")
        weight = exact(value.get("weight", 1))
        if verbatim is not None:
            return Tag(value["text"], weight, Dialect.of(verbatim))
        return tag_from_text(value["text"], weight=weight, artist=artist and value.get("at", True))
    raise PromptError(f"'{key}' holds {value!r}; expected a text or a mapping with 'text' and 'weight'")


def tag_from_text(text: str, *, weight: Decimal | None = None, artist: bool = False) -> Tag:
    r"""Return the tag of one written item: ``(smile:1.2)`` has a weight, ``{a|b}`` stays verbatim, all else is literal.

    Args:
        weight: beats a weight in the text.
        artist: put the ``@`` on, and use the vocabulary's spelling of a known artist.

    >>> tag_from_text("(smile:1.2)").weight, tag_from_text("fern (sousou no frieren)").text
    (Decimal('1.2'), 'fern \\(sousou no frieren\\)')
    >>> tag_from_text("shinkawa_youji", artist=True).text
    '@shinkawa youji'
    """
    source = text.strip()
    tree = parse(source)
    node = tree.nodes[0] if len(tree.nodes) == 1 else None
    own = ONE
    if isinstance(node, syntax.Group) and node.weight is not None and len(node.children) == 3:
        own, node = node.weight, node.children[1]
    body = source if node is None else source[node.start : node.end]
    chosen = own if weight is None else weight
    if any(isinstance(inner, syntax.Dynamic | syntax.Lora | syntax.Embedding) for inner in syntax.walk(tree.nodes)):
        return Tag(body, chosen, Dialect.COMFYUI)
    if artist:
        marked = body if body.startswith("@") else f"@{body}"
        body = canonical_text(marked, Dialect.COMFYUI, Vocabulary.default())
    return Tag(body, chosen)


def _sentence(value: Any) -> Sentence:
    if isinstance(value, str):
        return Sentence(value)
    if isinstance(value, Mapping) and isinstance(value.get("text"), str) and set(value) <= {"text", "place"}:
        return Sentence(value["text"], _place(value.get("place", "after")))
    raise PromptError(f"'sentences' holds {value!r}; expected a text or a mapping with 'text' and 'place'")


def _place(value: Any) -> Place:
    if value == "before":
        return "before"
    if value == "after":
        return "after"
    raise PromptError(f"place is '{value}'; expected before or after")


def _list(key: str, value: Any) -> list[Any]:
    if isinstance(value, str | Mapping):
        return [value]
    if isinstance(value, list | tuple):
        return list(value)
    raise PromptError(f"'{key}' is {value!r}; expected a list")


def _string(key: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    raise PromptError(f"'{key}' holds {value!r}; expected text")

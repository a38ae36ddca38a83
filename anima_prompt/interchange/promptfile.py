"""Prompt files: YAML, JSON or plain text to prompts.

Knows the keys of a prompt file and their values; every error has a line and a column. ``docs/prompt-files.md``
describes the format for people, :mod:`anima_prompt.interchange.schema` for editors.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from anima_prompt.compose import Blend, PromptBuilder, blend
from anima_prompt.dialects import Dialect
from anima_prompt.documents import Value, load_documents
from anima_prompt.errors import InputError, PromptError
from anima_prompt.interchange.textfile import read_text, split_negative
from anima_prompt.profiles import Profile, load_profile
from anima_prompt.prompt import Prompt, Sentence, Tag
from anima_prompt.prompt.items import read_entry
from anima_prompt.prompt.mapping import ARTIST_OPTIONS, TAG_KEYS, TAG_OPTIONS, tag_from_text
from anima_prompt.prompt.model import with_fields
from anima_prompt.prompt.tag import exact, placed_tag
from anima_prompt.safe_paths import is_file
from anima_prompt.sections import Section

FILE_KEYS = ("name", "profile", "blend")
PROMPT_KEYS = (*TAG_KEYS, "sentences", "comments")
KEYS = (*FILE_KEYS, *PROMPT_KEYS, "negative")
CHARACTER_OPTIONS = (*TAG_OPTIONS, "series", "looks", "sentence", "where")


@dataclass(frozen=True, slots=True)
class PromptFile:
    """One prompt of a file: name, profile that filled the gaps (None: nothing was filled), prompt, line."""

    name: str
    prompt: Prompt
    profile: Profile | None = None
    line: int = 1


def read_prompt_file(source: str, *, profile: str | None = None) -> list[PromptFile]:
    """Return the prompts of a ``.yaml``, ``.yml``, ``.json`` or ``.txt`` file; ``-`` reads YAML from standard input.

    Args:
        profile: overrides the profile that the file names.

    Raises:
        InputError: the file cannot be read, or its name has another ending.
        PromptFileError: the content breaks the schema.
        ProfileError: ``profile`` is unknown.
    """
    suffix = ".yaml" if source == "-" else Path(source).suffix.lower()
    if suffix not in (".yaml", ".yml", ".json", ".txt"):
        raise InputError(f"{source}: ends in '{suffix}'; expected .yaml, .yml, .json or .txt")
    text = read_text(source)
    name = "standard input" if source == "-" else source
    chosen = load_profile(profile) if profile is not None else None
    if suffix == ".txt":
        positive, negative = split_negative(text)
        prompt = Prompt.parse(positive, negative=negative)
        return [_filled(PromptFile(Path(source).stem, prompt), chosen, set())]
    return parse_prompt_file(text, name, profile=chosen)


def parse_prompt_file(text: str, source: str, *, profile: Profile | None = None) -> list[PromptFile]:
    """Return the prompts of a YAML or JSON text: one mapping, a list of mappings, or several YAML documents.

    Raises:
        PromptFileError: the content breaks the schema.
    """
    prompts: list[PromptFile] = []
    for document in load_documents(text, source):
        for value in document.one_or_many("a prompt file"):
            item = _prompt_file(value, profile, f"{Path(source).stem}-{len(prompts) + 1}")
            prompts.append(replace(item, line=value.line))
    if not prompts:
        raise PromptError(f"{source}: contains no prompt; write at least one section, such as 'general: [smile]'")
    return prompts


def parse_prompt(value: Value) -> Prompt:
    """Return the prompt of one mapping of a larger document; only a profile that it names itself fills gaps.

    Raises:
        PromptFileError: the content breaks the schema.
    """
    return _prompt_file(value, None, "").prompt


def _prompt_file(value: Value, profile: Profile | None, default_name: str) -> PromptFile:
    if {"base", "axes"} <= set(value.keys("a prompt")):
        value.fail("is a grid's specification, not a prompt; 'anima-infer grid plan FILE' lints the prompts of a grid")
    fields = value.fields("a prompt", KEYS)
    if profile is None and "profile" in fields:
        named = fields["profile"]
        profile = named.guarded(lambda: load_profile(_profile_path(named.text("profile"), named.source)))
    prompt = value.guarded(lambda: _prompt(fields))
    if "negative" in fields and not fields["negative"].is_null:
        prompt = replace(prompt, negative=_negative(fields["negative"]))
    name = fields["name"].text("name") if "name" in fields else default_name
    filled = _filled(PromptFile(name, prompt), profile, set(fields))
    if "blend" not in fields:
        return filled
    style = fields["blend"]
    if style.text("blend") not in list(Blend):
        style.fail(f"blend is '{style.text('blend')}'; expected one of {', '.join(Blend)}")
    return replace(filled, prompt=blend(filled.prompt, style.text("blend")))


def _profile_path(profile: str, source: str) -> str | Path:
    """Return a profile's name, or its file as seen from the prompt file that names it."""
    path = Path(source).parent / profile
    return path if path.suffix and is_file(path) else profile


def _prompt(fields: dict[str, Value]) -> Prompt:
    prompt = Prompt()
    tags: dict[str, tuple[Tag, ...]] = {}
    for key in TAG_KEYS:
        if key in fields and key != Section.CHARACTER:
            tags[key] = tuple(tag for item in fields[key].one_or_many(key) for tag in read_tags(key, item))
    if "comments" in fields:
        comments = tuple(v.text("a comment") for v in fields["comments"].one_or_many("comments"))
        prompt = replace(prompt, comments=comments)
    general, closing = tags.pop("general", ()), tags.pop("closing", ())
    prompt = with_fields(prompt, tags)
    builder = PromptBuilder(prompt)
    if "character" in fields:
        for item in fields["character"].one_or_many("character"):
            builder = _character(builder, item)
    prompt = builder.build()
    prompt = replace(prompt, general=prompt.general + general)  # looks first: they belong to the characters
    if "sentences" in fields:
        own = tuple(_sentence(item) for item in fields["sentences"].one_or_many("sentences"))
        prompt = replace(prompt, sentences=prompt.sentences + own)
    return replace(prompt, closing=closing) if closing else prompt


def read_tags(key: str, value: Value) -> list[Tag]:
    """Return the tags of one entry of a section: a text is one tag, or several with commas between them.

    Raises:
        PromptFileError: it is neither text nor a mapping with a text.
    """
    if value.is_mapping:
        return [_tag(key, value, ARTIST_OPTIONS if key == Section.ARTIST else TAG_OPTIONS)]
    text = value.text(f"a tag of {key}")
    section = None if key == "closing" else Section.of(key)
    return value.guarded(lambda: [placed_tag(item) for item in read_entry(text, section)])


def _tag(key: str, value: Value, options: tuple[str, ...]) -> Tag:
    fields = value.fields(f"a tag of {key}", options)
    if "text" not in fields:
        value.fail(f"a tag of {key} has no 'text'; write text: and the tag")
    weight = fields["weight"].decimal("weight") if "weight" in fields else None
    text = fields["text"].text("text")
    if "verbatim" in fields:
        named = fields["verbatim"]
        dialect = named.guarded(lambda: Dialect.of(named.text("verbatim")))
        return value.guarded(lambda: Tag(text, exact(1) if weight is None else weight, dialect))
    if "literal" in fields and fields["literal"].boolean("literal"):
        return value.guarded(lambda: Tag(text, exact(1) if weight is None else weight))
    at = "at" not in fields or fields["at"].boolean("at")
    return value.guarded(lambda: tag_from_text(text, key, weight=weight, at=at))


def _character(builder: PromptBuilder, value: Value) -> PromptBuilder:
    plain = not value.is_mapping or set(value.keys("a character")) <= set(TAG_OPTIONS)
    if plain:
        tags = tuple(read_tags("character", value))
        return replace(builder, prompt=replace(builder.prompt, character=builder.prompt.character + tags))
    tag = _tag("character", value, CHARACTER_OPTIONS)
    fields = value.fields("a character", CHARACTER_OPTIONS)
    if "verbatim" in fields:
        return replace(builder, prompt=builder.prompt.add(tag, section=Section.CHARACTER, repeat=True))
    options: dict[str, Any] = {"series": False}
    if "series" in fields:
        series = fields["series"]
        free = series.is_list or series.is_mapping
        options["series"] = (
            series.boolean("series") if free or series.node.tag.endswith(":bool") else series.text("series")
        )
    if "looks" in fields:
        options["looks"] = fields["looks"].boolean("looks")
    options |= {key: fields[key].text(key) for key in ("sentence", "where") if key in fields}
    return value.guarded(lambda: builder.character(tag.text, weight=tag.weight, **options))


def _sentence(value: Value) -> Sentence:
    if not value.is_mapping:
        text = value.text("a sentence")
        return value.guarded(lambda: Sentence(text))
    fields = value.fields("a sentence", ("text", "place"))
    if "text" not in fields:
        value.fail("a sentence has no 'text'; write text: and the sentence")
    place = fields["place"].text("place") if "place" in fields else "after"
    if place not in ("before", "after"):
        fields["place"].fail(f"place is '{place}'; expected before or after")
    return value.guarded(lambda: Sentence(fields["text"].text("text"), "before" if place == "before" else "after"))


def _negative(value: Value) -> Prompt:
    if value.is_mapping:
        fields = value.fields("a negative prompt", PROMPT_KEYS)
        return value.guarded(lambda: _prompt(fields))
    texts = [item.text("a negative tag") for item in value.one_or_many("negative")]
    return Prompt.parse(", ".join(texts))


def _filled(prompt_file: PromptFile, profile: Profile | None, present: set[str]) -> PromptFile:
    """Add the profile's prefix and negative prompt, for the sections that the file leaves out."""
    if profile is None:
        return prompt_file
    prompt = prompt_file.prompt
    prefix = PromptBuilder().tags(*profile.prefix).build()
    for section, tag in prefix.tags():
        if section.value not in present and prompt.find(tag.text) is None:
            prompt = prompt.add(tag, section=section)
    if prompt.negative is None and "negative" not in present and profile.negative:
        prompt = replace(prompt, negative=PromptBuilder().tags(*profile.negative).build())
    return replace(prompt_file, prompt=prompt, profile=profile)

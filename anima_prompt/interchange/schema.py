"""The JSON schema of prompt files, for editors. Built from the same keys that the reader checks."""

from __future__ import annotations

from typing import Any

from anima_prompt.compose import Blend
from anima_prompt.dialects import Dialect
from anima_prompt.interchange.promptfile import PROMPT_KEYS
from anima_prompt.prompt.mapping import TAG_KEYS
from anima_prompt.sections import Section

_DESCRIPTIONS = {
    "dataset": "ye-pop or deviantart, printed alone on the first line",
    "quality": "human ladder (masterpiece ... worst quality) and score ladder (score_9 ... score_1)",
    "meta": "highres, official art, anime screenshot ...",
    "year": "year 2025, or a period: newest, recent, mid, early, old",
    "safety": "safe, sensitive, nsfw or explicit",
    "count": "1girl, 2boys, no humans ...",
    "character": "characters; a mapping may ask for series, looks and a sentence",
    "series": "the series of the characters",
    "artist": "artists; the @ is put on",
    "general": "everything else",
    "closing": "general tags after the sentences",
    "sentences": "natural language",
    "comments": "comment lines, kept",
}


def prompt_schema() -> dict[str, Any]:
    """Return the schema (JSON Schema 2020-12) of a prompt file."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Anima prompt file",
        "description": "One prompt, or a list of prompts.",
        "oneOf": [{"$ref": "#/$defs/prompt"}, {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/prompt"}}],
        "$defs": {
            "scalar": {"type": ["string", "number"]},
            "tag": {"anyOf": [{"$ref": "#/$defs/scalar"}, _tag({})]},
            "artist": {"anyOf": [{"$ref": "#/$defs/scalar"}, _tag(_ARTIST)]},
            "character": {"anyOf": [{"$ref": "#/$defs/scalar"}, _tag(_CHARACTER)]},
            "sentence": {"anyOf": [{"type": "string", "minLength": 1}, _SENTENCE]},
            "negative": {"anyOf": [{"type": ["string", "null"]}, _list_of("scalar"), _prompt({})]},
            "prompt": _prompt(_FILE),
        },
    }


def _tag(extra: dict[str, Any]) -> dict[str, Any]:
    properties = {
        "text": {"$ref": "#/$defs/scalar"},
        "weight": {"type": "number"},
        "verbatim": {"enum": [dialect.value for dialect in Dialect]},
        "literal": {"type": "boolean", "description": "true: nothing in the text is markup"},
        **extra,
    }
    return {"type": "object", "required": ["text"], "additionalProperties": False, "properties": properties}


def _list_of(kind: str) -> dict[str, Any]:
    return {"type": "array", "items": {"$ref": f"#/$defs/{kind}"}}


def _prompt(extra: dict[str, Any]) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    for key in PROMPT_KEYS:
        kind = "tag" if key in TAG_KEYS else "sentence" if key == "sentences" else "scalar"
        kind = key if key in (Section.CHARACTER, Section.ARTIST) else kind
        either = {"anyOf": [{"$ref": f"#/$defs/{kind}"}, _list_of(kind)]}
        properties[key] = {"description": _DESCRIPTIONS[key], **either}
    return {"type": "object", "additionalProperties": False, "properties": {**extra, **properties}}


_ARTIST: dict[str, Any] = {
    "at": {"type": "boolean", "description": "false keeps a name without '@', as written"},
}
_CHARACTER: dict[str, Any] = {
    "series": {"type": ["boolean", "string"], "description": "true adds the series that the vocabulary knows"},
    "looks": {"type": "boolean", "description": "true adds hair, eyes and signature items as tags"},
    "sentence": {"type": "string", "description": "a sentence about this character"},
    "where": {"type": "string", "description": "place in the frame; makes a sentence from the looks"},
}
_SENTENCE: dict[str, Any] = {
    "type": "object",
    "required": ["text"],
    "additionalProperties": False,
    "properties": {"text": {"type": "string", "minLength": 1}, "place": {"enum": ["before", "after"]}},
}
_FILE: dict[str, Any] = {
    "name": {"type": "string"},
    "profile": {"type": "string", "description": "a release (base-1.0, turbo-1.1 ...) or a YAML file of your own"},
    "blend": {"enum": [style.value for style in Blend]},
    "negative": {"$ref": "#/$defs/negative"},
}

"""Instructions in English: ``remove all artist and lighting tags``, ``replace red hat with blue hat``, ``add safe``.

A small grammar, not a language model: a verb, then tags, groups or categories joined by commas and ``and``, then
``except``. What is not understood is an error, never a guess.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

from anima_prompt.captions.edits import (
    ALIASES,
    ARTIST_SIGNS,
    SAFETY_WORDS,
    UNDERSCORES,
    Add,
    CaptionOrder,
    Drop,
    DropImplied,
    JoinSentences,
    Operation,
    Replace,
    Selector,
    SplitSentences,
    check_place,
)
from anima_prompt.captions.select import SECTIONS
from anima_prompt.errors import InputError
from anima_prompt.names import text_to_name
from anima_prompt.vocabulary import Vocabulary

_DROP = re.compile(r"(?:remove|delete|drop|strip)\s+(?P<what>.+)", re.IGNORECASE)
_KEEP = re.compile(r"(?:keep(?:\s+only)?|only\s+keep)\s+(?P<what>.+)", re.IGNORECASE)
_REPLACE = re.compile(r"(?:replace|rename|change)\s+(?P<old>.+?)\s+(?:with|by|to|into)\s+(?P<new>.+)", re.IGNORECASE)
_ADD = re.compile(
    r"(?:add|append|prepend|insert|put)\s+(?P<what>.+?)(?:\s+(?:at|to)?\s*(?:the\s+)?(?P<at>start|beginning|front|end)|"
    r"\s+(?P<side>after|before)\s+(?:the\s+)?(?P<section>[a-z]+)(?:\s+tags?)?)?",
    re.IGNORECASE,
)
_MOVE = re.compile(r"move\s+(?P<what>.+?)\s+(?:to\s+)?(?:the\s+)?(?P<at>start|beginning|front|end)", re.IGNORECASE)
_FILLER = re.compile(r"^(?:all|every|any|the|each|of)\s+(?:of\s+)?(?:the\s+)?", re.IGNORECASE)
_TAGS = re.compile(r"\s+(?:tags?|words?)$", re.IGNORECASE)
_JOIN = re.compile(r"\s*(?:,\s*and\s+|,\s*|\s+and\s+|\s+or\s+)\s*", re.IGNORECASE)
_QUOTED = re.compile(r'"([^"]+)"')
_FIXED: tuple[tuple[str, Operation], ...] = (
    (r"(?:sort|order|reorder)(?:\s+(?:all\s+)?(?:the\s+)?tags?)?(?:\s+into.*order)?", CaptionOrder()),
    (
        r"(?:replace|fix|remove)\s+(?:all\s+)?(?:the\s+)?underscores?(?:\s+(?:with|by)\s+(?:spaces|blanks))?",
        UNDERSCORES,
    ),
    (r"(?:replace|fix|resolve)\s+(?:all\s+)?(?:the\s+)?aliases", ALIASES),
    (r"(?:remove|drop)\s+(?:all\s+)?(?:the\s+)?(?:implied|redundant)(?:\s+tags)?", DropImplied()),
    (r"(?:add|write|fix)\s+(?:an?\s+|the\s+)?(?:@|at[ -]signs?)(?:.*artists?)?", ARTIST_SIGNS),
    (r"(?:fix|convert)\s+(?:the\s+)?(?:safety|rating)(?:\s+(?:words|tags))?", SAFETY_WORDS),
    (r"split\s+(?:the\s+)?sentences", SplitSentences()),
    (r"join\s+(?:the\s+)?(?:sentences|lines)", JoinSentences()),
)
_WORDS = {
    "artists": "artist",
    "styles": "artist",
    "characters": "character",
    "names": "character",
    "copyrights": "series",
    "franchise": "series",
    "ratings": "safety",
    "rating": "safety",
    "counts": "count",
    "years": "year",
    "qualities": "quality",
    "generals": "general",
}
_GROUPS = {
    "lighting": "light",
    "lights": "light",
    "clothing": "clothes",
    "clothe": "clothes",
    "outfit": "clothes",
    "outfits": "clothes",
    "backgrounds": "background",
    "poses": "pose",
    "expressions": "expression",
    "hairstyle": "hair/style",
    "hairstyles": "hair/style",
    "hair color": "hair/colour",
    "hair colors": "hair/colour",
    "eye color": "eyes/colour",
    "eye colors": "eyes/colour",
    "eye": "eyes",
    "colors": "colour",
    "color": "colour",
    "colours": "colour",
    "accessories": "accessory",
    "hats": "headwear",
    "cameras": "camera",
    "views": "framing",
    "gestures": "gesture",
    "animal": "animals",
    "plant": "plants",
    "weathers": "weather",
    "places": "setting",
    "location": "setting",
    "locations": "setting",
    "scenery": "setting",
    "time": "sky_time",
    "sky": "sky_time",
    "effect": "effects",
    "techniques": "technique",
    "mediums": "medium",
    "actions": "action",
    "vehicle": "vehicles",
    "symbol": "symbols",
}


def parse_instruction(text: str, vocabulary: Vocabulary) -> list[Operation]:
    """Return the operations of an instruction; several are separated by ``;`` or `` then ``.

    Raises:
        InputError: it is not understood; the message shows forms that are.
    """
    parts = [part.strip(" .") for part in re.split(r";|\bthen\b", text) if part.strip(" .")]
    if not parts:
        raise InputError("the instruction is empty; write one such as 'remove all artist and lighting tags'")
    return [operation for part in parts for operation in _parsed(part, vocabulary)]


def _parsed(text: str, vocabulary: Vocabulary) -> list[Operation]:
    for pattern, operation in _FIXED:
        if re.fullmatch(pattern, text, re.IGNORECASE):
            return [operation]
    match = _REPLACE.fullmatch(text)
    if match:
        return [Replace(_selector(match["old"], vocabulary), _bare(match["new"]))]
    match = _KEEP.fullmatch(text)
    if match:
        chosen, but = _excepted(match["what"], vocabulary)
        if but:
            raise InputError(f"instruction '{text}': 'keep' takes no exceptions; write 'remove … except …'")
        return [Drop(tuple(chosen), others=True)]
    match = _DROP.fullmatch(text)
    if match:
        chosen, but = _excepted(match["what"], vocabulary)
        return [Drop(tuple(chosen), tuple(but))]
    match = _MOVE.fullmatch(text)
    if match:
        return [Add(_bare(match["what"]), _end(match["at"]), move=True)]
    match = _ADD.fullmatch(text)
    if match:
        return [Add(tag, _place(match, text)) for tag in _list(match["what"])]
    raise InputError(
        f"instruction '{text}' is not understood; write 'remove all artist and lighting tags', 'keep character tags', "
        "'replace red hat with blue hat', 'add safe at start', 'move mychar to start' or 'sort tags'"
    )


def _excepted(text: str, vocabulary: Vocabulary) -> tuple[list[Selector], list[Selector]]:
    what, *but = re.split(
        r"\s+(?:except|but not|other than|apart from)\s+(?:for\s+)?", text, maxsplit=1, flags=re.IGNORECASE
    )
    return _selectors(what, vocabulary), _selectors(but[0], vocabulary) if but else []


def _selectors(text: str, vocabulary: Vocabulary) -> list[Selector]:
    return [_selector(part, vocabulary) for part in _list(text)]


def _list(text: str) -> list[str]:
    """Return the parts of ``a, b and c``; what is in quotes is one part."""
    quoted = {f"\0{n}\0": match[1] for n, match in enumerate(_QUOTED.finditer(text))}
    for mark, inner in quoted.items():
        text = text.replace(f'"{inner}"', mark, 1)
    parts = [part for part in _JOIN.split(text.strip()) if part.strip()]
    return [quoted.get(part.strip(), part.strip()) for part in parts]


def _selector(text: str, vocabulary: Vocabulary) -> Selector:
    bare = _bare(text)
    is_kind = _TAGS.search(text) is not None
    if ":" in bare or any(sign in bare for sign in "*?"):
        return Selector.of(bare)
    lowered = bare.lower()
    section = _WORDS.get(lowered, lowered)
    if section in SECTIONS:
        return Selector(section, "*")
    group = _GROUPS.get(lowered, lowered.replace(" ", "_"))
    if vocabulary.group(group) and (is_kind or lowered in _GROUPS or text_to_name(bare) not in vocabulary):
        return Selector("group", group)
    if text_to_name(bare.removeprefix("@")) in vocabulary or text.strip().startswith('"') or not is_kind:
        return Selector("tag", bare)
    raise InputError(f"'{bare} tags' are not understood; {_near(lowered, vocabulary)}")


def _near(text: str, vocabulary: Vocabulary) -> str:
    groups = sorted({entry.group.split("/")[0] for entry in vocabulary.entries() if entry.group})
    names: Iterable[str] = (*SECTIONS, *_GROUPS, *groups)
    near = get_close_matches(text, list(names), n=1)
    return f"did you mean {near[0]}?" if near else f"categories: {', '.join(SECTIONS)}; groups: {', '.join(groups)}"


def _bare(text: str) -> str:
    stripped = _TAGS.sub("", _FILLER.sub("", text.strip()))
    return stripped.strip().strip('"')


def _place(match: re.Match[str], text: str) -> str:
    if match["section"]:
        section = _WORDS.get(match["section"].lower(), match["section"].lower())
        return check_place(f"{match['side'].lower()}:{section}")
    if match["at"]:
        return _end(match["at"])
    return "start" if text.lower().startswith("prepend") else "end"


def _end(word: str) -> str:
    return "end" if word.lower() == "end" else "start"

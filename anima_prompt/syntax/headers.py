r"""Headers of position clauses: ``On the left,``, ``Girl on the right:``, ``Character 1:``, ``[SCENE]``.

The text after a header belongs to it, so that header and description are one unit. Knows the forms of headers;
knows nothing of where their clauses end.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from anima_prompt.syntax.grammar import ARTICLES, PREPOSITIONS, PRONOUNS
from anima_prompt.syntax.stops import closes

_LONGEST = 80
_MOST_WORDS = 8
BULLET = re.compile(r"(?:[-*•–—]|\d{1,2}[.)]|\([a-z\d]\))[^\S\n]+(?=\S)")
_COLON = re.compile(r"(?P<head>(?:\\[()]|[^\W_]|[ \t'’\"&/#+._@()!-])+?)[ \t]*[:：](?=\s|$|[\"“(])")
_DASH = re.compile(r"(?P<head>[^\W\d_][\w '’-]{0,60}?)(?:[ \t]+[-–]|[ \t]*—)[ \t]+(?=\S)")
_COMMA = re.compile(r"(?P<head>[^\W_][^,，、.!?:;\n()\[\]{}<>|\"“]{1,78})(?P<comma>[,，])\s")
_PLACE = (
    r"(?:left|right|cent(?:er|re)|middle|top|bottom|front|back|foreground|middle[ -]?ground|midground|background"
    r"|distance|corner|mid|rear)"
)
_PERSON = (
    r"(?:girl|boy|woman|man|person|child|lady|guy|female|male|character|char|figure|subject|one|knight|witch|maid|cat"
    r"|dog|panel|frame|image)"
)
_ONE_PERSON = re.compile(_PERSON, re.IGNORECASE)
_POSITION = re.compile(
    rf"""
      (?:.*\s)? (?:far|upper|lower|top|bottom|center|middle)?[ -]?{_PLACE}
      (?:[ -](?:side|half|part|corner|panel|edge|third|row|{_PERSON}))?
    | (?:the[ ])?{_PERSON}[ _]?(?:\#?\d+|one|two|three|[a-d])(?:\s?\([^()]*\))?
    | (?:the[ ])?(?:first|second|third|fourth|other|another|left|right|taller|shorter|older|younger)\s{_PERSON}
    | (?:.*\s)?(?:on|in|at|to|near|from)\s(?:the|her|his|their|its|my|your)\s(?:far\s|upper\s|lower\s|very\s)?
      {_PLACE}(?:\s.*)?
    """,
    re.VERBOSE | re.IGNORECASE,
)
_PROSE_LABEL = re.compile(
    r"(?:(?:image|scene|short|long|detailed|full) )?(?:description|caption|scene|setting|summary|prose|nl"
    r"|natural language(?: description)?)",
    re.IGNORECASE,
)
_FORM_LABEL = re.compile(
    r"artists?|(?:art[_ ])?style|tags?|(?:general|character|copyright|meta|artist|negative|positive|quality)[_ ]tags?"
    r"|(?:positive|negative)?[_ ]?prompts?|positive|negative|quality|rating|safety|score|series|copyrights?|meta|year"
    r"|general|steps|sampler|scheduler|seed|cfg(?: scale)?|size|model(?: hash)?|lora(?: hashes)?|embedding|version"
    r"|aspect ratio|weight",
    re.IGNORECASE,
)
_INNER_STOP = re.compile(r"[.!?](?=\s)")
_LABEL = re.compile(r"\[[A-Z][A-Z\d_ ]{2,}\]|\*\*[^*\n]{1,40}:?\*\*")
_FIRST_WORD = re.compile(r"\s*(?P<word>[^\W\d_]+)")
_CONTENT = re.compile(r"\S")
_AFTER_LABEL = re.compile(r"[^\S\n]*[:—–-]?[^\S\n]*")


class Header:
    """End of a header, and its effect on the clause.

    Attributes:
        end: after its colon, comma or dash.
        certain: whether its clause may extend to the end of the line without a full stop.
        opens_lines: whether it describes the following lines, if its own line ends.
    """

    __slots__ = ("certain", "end", "opens_lines")

    def __init__(self, end: int, *, certain: bool = True, opens_lines: bool = False) -> None:
        """Keep the arguments."""
        self.end = end
        self.certain = certain
        self.opens_lines = opens_lines


def header_at(text: str, start: int, end: int, pieces: Mapping[int, int], *, fresh: bool) -> Header | None:
    """Return the header at ``start``, a unit's first character, or None.

    Args:
        pieces: start and end of every piece taken whole; a header does not cut one.
        fresh: whether the unit opens a line or follows a sentence or full stop; elsewhere fewer forms count.
    """
    if fresh and text[start] in "[(*":
        label = _label(text, start, end, pieces)
        if label is not None:
            return label
    if fresh:
        bullet = BULLET.match(text, start, end)
        start = bullet.end() if bullet else start
    limit = min(end, start + _LONGEST)
    match = _COLON.match(text, start, limit)
    if match and _is_whole(text, match):
        return _colon(text, match, end, fresh=fresh)
    if not fresh:
        return None
    match = _DASH.match(text, start, limit)
    if match and match["head"][0].isupper() and _is_place(match["head"]):
        return Header(match.end())
    match = _COMMA.match(text, start, limit)
    return _comma(match) if match else None


def clause_behind(text: str, start: int, end: int) -> int | None:
    """Return the start of the clause after a place phrase inside a list: ``hat, in the distance, a castle``.

    An article or a pronoun has to follow, as in no list of tags.
    """
    match = _COMMA.match(text, start, min(end, start + _LONGEST))
    if match is None or not _is_place(match["head"]):
        return None
    words = match["head"].lower().split()
    if words[0] not in PREPOSITIONS or (ARTICLES | PRONOUNS).isdisjoint(words):
        return None
    following = _FIRST_WORD.match(text, match.end(), end)
    opens = following is not None and following["word"].lower() in ARTICLES | PRONOUNS
    return following.start("word") if following is not None and opens else None


def _label(text: str, start: int, end: int, pieces: Mapping[int, int]) -> Header | None:
    """Read ``[SCENE]``, ``(left)``, ``**Left:**``."""
    match = _LABEL.match(text, start, end)
    stop = match.end() if match else 0
    if not match and text[start] in "([":
        stop = pieces.get(start, 0)
        if not stop or stop > min(end, start + _LONGEST) or not _is_place(text[start + 1 : stop - 1]):
            return None
    if not stop:
        return None
    behind = _AFTER_LABEL.match(text, stop, end)
    after = behind.end() if behind else stop
    content = _CONTENT.search(text, after, end)
    if content is None and (text[start] != "[" or text[stop:after].strip()):
        return None
    if content and content.group() == ",":
        return None
    return Header(after, opens_lines=text[start] != "[" and after < end)


def _colon(text: str, match: re.Match[str], end: int, *, fresh: bool) -> Header | None:
    head = match["head"].strip()
    words = head.split()
    if len(words) > _MOST_WORDS or _FORM_LABEL.fullmatch(head):
        return None
    if _PROSE_LABEL.fullmatch(head):
        return Header(match.end()) if fresh or head[0].isupper() else None
    if _is_place(head) or (head[0].isupper() and _ONE_PERSON.fullmatch(head)):
        return Header(match.end(), opens_lines=True)
    if not fresh or not head[0].isupper():
        return None
    return Header(match.end(), certain=not _is_title_behind(text, match.end(), end), opens_lines=True)


def _is_title_behind(text: str, start: int, end: int) -> bool:
    """Return whether the words after a colon are the rest of a title: ``Nier: Automata``."""
    rest = re.split(r"[,.;\n]", text[start : min(end, start + _LONGEST)].lstrip(), maxsplit=1)[0].split()
    return bool(rest) and all(word[0].isupper() or word[0].isdecimal() for word in rest)


def _comma(match: re.Match[str]) -> Header | None:
    head = match["head"].rstrip()
    words = head.lower().split()
    if len(words) > _MOST_WORDS:
        return None
    upper, place = head[0].isupper(), _is_place(head)
    if words[0] in PREPOSITIONS:
        if len(words) == 1:
            return Header(match.end("comma"), certain=False) if upper else None
        owned = not (ARTICLES | PRONOUNS | {"it"}).isdisjoint(words)
        if place and (owned or upper):
            return Header(match.end("comma"), certain=upper, opens_lines=True)
        return Header(match.end("comma"), certain=False) if upper and owned else None
    located = place and not PREPOSITIONS.isdisjoint(words) and not ARTICLES.isdisjoint(words)
    return Header(match.end("comma"), certain=upper, opens_lines=True) if located else None


def _is_place(head: str) -> bool:
    return _POSITION.fullmatch(head.strip()) is not None


def _is_whole(text: str, match: re.Match[str]) -> bool:
    """Return whether a header has balanced parentheses and quotation marks, and no full stop that ends a sentence."""
    head = match["head"]
    bare = head.replace("\\(", "").replace("\\)", "")
    if bare.count("(") != bare.count(")") or head.count('"') % 2 or not any(char.isalpha() for char in head):
        return False
    start = match.start("head")
    return not any(closes(text, start + stop.start() + 1, match.end("head")) for stop in _INNER_STOP.finditer(head))

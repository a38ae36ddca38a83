r"""Names, prompt texts, and conversion between them.

A *name* is canonical: lower case, underscores, bare parentheses (``oil_painting_(medium)``). A *text* is how a prompt
writes it (``oil painting \(medium\)``). Knows escaping and the underscore rule; knows nothing of the vocabulary.
Source: Anima model card (spaces, lower case, ``score_N``); Danbooru names of 2025-09-24 for the exceptions.
"""

from __future__ import annotations

import re

from anima_prompt.dialects import Dialect

is_everyday = re.compile(r"[a-z0-9][a-z0-9'!?:;+./-]*(?: [a-z0-9'!?:;+./-]+)*").fullmatch
"""Match a text that is already canonical and needs no escape in any dialect, as most are. A short cut, not a rule."""

_SCORE = re.compile(r"score_\d+(?:_up)?", re.IGNORECASE)
QUALIFIER = re.compile(r"_\(([^()]+)\)$")
"""The last qualifier of a name: ``(kancolle)`` of ``fubuki_(kancolle)``."""

qualified = re.compile(r"[^()]*[^\s()_,][ _]?(?:\((?:[^()]|\([^()]*\))+\)[ _]?)+").fullmatch
"""Match an unescaped text that ends in qualifiers: ``fern (sousou no frieren)``, ``hina_(dress)_(blue_archive)``."""

_INNER_UNDERSCORE = re.compile(r"(?<=[^\s_])_(?=[^\s_])")
_WHITESPACE = re.compile(r"\s+")
_LIVE_PAREN = re.compile(r"(?<!\\)[()]")
_ESCAPED_PAREN = re.compile(r"\\([()])")
_A1111_ESCAPE = re.compile(r"\\(.)|\\$", re.DOTALL)


def keeps_underscores(name: str) -> bool:
    """Return whether the prompt text of ``name`` has underscores, not spaces.

    True for scores and for faces: one character on either side (``o_o``, ``>_@``), or signs on both sides of every
    underscore (``<|>_<|>``). A parenthesis after the underscore is a qualifier, not a face.

    >>> [keeps_underscores(n) for n in ("score_7", "^_^", "o_o", "<|>_<|>", "long_hair", "mr._(x)")]
    [True, True, True, True, False, False]
    """
    if len(name) == 3 and name[1] == "_":
        return True
    if _SCORE.fullmatch(name):
        return True
    places = [i for i, char in enumerate(name) if char == "_"]
    return bool(places) and all(_between_signs(name, i) for i in places)


def _between_signs(name: str, place: int) -> bool:
    if not 0 < place < len(name) - 1:
        return False
    before, after = name[place - 1], name[place + 1]
    return not (before.isalnum() or after.isalnum() or before in "_()" or after in "_(")


def spaced(text: str) -> str:
    r"""Return ``text`` with spaces instead of underscores, unless :func:`keeps_underscores` is true.

    Outer and double underscores are not spaces and stay, and so do escapes.

    >>> spaced("looking_at_viewer"), spaced("@_@"), spaced("score_7"), spaced(r"aikatsu!_\(series\)")
    ('looking at viewer', '@_@', 'score_7', 'aikatsu! \\(series\\)')
    """
    if "_" not in text or keeps_underscores(unescape(text)):
        return text
    return _INNER_UNDERSCORE.sub(" ", text)


def squeezed(text: str) -> str:
    r"""Return ``text`` without outer whitespace and with single spaces inside.

    >>> squeezed("  long \t hair ")
    'long hair'
    """
    return _WHITESPACE.sub(" ", text.strip())


def escape(literal: str, dialect: Dialect = Dialect.COMFYUI) -> str:
    r"""Return ``literal`` written so that ``dialect`` reads every character as itself.

    >>> escape("len (tsukihime)"), escape(r"\m/", Dialect.A1111), escape("a (b)", Dialect.PLAIN)
    ('len \\(tsukihime\\)', '\\\\m/', 'a (b)')
    """
    if not dialect.reads_weights:
        return literal
    if dialect.reads_brackets:
        literal = literal.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
    return literal.replace("(", "\\(").replace(")", "\\)")


def with_escapes(text: str) -> str:
    r"""Return ``text`` with a backslash before every parenthesis that has none.

    >>> with_escapes(r"hina \(dress\) (blue archive)")
    'hina \\(dress\\) \\(blue archive\\)'
    """
    return _LIVE_PAREN.sub(lambda match: f"\\{match.group()}", text)


def unescape(text: str, dialect: Dialect = Dialect.COMFYUI) -> str:
    r"""Return ``text`` as ``dialect`` reads it: the inverse of :func:`escape`.

    ``a1111`` drops a lone backslash, ComfyUI keeps it.

    >>> unescape(r"len \(tsukihime\)"), unescape(r"a\b"), unescape(r"a\b", Dialect.A1111)
    ('len (tsukihime)', 'a\\b', 'ab')
    """
    if "\\" not in text or not dialect.reads_weights:
        return text
    if dialect.reads_brackets:
        return _A1111_ESCAPE.sub(_a1111_literal, text)
    return _ESCAPED_PAREN.sub(r"\1", text)


def _a1111_literal(match: re.Match[str]) -> str:
    return match.group(1) or ""


def name_to_text(name: str, dialect: Dialect = Dialect.COMFYUI) -> str:
    r"""Return the prompt text of a canonical name.

    >>> name_to_text("oil_painting_(medium)"), name_to_text("^_^")
    ('oil painting \\(medium\\)', '^_^')
    """
    return escape(spaced(name), dialect)


def text_to_name(text: str, dialect: Dialect = Dialect.COMFYUI) -> str:
    r"""Return the canonical name of a prompt text: unescaped, lower case, underscores.

    An artist's leading ``@`` is part of the text, not of the name; the caller removes it (:func:`artist_name`).

    >>> text_to_name(r"Oil Painting \(medium\)"), text_to_name("@_@"), text_to_name(">:\\(")
    ('oil_painting_(medium)', '@_@', '>:(')
    """
    if is_everyday(text):
        return text.replace(" ", "_")
    return squeezed(unescape(text, dialect)).lower().replace(" ", "_")


def is_artist(text: str) -> bool:
    """Return whether ``text`` is an artist: ``@`` and a name. Faces such as ``@_@`` are not artists.

    >>> [is_artist(t) for t in ("@wlop", "@@ichigo", "@ wlop", "@_@", ">_@", "@")]
    [True, True, True, False, False, False]
    """
    return text.startswith("@") and not keeps_underscores(text) and any(char.isalnum() for char in text)


def artist_name(text: str, dialect: Dialect = Dialect.COMFYUI) -> str:
    r"""Return the canonical name after an ``@``.

    >>> artist_name(r"@poco \(asahi age\)"), artist_name("@@ichigo")
    ('poco_(asahi_age)', '@ichigo')
    """
    return text_to_name(text.removeprefix("@").removeprefix("_"), dialect)

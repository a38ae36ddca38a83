"""Codes and names of rules that were merged into others or renamed, for a message that names the successor.

Retired codes are never used again. A configuration or suppression comment that names one is reported.
"""

from __future__ import annotations

RETIRED_CODES = {
    "ANI110": ("ANI107", "ANI109"),
    "ANI122": ("ANI101",),
    "ANI123": ("ANI101",),
    "ANI307": ("ANI411",),
    "ANI404": ("ANI411",),
    "ANI413": ("ANI801",),
    "ANI420": ("ANI411",),
    "ANI506": ("ANI102",),
}
"""Retired code -> the codes that report its findings now."""

RETIRED_NAMES = {
    "artist-unescaped-qualifier": ("ANI102",),
    "bracket-unbalanced": ("ANI101",),
    "burnt-colours": ("ANI906",),
    "colour-conflict": ("ANI607",),
    "dataset-multiple": ("ANI411",),
    "negative-anatomy-wall": ("ANI805",),
    "negative-style-own-goal": ("ANI808",),
    "paren-unbalanced": ("ANI101",),
    "quote-unclosed": ("ANI101",),
    "safety-multiple": ("ANI411",),
    "safety-pos-neg-clash": ("ANI801",),
    "score-multiple": ("ANI411",),
    "style-wanders": ("ANI903",),
    "weight-nonfinite": ("ANI107", "ANI109"),
    "year-multiple": ("ANI411",),
}
"""Retired name -> the codes that report its findings now."""


def retirement(selector: str) -> str:
    """Return a message about a retired code or name that names its successors, or "" for other selectors.

    >>> retirement("ANI404"), retirement("ANI202")
    ("rule 'ANI404' is retired; use ANI411", '')
    """
    successors = RETIRED_CODES.get(selector) or RETIRED_NAMES.get(selector)
    return f"rule '{selector}' is retired; use {' and '.join(successors)}" if successors else ""

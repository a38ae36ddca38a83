"""Artists (ANI5)."""

from anima_prompt.lint.rule import Rule
from anima_prompt.lint.rules.artists import (
    artist_alias,
    artist_at_space,
    artist_by_phrase,
    artist_double_at,
    artist_missing_at,
    artist_mixer_syntax,
    artist_run_on,
    artist_typo,
    artist_underscore,
    artist_uppercase,
    at_on_nonartist,
    too_many_artists,
)

RULES: tuple[Rule, ...] = (
    artist_missing_at.RULE,
    artist_at_space.RULE,
    artist_underscore.RULE,
    artist_uppercase.RULE,
    artist_by_phrase.RULE,
    artist_run_on.RULE,
    artist_double_at.RULE,
    at_on_nonartist.RULE,
    too_many_artists.RULE,
    artist_alias.RULE,
    artist_typo.RULE,
    artist_mixer_syntax.RULE,
)
"""All rules of the family, by code. A new rule is a module of this folder and a line here."""

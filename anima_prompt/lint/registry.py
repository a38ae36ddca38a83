"""All rules: the families of :mod:`anima_prompt.lint.rules`, the word rules, and the rules of installed packages.

Each family lists its rules. A package adds rules by an entry point of the group ``anima_prompt.rules`` that gives a
list of :class:`~anima_prompt.lint.rule.Rule`.
"""

from __future__ import annotations

from functools import cache

from anima_prompt.errors import InputError
from anima_prompt.lint.datarules import builtin_rules
from anima_prompt.lint.rule import Rule
from anima_prompt.lint.rules import (
    artists,
    count,
    language,
    linter,
    negative,
    order,
    quality,
    references,
    safety,
    settings,
    syntax,
    typography,
    unicode,
    vocabulary,
    weights,
    year,
)

ENTRY_POINTS = "anima_prompt.rules"

_FAMILIES = (
    syntax,
    weights,
    references,
    typography,
    unicode,
    order,
    quality,
    safety,
    count,
    year,
    artists,
    vocabulary,
    language,
    negative,
    settings,
    linter,
)


@cache
def all_rules() -> tuple[Rule, ...]:
    """Return every rule, by code.

    Raises:
        DataFileError: the file of word rules cannot be read.
        InputError: an installed package takes a code or name that is in use.
    """
    own = [*(rule for family in _FAMILIES for rule in family.RULES), *builtin_rules()]
    return joined(own, _installed())


def joined(rules: list[Rule], more: list[Rule]) -> tuple[Rule, ...]:
    """Return the rules of both lists, by code.

    Raises:
        InputError: one of ``more`` takes a code or name that is in use.
    """
    codes, names = {rule.code for rule in rules}, {rule.name for rule in rules}
    for rule in more:
        if rule.code in codes or rule.name in names:
            raise InputError(f"rule {rule.code} ({rule.name}) takes a code or a name that is in use; choose another")
        codes.add(rule.code)
        names.add(rule.name)
    return tuple(sorted((*rules, *more), key=lambda rule: rule.code))


def rule_named(selector: str) -> Rule:
    """Return the rule with a code or name.

    Raises:
        InputError: there is none; the message names the nearest.
    """
    for rule in all_rules():
        if selector.upper() == rule.code or selector.lower() == rule.name:
            return rule
    from anima_prompt.lint.config import unknown_rule

    raise unknown_rule(selector, all_rules())


def _installed() -> list[Rule]:
    from importlib.metadata import entry_points

    found: list[Rule] = []
    for point in entry_points(group=ENTRY_POINTS):
        try:
            found += list(point.load())
        except (ImportError, AttributeError, TypeError) as error:
            raise InputError(
                f"rules of '{point.value}' cannot be loaded ({error}); update or remove that package"
            ) from error
    return found

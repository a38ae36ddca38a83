"""All rules: the families of :mod:`anima_prompt.lint.rules`, the word rules, and the rules of installed packages.

Each family lists its rules. A package adds rules by an entry point of the group ``anima_prompt.rules`` that gives a
list of :class:`~anima_prompt.lint.rule.Rule`; :mod:`anima_prompt.lint.plugins` loads it.
"""

from __future__ import annotations

from functools import cache

from anima_prompt.errors import InputError
from anima_prompt.lint.plugins import load_plugins
from anima_prompt.lint.rule import Rule
from anima_prompt.lint.rules import (
    artists,
    captions,
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
from anima_prompt.lint.word_rules import builtin_rules

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
    captions,
    linter,
)


@cache
def all_rules() -> tuple[Rule, ...]:
    """Return every rule, by code.

    Raises:
        DataFileError: the file of word rules cannot be read.
    """
    return _with_plugins()[0]


def plugin_errors() -> tuple[str, ...]:
    """Return one line for each installed plug-in, or rule of a plug-in, that cannot be used."""
    return _with_plugins()[1]


@cache
def _with_plugins() -> tuple[tuple[Rule, ...], tuple[str, ...]]:
    rules = [*(rule for family in _FAMILIES for rule in family.RULES), *builtin_rules()]
    installed, errors = load_plugins()
    for rule in installed:
        try:
            rules = list(joined(rules, [rule]))
        except InputError as error:
            errors.append(str(error))
    return tuple(sorted(rules, key=lambda rule: rule.code)), tuple(errors)


def joined(rules: list[Rule], more: list[Rule]) -> tuple[Rule, ...]:
    """Return the rules of both lists, by code.

    Raises:
        InputError: a rule of ``more`` has a code or name that is in use.
    """
    codes, names = {rule.code for rule in rules}, {rule.name for rule in rules}
    for rule in more:
        if rule.code in codes or rule.name in names:
            raise InputError(f"rule {rule.code} ({rule.name}) has a code or a name that is in use; choose another")
        codes.add(rule.code)
        names.add(rule.name)
    return tuple(sorted((*rules, *more), key=lambda rule: rule.code))


def rule_named(selector: str) -> Rule:
    """Return the rule with a code or name.

    Raises:
        InputError: no rule has that code or name; the message names the nearest.
    """
    for rule in all_rules():
        if selector.upper() == rule.code or selector.lower() == rule.name:
            return rule
    from anima_prompt.lint.config import unknown_rule

    raise unknown_rule(selector, all_rules())

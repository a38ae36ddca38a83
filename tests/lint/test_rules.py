"""Every rule's own examples, and what all rules have in common."""

from __future__ import annotations

import pytest

from anima_prompt.lint import Config, Example, Linter, Rule, Safety, all_rules

RULES = all_rules()
PROMPT_RULES = [rule for rule in RULES if rule.check_set is None]  # the others: tests/captions/test_set_rules.py
BAD = [(rule, example) for rule in PROMPT_RULES for example in rule.bad]
GOOD = [(rule, example) for rule in PROMPT_RULES for example in rule.good]
_linters: dict[str, Linter] = {}


def linter_for(rule: Rule) -> Linter:
    if rule.code not in _linters:
        config = Config() if rule.code == "ANI001" else Config(select=(rule.code,))
        _linters[rule.code] = Linter(config)
    return _linters[rule.code]


def ids(value: object) -> str:
    return value.name if isinstance(value, Rule) else value.text[:40] if isinstance(value, Example) else str(value)


@pytest.mark.parametrize(("rule", "example"), BAD, ids=ids)
def test_a_rule_speaks_on_its_bad_examples(rule: Rule, example: Example) -> None:
    found = linter_for(rule).check(example.document())
    assert [d.name for d in found if d.name == rule.name], found


@pytest.mark.parametrize(("rule", "example"), GOOD, ids=ids)
def test_a_rule_is_silent_on_its_good_examples(rule: Rule, example: Example) -> None:
    assert [d for d in linter_for(rule).check(example.document()) if d.code == rule.code] == []


@pytest.mark.parametrize(
    ("rule", "example"),
    [pair for pair in BAD if pair[1].fixed is not None or pair[1].fixed_negative is not None],
    ids=ids,
)
def test_a_rule_fixes_its_examples_as_it_says(rule: Rule, example: Example) -> None:
    fixed = linter_for(rule).fix(example.document(), unsafe=True)
    if example.fixed is not None:
        assert fixed.prompt == example.fixed
    if example.fixed_negative is not None:
        assert fixed.negative == example.fixed_negative


@pytest.mark.parametrize("rule", RULES, ids=ids)
def test_a_rule_has_examples_of_both_kinds_and_a_reason(rule: Rule) -> None:
    assert rule.bad
    assert rule.good
    assert rule.reason.endswith(".")
    assert rule.check or rule.check_tag or rule.check_set or rule.code == "ANI001"


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.fix is Safety.SAFE], ids=ids)
def test_a_rule_with_a_safe_fix_shows_one(rule: Rule) -> None:
    shown = [d for example in rule.bad for d in linter_for(rule).check(example.document())]
    assert any(fix.safe for d in shown for fix in d.fixes)


def test_codes_and_names_are_unique_and_there_are_enough_of_them() -> None:
    assert len({rule.code for rule in RULES}) == len({rule.name for rule in RULES}) == len(RULES)
    assert len(RULES) >= 80

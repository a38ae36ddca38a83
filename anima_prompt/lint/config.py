"""Which rules run, their severities, and which fixes are allowed. Pure data; files are read elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from anima_prompt.diagnostics import Severity
from anima_prompt.errors import InputError
from anima_prompt.lint.retired import retirement
from anima_prompt.lint.rule import Rule


@dataclass(frozen=True, slots=True)
class Config:
    """Choices about rules. A selector is a code (``ANI101``), a prefix (``ANI1``), a name, or ``ALL``.

    Attributes:
        select: rules to run; None for those that are on by default.
        extend_select: rules to run in addition.
        ignore: rules not to run; the longest selector that matches a rule decides, and ``ignore`` wins a tie.
        fixable, unfixable: rules whose fixes may be applied, and those whose may not.
        extend_safe_fixes, extend_unsafe_fixes: rules whose fixes count as safe, or as unsafe.
        severities: severity by selector.
        words: names to accept although the vocabulary lacks them, with spaces or underscores.
    """

    select: tuple[str, ...] | None = None
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    fixable: tuple[str, ...] = ("ALL",)
    unfixable: tuple[str, ...] = ()
    extend_safe_fixes: tuple[str, ...] = ()
    extend_unsafe_fixes: tuple[str, ...] = ()
    severities: dict[str, Severity] = field(default_factory=dict)
    words: frozenset[str] = frozenset()

    def runs(self, rule: Rule) -> bool:
        """Return whether a rule is on."""
        chosen = _reach(self.extend_select, rule)
        if self.select is not None:
            chosen = max(chosen, _reach(self.select, rule))
        elif rule.default:
            chosen = max(chosen, 0)
        return chosen > _reach(self.ignore, rule)

    def may_fix(self, rule: Rule) -> bool:
        """Return whether a rule's fixes may be applied."""
        return _reach(self.fixable, rule) > _reach(self.unfixable, rule)

    def safety(self, rule: Rule, *, safe: bool) -> bool:
        """Return whether a fix of ``rule`` counts as safe."""
        raised, lowered = _reach(self.extend_safe_fixes, rule), _reach(self.extend_unsafe_fixes, rule)
        return safe if raised == lowered else raised > lowered

    def severity(self, rule: Rule) -> Severity | None:
        """Return the configured severity of a rule, or None."""
        fitting = [(_fit(selector, rule), severity) for selector, severity in self.severities.items()]
        best = max(fitting, key=lambda pair: pair[0], default=(-1, None))
        return best[1] if best[0] >= 0 else None

    def check(self, rules: Iterable[Rule]) -> None:
        """Check that every selector matches a rule.

        Raises:
            InputError: a selector matches no rule.
        """
        known = tuple(rules)
        groups = (self.select or (), self.extend_select, self.ignore, self.fixable, self.unfixable)
        more = (self.extend_safe_fixes, self.extend_unsafe_fixes, tuple(self.severities))
        for selector in (s for group in (*groups, *more) for s in group):
            check_selector(selector, known)


def check_selector(selector: str, rules: Iterable[Rule]) -> None:
    """Check that a selector matches a rule.

    Raises:
        InputError: it matches no rule; the message names the nearest code or name.
    """
    known = tuple(rules)
    if not any(_fit(selector, rule) >= 0 for rule in known):
        raise unknown_rule(selector, known)


def unknown_rule(selector: str, rules: Iterable[Rule]) -> InputError:
    """Return the error for a selector that matches no rule; it names the nearest code or name."""
    from difflib import get_close_matches

    retired = retirement(selector)
    if retired:
        return InputError(retired)
    near = get_close_matches(selector, [name for rule in rules for name in (rule.code, rule.name)], n=1)
    hint = f"did you mean '{near[0]}'?" if near else "use a code such as ANI201, a prefix of a code, a name, or ALL"
    return InputError(f"rule '{selector}' is unknown; {hint}")


def _reach(selectors: Iterable[str], rule: Rule) -> int:
    return max((_fit(selector, rule) for selector in selectors), default=-1)


def _fit(selector: str, rule: Rule) -> int:
    """Return how exactly a selector matches a rule: -1 not at all, higher is more exact."""
    if selector == "ALL":
        return 0
    if selector == rule.name:
        return len(rule.code)
    return len(selector) if selector and rule.code.startswith(selector) else -1

"""The linter: rules with codes, fixes, a configuration. Most programs only need ``lint(text)`` and ``fix(text)``."""

from anima_prompt.lint.config import Config
from anima_prompt.lint.document import Document, Role, Settings
from anima_prompt.lint.fixing import Fixed
from anima_prompt.lint.linter import Linter, fix, lint
from anima_prompt.lint.registry import all_rules, rule_named
from anima_prompt.lint.rule import Example, Finding, Rule, Safety

__all__ = [
    "Config",
    "Document",
    "Example",
    "Finding",
    "Fixed",
    "Linter",
    "Role",
    "Rule",
    "Safety",
    "Settings",
    "all_rules",
    "fix",
    "lint",
    "rule_named",
]

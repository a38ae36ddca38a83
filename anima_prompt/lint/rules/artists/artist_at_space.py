"""``@ wlop``: a space after the ``@``."""

from __future__ import annotations

import re
from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.environment import Environment, Facts
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, finding_at, plain, quoted
from anima_prompt.names import keeps_underscores

_BLANK = re.compile(r"[@＠][\s_]+(?=\w)|＠(?=\w)")


def check_tag(facts: Facts, environment: Environment) -> Iterator[Finding]:
    """Flag a space or an underscore between ``@`` and the name, and a full-width ``＠``."""
    match = _BLANK.match(facts.text)
    if match and not keeps_underscores(facts.text):
        right = "@" + facts.text[match.end() :]
        yield finding_at(
            (0, match.end()), f"'@' must directly precede the artist name; write {quoted(right)}", write="@"
        )


RULE = Rule(
    code="ANI502",
    name="artist-at-space",
    severity=Severity.ERROR,
    reason="'@ name' is other tokens than '@name', and the model does not recognize the artist. Source: model card.",
    bad=(Example("1girl, @ wlop, smile", "1girl, @wlop, smile"), *plain("1girl, @_wlop", "1girl, ＠wlop")),
    good=plain("1girl, @wlop, smile", "1girl, @_@", "meet me @ home"),
    fix=Safety.SAFE,
    check_tag=check_tag,
)

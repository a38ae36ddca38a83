"""Facts about codes and names that merging and renaming rules retired."""

from __future__ import annotations

import pytest

from anima_prompt.cli.main import main
from anima_prompt.errors import InputError
from anima_prompt.lint import Config, Document, Linter, all_rules
from anima_prompt.lint.linter import with_suppressions
from anima_prompt.lint.registry import rule_named
from anima_prompt.lint.retired import RETIRED_CODES, RETIRED_NAMES, retirement

RETIRED = {**RETIRED_CODES, **RETIRED_NAMES}


def test_retired_codes_and_names_are_not_in_use_and_their_successors_are() -> None:
    codes, names = {rule.code for rule in all_rules()}, {rule.name for rule in all_rules()}
    assert codes.isdisjoint(RETIRED_CODES)
    assert names.isdisjoint(RETIRED_NAMES)
    assert {successor for successors in RETIRED.values() for successor in successors} <= codes


@pytest.mark.parametrize("selector", RETIRED)
def test_a_configuration_that_names_a_retired_rule_gets_the_successor(selector: str) -> None:
    with pytest.raises(InputError, match=f"rule '{selector}' is retired; use {RETIRED[selector][0]}"):
        Linter(Config(ignore=(selector,)))
    with pytest.raises(InputError, match="is retired"):
        rule_named(selector)


@pytest.mark.parametrize("selector", RETIRED)
@pytest.mark.parametrize("more", ["", " ANI202"])
def test_a_suppression_comment_that_names_a_retired_rule_gets_the_successor(selector: str, more: str) -> None:
    text = f"# anima: ignore {selector}{more} reason\nmasterpiece, safe, 1girl, long_hair"
    messages = [d.message for d in Linter().check(Document(text)) if d.code == "ANI001"]
    assert messages == [retirement(selector)]
    assert messages[0].endswith(f"use {' and '.join(RETIRED[selector])}")


def test_a_comment_with_a_retired_code_suppresses_nothing() -> None:
    found = Linter().check(Document("# anima: ignore ANI404\nscore_9, score_8, 1girl"))
    assert [d.message for d in found if d.code == "ANI411"] == [
        "'score_8' is a second score after 'score_9'; an image has one, remove one of them"
    ]


def test_a_comment_in_the_negative_prompt_is_reported_there() -> None:
    found = Linter().check(Document("1girl", "# anima: ignore ANI413\nblurry"))
    assert [(d.part, d.start) for d in found if d.code == "ANI001"] == [("negative", 0)]


def test_a_sidecar_is_reported_at_its_image() -> None:
    linter = Linter()
    found = linter.check(Document("score_9, score_8, 1girl"))
    reported = with_suppressions(linter, found, "# anima: ignore ANI404 two scores on purpose")
    assert [(d.start, d.message) for d in reported if d.code == "ANI001"] == [
        (0, "rule 'ANI404' is retired; use ANI411")
    ]


def test_the_command_line_names_the_successor_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["lint", "--no-cache", "--select", "ANI404", "1girl, score_9, score_8"])
    assert stopped.value.code == 2
    assert capsys.readouterr().err == "error: rule 'ANI404' is retired; use ANI411\n"

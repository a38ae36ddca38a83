"""The engine: contexts, configuration, suppressions, fixes."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from anima_prompt import Dialect, Severity, weighted_segments
from anima_prompt.errors import InputError, ProfileError
from anima_prompt.lint import Config, Document, Example, Finding, Linter, Role, Rule, Settings, all_rules, fix, lint
from anima_prompt.lint.fixing import apply_edits
from anima_prompt.lint.registry import joined
from anima_prompt.syntax import nodes as syntax
from anima_prompt.syntax import parse
from tests.strategies import any_texts

LINTER = Linter()


def names(text: str, **more: Any) -> list[str]:
    return [d.name for d in lint(text, **more)]


def document_of(record: dict[str, Any]) -> Document:
    given = record.get("settings", {})
    scale = Decimal(str(given["cfg"])) if "cfg" in given else None
    settings = Settings(given.get("steps"), scale, width=given.get("width"), height=given.get("height"))
    role, profile = Role(record.get("role", "positive")), record.get("profile", "base-1.0")
    return Document(record["prompt"], record.get("negative"), role, profile=profile, settings=settings)


RENAMED = {"colour-conflict": "color-conflict"}
"""Names in the reference data that the rules have outgrown."""


def records(shared: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (shared / "data" / name).read_text(encoding="utf-8").splitlines()]


def test_every_expected_rule_fires_on_the_broken_prompts(shared: Path) -> None:
    for record in records(shared, "prompts_broken.jsonl"):
        found = {d.name for d in LINTER.check(document_of(record))}
        assert {RENAMED.get(name, name) for name in record["expect"]} <= found, record


def test_the_clean_prompts_have_no_error_and_hardly_a_warning(shared: Path) -> None:
    clean = records(shared, "prompts_clean.jsonl")
    found = [LINTER.check(document_of(record)) for record in clean]
    assert not [d for one in found for d in one if d.severity is Severity.ERROR]
    assert sum(any(d.severity is Severity.WARNING for d in one) for one in found) <= 0.03 * len(clean)


@given(any_texts)
def test_any_text_can_be_linted_and_spans_lie_inside_it(text: str) -> None:
    for diagnostic in LINTER.check(Document(text, "")):
        assert 0 <= diagnostic.start <= diagnostic.end <= len(text)


@given(any_texts, st.booleans())
def test_fixing_twice_changes_nothing_the_second_time(text: str, unsafe: bool) -> None:
    fixed = LINTER.fix(Document(text), unsafe=unsafe)
    assert LINTER.fix(Document(fixed.prompt), unsafe=unsafe).prompt == fixed.prompt


@given(any_texts)
@example("A\u038b")  # not assigned: in the Greek block, and no letter
def test_a_fixed_prompt_has_no_diagnostic_with_a_safe_fix_left(text: str) -> None:
    fixed = LINTER.fix(Document(text))
    assert [d.name for d in fixed.diagnostics if any(f.safe for f in d.fixes)] == []


@given(any_texts, st.booleans())
def test_a_fix_leaves_quotations_references_wildcards_and_comments_alone(text: str, unsafe: bool) -> None:
    fixed = LINTER.fix(Document(text), unsafe=unsafe).prompt
    kinds = (syntax.Quote, syntax.LoraReference, syntax.Embedding, syntax.Comment)
    kept = [node.text for node in syntax.walk(parse(text).nodes) if isinstance(node, kinds)]
    for piece in kept:
        assert piece in fixed


def generated(count: int) -> list[str]:
    """Prompts with the slips that people make, the same every time."""
    import random

    tags = (
        "1girl, solo, long_hair, smile, Blue Eyes, looking at viewer, hatsune miku, vocaloid, @wlop, @shinkawa_youji, school uniform, "
        "(hat:1.2), ((night)), (outdoors:0.8), <lora:x:1>, red hair, len (tsukihime), @poco (asahi age), watercolor /(medium/), "
        'a sign reads "Some_Text, Here", year_2025, score 7, masterpiece, best quality, rating_safe, commentary, 1 boy, @_@, ^_^, '
        "{a|b}, __colour__ dress, embedding:bad_hands, easynegative, cat&#039;s cradle, hat:1.5, (smile:1.0), >:(, long  hair"
    ).split(", ")
    gaps = (", ", ",", " , ", ",  ", ", , ", ",\n", "，")
    chosen = random.Random(7)
    prompts = []
    for _ in range(count):
        picked = chosen.sample(tags, chosen.randint(3, 14))
        text = "".join(tag + chosen.choice(gaps) for tag in picked)
        prompts.append(text + chosen.choice(("", "She wears a Red_Hat and runs.", "A girl says hello. ")))
    return prompts


def test_two_thousand_generated_prompts_are_fixed_once_and_for_all() -> None:
    for text in generated(2_000):
        fixed = LINTER.fix(Document(text))
        assert LINTER.fix(Document(fixed.prompt)).prompt == fixed.prompt
        assert not [d.name for d in fixed.diagnostics if any(f.safe for f in d.fixes)]


SPEAKS_OF_WEIGHTS = re.compile(
    r"weight|paren|escape|duplicate|embedding|control|aesthetic|break|face|square|unsupported|fullwidth|empty"
)


def bare(text: str) -> list[tuple[str, float]]:
    """What ComfyUI reads, less the typography that fixes may change."""
    pieces: list[tuple[str, float]] = []
    for piece, weight in weighted_segments(text, Dialect.COMFYUI):
        kept = re.sub(r"[\s_,]+", "", piece).lower()
        if kept and pieces and pieces[-1][1] == weight:
            pieces[-1] = (pieces[-1][0] + kept, weight)
        elif kept:
            pieces.append((kept, weight))
    return pieces


def test_safe_fixes_keep_the_weighted_segments_unless_they_say_so() -> None:
    config = Config(ignore=tuple(rule.code for rule in all_rules() if SPEAKS_OF_WEIGHTS.search(rule.name)))
    linter = Linter(config)
    words = ("score", "year", "rating", "count", "html", "instruction", "quality", "safety")
    config = Config(ignore=(*config.ignore, *(rule.code for rule in all_rules() if rule.name.startswith(words))))
    linter = Linter(config)
    faceless = [text.replace(">:(", ">_<") for text in generated(600)]  # an open parenthesis makes even blanks count
    for text in faceless:
        fixed = linter.fix(Document(text)).prompt
        assert bare(fixed.replace("，", ",")) == bare(text.replace("，", ","))


def test_select_ignore_and_extend_choose_rules_by_code_family_and_name() -> None:
    text = "1girl, long_hair, Blue Hair"
    assert [d.name for d in lint(text, config=Config(select=("ANI202",)))] == ["underscore-tag"]
    assert [d.name for d in lint(text, config=Config(select=("ANI2",)))] == ["underscore-tag", "uppercase-tag"]
    assert [d.name for d in lint(text, config=Config(select=("ANI2",), ignore=("uppercase-tag",)))] == [
        "underscore-tag"
    ]
    assert "near-duplicate" not in names("1girl, long hair, very long hair")
    more = Config(extend_select=("near-duplicate",))
    assert "near-duplicate" in [d.name for d in lint("1girl, long hair, very long hair", config=more)]


def test_a_narrower_selector_beats_a_broader_one() -> None:
    config = Config(select=("ANI2",), ignore=("ANI20", "ANI3"), extend_select=("ANI202",))
    assert [d.name for d in lint("1girl, long_hair, Blue Hair", config=config)] == ["underscore-tag"]


def test_an_unknown_selector_names_the_nearest() -> None:
    with pytest.raises(InputError, match="rule 'underscore-tags' is unknown; did you mean 'underscore-tag'"):
        Linter(Config(select=("underscore-tags",)))


def test_severities_fixables_and_safety_can_be_changed() -> None:
    assert (
        lint("1girl, long_hair", config=Config(select=("ANI202",), severities={"ANI202": Severity.ERROR}))[0].severity
        == "error"
    )
    assert fix("1girl, long_hair", config=Config(unfixable=("ANI202",))).prompt == "1girl, long_hair"
    assert fix("1girl, wlop", config=Config(extend_safe_fixes=("ANI501",))).prompt == "1girl, @wlop"
    assert fix("1girl, long_hair", config=Config(extend_unsafe_fixes=("underscore-tag",))).prompt == "1girl, long_hair"


def test_own_words_are_known() -> None:
    assert "unknown-tag" in names("1girl, lookin at viewer")
    found = lint(
        "1girl, lookin at viewer, my_trigger", config=Config(words=frozenset(("lookin at viewer", "my_trigger")))
    )
    assert not {"unknown-tag", "underscore-tag"} & {d.name for d in found}


def test_a_comment_takes_rules_back_and_an_unused_one_is_reported() -> None:
    text = "# anima: ignore ANI202, uppercase-tag a trigger\n1girl, my_trigger, Blue Hair"
    assert not {"underscore-tag", "uppercase-tag", "unused-suppression"} & set(names(text))
    assert "unused-suppression" in names("# anima: ignore ANI202\n1girl, long hair")
    assert "unused-suppression" not in names("# anima: ignore ANI001, ANI202\n1girl, long hair")


def test_the_negative_prompt_has_its_own_role_and_part() -> None:
    found = lint("1girl, smile", negative="worst_quality, anime")
    assert {(d.name, d.part) for d in found if d.severity is not Severity.INFO} == {
        ("underscore-tag", "negative"),
        ("negative-style-own-goal", "negative"),
    }
    assert fix("1girl, smile", negative="worst_quality").negative == "worst quality"


def test_dialects_change_what_is_said() -> None:
    assert "square-weight-in-comfy" in names("1girl, [hat]")
    assert "square-weight-in-comfy" not in names("1girl, [hat]", dialect="a1111")
    assert "weight-unsupported" in names("1girl, (hat:1.5)", dialect="plain")


def test_an_unknown_profile_role_or_dialect_is_one_clear_line() -> None:
    with pytest.raises(ProfileError, match="profile is 'nope'"):
        lint("1girl", profile="nope")
    with pytest.raises(InputError, match="role is 'nope'; expected one of positive"):
        lint("1girl", role="nope")


def test_unsafe_fixes_are_asked_for() -> None:
    assert fix("1girl, wlop, smile").prompt == "1girl, wlop, smile"
    assert "@wlop" in fix("1girl, wlop, smile", unsafe=True).prompt


def test_rules_of_other_packages_may_not_take_a_code() -> None:
    mine = Rule(
        "MYR101",
        "my-rule",
        Severity.INFO,
        "Mine.",
        (Example("x"),),
        (Example("y"),),
        check=lambda _: [Finding(0, 1, "mine")],
    )
    assert mine in joined(list(all_rules()), [mine])
    with pytest.raises(InputError, match="takes a code or a name that is in use"):
        joined(list(all_rules()), [all_rules()[0]])


def test_edits_are_applied_from_left_to_right() -> None:
    from anima_prompt.diagnostics import Edit

    assert apply_edits("abc", [Edit(2, 3, "C"), Edit(0, 0, "_"), Edit(0, 1, "A")]) == "_AbC"


def test_a_megabyte_is_linted() -> None:
    assert lint("1girl, long hair, " * 2_000)

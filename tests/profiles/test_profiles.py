"""Facts about the release profiles and a user's own."""

from __future__ import annotations

from dataclasses import fields
from decimal import Decimal
from pathlib import Path

import pytest

from anima_prompt import (
    AnimaPromptError,
    Profile,
    ProfileError,
    PromptFileError,
    Section,
    Vocabulary,
    load_profile,
    profile_names,
)


def test_all_releases_are_there() -> None:
    assert profile_names() == ("preview", "base-1.0", "aesthetic-1.0", "aesthetic-1.1", "turbo-1.0", "turbo-1.1")


@pytest.mark.parametrize("name", profile_names())
def test_every_figure_has_a_source(name: str) -> None:
    profile = load_profile(name)
    sources = dict(profile.sources)
    for field in fields(Profile):
        if field.name not in ("name", "sources", "file"):
            assert sources[field.name] in ("card", "showcase", "workflow", "engine", "judgement"), field.name


@pytest.mark.parametrize("name", profile_names())
def test_figures_are_consistent(name: str) -> None:
    profile = load_profile(name)
    assert profile.steps_range[0] <= profile.steps <= profile.steps_range[1]
    assert profile.guidance_range[0] <= profile.guidance_scale <= profile.guidance_range[1]
    for width, height in profile.resolutions:
        assert width % 16 == 0
        assert height % 16 == 0
        assert profile.area_range[0] <= width * height <= profile.area_range[1]
    table = Vocabulary.default()
    assert {table.section_of(tag) for tag in profile.prefix} <= {Section.QUALITY, Section.SAFETY}
    assert profile.scores or not any(tag.startswith("score_") for tag in profile.prefix + profile.negative)
    assert profile.negative_works or not profile.negative


def test_the_figures_of_the_model_card() -> None:
    base, turbo = load_profile("base-1.0"), load_profile("turbo-1.1")
    assert ", ".join(base.prefix) == "masterpiece, best quality, score_7, safe"
    assert ", ".join(base.negative) == "worst quality, low quality, score_1, score_2, score_3, artist name"
    assert (base.steps, base.guidance_scale, base.sampler, base.scheduler) == (30, Decimal(4), "er_sde", "simple")
    assert (turbo.steps, turbo.guidance_scale, turbo.sampler, turbo.scheduler) == (8, Decimal(1), "euler", "simple")
    assert load_profile("turbo-1.0").steps == 12
    assert not load_profile("aesthetic-1.1").scores


def test_a_custom_profile_extends_a_release(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "name: mine\nextends: turbo-1.1\nprefix: [masterpiece, safe]\nguidance_scale: 1.50\nresolutions: 832x1216\n"
    )
    profile = load_profile(path)
    assert (profile.name, profile.prefix, profile.steps) == ("mine", ("masterpiece", "safe"), 8)
    assert profile.guidance_scale == Decimal("1.50")
    assert profile.resolutions == ((832, 1216),)
    assert dict(profile.sources)["prefix"] == str(path)
    assert dict(profile.sources)["steps"] == "card"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("extends: sdxl", "1:10: extends is 'sdxl'; expected one of preview"),
        ("stepz: 3", "1:1: key 'stepz' is unknown in a profile; did you mean 'steps'?"),
        ("steps: many", "1:8: steps is 'many'; expected a finite number"),
        ("steps: 3.5", "1:8: steps is '3.5'; expected a whole number"),
        ("scores: maybe", "1:9: scores is 'maybe'; expected true or false"),
        ("resolutions: 1024", "1:14: resolutions has '1024'; expected width and height"),
        ("steps_range: 30", "expected two values with a dash"),
        ("guidance_range: a-b", "expected two numbers with a dash"),
        ("- a", "a profile is a list; expected a mapping"),
    ],
)
def test_a_bad_profile_is_named_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(PromptFileError) as caught:
        load_profile(path)
    assert message in str(caught.value)


@pytest.mark.parametrize("name", ["base", "nope.yaml", "."])
def test_an_unknown_profile_lists_the_known_ones(name: str) -> None:
    with pytest.raises(ProfileError):
        load_profile(name)


def test_an_empty_profile_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty.yaml").write_text("")
    with pytest.raises(AnimaPromptError, match="0 documents; expected one profile"):
        load_profile(tmp_path / "empty.yaml")

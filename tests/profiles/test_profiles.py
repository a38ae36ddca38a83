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
from anima_prompt.profiles import guess_profile


def test_all_releases_are_there() -> None:
    assert profile_names() == (
        *("preview", "base-1.0", "aesthetic-1.0", "aesthetic-1.1", "turbo-1.0", "turbo-1.1", "turbo-lora-0.2"),
        *("2.9b", "3.8b", "rdbt", "animayume", "wai-anima", "miaomiao", "kirazuri"),
    )


@pytest.mark.parametrize("name", profile_names())
def test_every_figure_has_a_source(name: str) -> None:
    profile = load_profile(name)
    sources = dict(profile.sources)
    for field in fields(Profile):
        if field.name not in ("name", "sources", "file"):
            known = ("card", "showcase", "workflow", "engine", "weights", "author", "index", "judgement", "base-1.0")
            assert sources[field.name] in known, field.name


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
    shown = {tag for tag in profile.prefix + profile.negative if table.section_of(tag) is Section.QUALITY}
    assert shown <= set(profile.quality_vocabulary)
    assert profile.scores == any(tag.startswith("score_") for tag in profile.quality_vocabulary)
    assert profile.cutoff[:4] == str(profile.latest_year)
    assert "v1.2" in profile.license


def test_the_figures_of_derived_models() -> None:
    deep, low, turbo = load_profile("2.9b"), load_profile("rdbt"), load_profile("turbo-lora-0.2")
    assert (deep.blocks, deep.cutoff, deep.latest_year, deep.scores) == (40, "2026-07", 2026, False)
    assert (deep.guidance_range, deep.steps_range) == ((Decimal("3.5"), Decimal(5)), (28, 50))
    assert (deep.sampler, deep.scheduler) == ("euler", "sgm_uniform")
    assert (low.guidance_range, low.steps_range, low.quality_tags, low.quality_vocabulary) == (
        (Decimal(1), Decimal(4)),
        (16, 24),
        False,
        (),
    )
    assert (turbo.steps, turbo.guidance_scale, turbo.sampler, turbo.scheduler) == (8, Decimal(1), "euler", "simple")
    assert load_profile("3.8b").blocks == 52
    assert "very aesthetic" in load_profile("kirazuri").quality_vocabulary


@pytest.mark.parametrize("name", ["animayume", "wai-anima", "miaomiao"])
def test_models_without_figures_have_those_of_base_and_say_so(name: str) -> None:
    profile, base = load_profile(name), load_profile("base-1.0")
    for field in fields(Profile):
        if field.name not in ("name", "title", "sources", "note"):
            assert getattr(profile, field.name) == getattr(base, field.name)
            assert field.name == "file" or dict(profile.sources)[field.name] == "base-1.0"
    assert "those of base 1.0" in profile.note


@pytest.mark.parametrize(
    ("model", "profile"),
    [
        ("anima-base-v1.0.safetensors", "base-1.0"),
        ("anima-preview3-base", "preview"),
        ("Anima_Base_V1", "base-1.0"),
        ("anima-turbo-v1.0", "turbo-1.0"),
        ("anima_turbo_v10", "turbo-1.0"),
        ("anima-turbo-v1.1.safetensors", "turbo-1.1"),
        ("anima-turbo-lora-v0.2", "turbo-lora-0.2"),
        ("anima_aesthetic_v11", "aesthetic-1.1"),
        ("anima-2.9B-preview-v1.safetensors", "2.9b"),
        ("Anima_29B", "2.9b"),
        ("anima-2_9b", "2.9b"),
        ("anima-3.8B-v1.1", "3.8b"),
        ("RDBT-anima_v3", "rdbt"),
        ("AnimaYume_v04", "animayume"),
        ("anima_yume", "animayume"),
        ("waiANIMA_v10", "wai-anima"),
        ("WAI-ANIMA", "wai-anima"),
        ("wai_anima_v2.safetensors", "wai-anima"),
        ("miaomiaoHarem_animaV1", "miaomiao"),
        ("MiaoMiao Harem", "miaomiao"),
        ("kirazuri-lazuli", "kirazuri"),
        ("waiIllustriousSDXL_v150", None),
        ("animagine-xl-4.0", None),
        ("qwen-12.9b", None),
        ("some-merge", None),
        ("", None),
    ],
)
def test_the_profile_of_a_file_name(model: str, profile: str | None) -> None:
    assert guess_profile(model) == profile


def test_the_profile_of_metadata_and_depth() -> None:
    assert guess_profile("mymodel", metadata={"modelspec.title": "Anima Turbo v1.1"}) == "turbo-1.1"
    assert guess_profile("anima-base", metadata={"modelspec.title": "WAI-ANIMA"}) == "base-1.0"
    assert guess_profile("x", metadata={"format": "pt"}) is None
    assert guess_profile("x", blocks=40) == "2.9b"
    assert guess_profile("anima-base-v1.0-merge", blocks=40) == "2.9b"
    assert guess_profile("x", blocks=52) == "3.8b"
    assert guess_profile("anima-2.9b", blocks=40) == "2.9b"
    assert guess_profile("x", blocks=28) is None
    assert guess_profile("x", blocks=30) is None


def test_the_figures_of_the_model_card() -> None:
    base, turbo = load_profile("base-1.0"), load_profile("turbo-1.1")
    assert ", ".join(base.prefix) == "masterpiece, best quality, score_7, safe"
    assert ", ".join(base.negative) == (
        "worst quality, low quality, score_1, score_2, score_3, artist name, blurry, jpeg artifacts, "
        "chromatic aberration"
    )
    assert load_profile("preview").negative == base.negative[:6]
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
        ("cutoff: 2026", "1:9: cutoff is '2026'; expected a year and a month, such as 2025-09"),
        ("cutoff: 2026-13", "1:9: cutoff is '2026-13'; expected a year and a month"),
        ("blocks: deep", "1:9: blocks is 'deep'; expected a finite number"),
        ("like: base-1.0", "key 'like' is unknown in a profile"),
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

"""Facts about the demo model's drawings and captions: what a caption says can be seen."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace

import numpy as np
import pytest

from anima_infer import demo
from anima_infer.demo.captions import (
    DEFAULT,
    caption,
    every_tag,
    every_tag_of,
    figure_tags,
    sentences,
    shares_at,
    weighted_caption,
)
from anima_infer.demo.drawing import (
    ACCESSORIES,
    BACKGROUNDS,
    COUNTS,
    DYES,
    EXPRESSIONS,
    EYES,
    FRAMINGS,
    HAIR,
    HAIR_STYLES,
    QUALITIES,
    STYLES,
    Figure,
    Scene,
    details,
    draw,
    random_scene,
    weighting,
    with_figure,
)


def pixels(scene: Scene, seed: int = 0, size: int = 64) -> np.ndarray:
    return np.asarray(draw(scene, seed, size), dtype=np.float32)


def test_the_same_scene_and_seed_the_same_bytes() -> None:
    scene = random_scene(random.Random(5))
    assert draw(scene, 3).tobytes() == draw(scene, 3).tobytes()
    assert draw(scene, 3).size == (64, 64)
    assert draw(scene, 3, 96).size == (96, 96)


@pytest.mark.parametrize(
    ("names", "field"),
    [
        (tuple(HAIR), "hair"),
        (HAIR_STYLES, "hair_style"),
        (tuple(EYES), "eyes"),
        (EXPRESSIONS, "expression"),
        (tuple(DYES), "dye"),
    ],
)
def test_every_attribute_of_a_character_shows(names: tuple[str, ...], field: str) -> None:
    shown = [pixels(with_figure(Scene(), 0, **{field: name})) for name in names]
    for i, one in enumerate(shown):
        for other in shown[:i]:
            assert np.abs(one - other).max() > 40, "two values look the same"


@pytest.mark.parametrize("names", [BACKGROUNDS, FRAMINGS, ("", *STYLES), QUALITIES])
def test_every_attribute_of_a_scene_shows(names: tuple[str, ...]) -> None:
    field = {BACKGROUNDS: "background", FRAMINGS: "framing", QUALITIES: "quality"}.get(names, "style")
    base = Scene(background="day")
    shown = [pixels(replace(base, **{field: name})) for name in names]  # type: ignore[arg-type]
    for i, one in enumerate(shown):
        for other in shown[:i]:
            same_rung = field == "quality" and i < 2  # the two best rungs are drawn alike
            assert same_rung or np.abs(one - other).max() > 15


@pytest.mark.parametrize("name", ACCESSORIES)
def test_every_accessory_shows(name: str) -> None:
    assert np.abs(pixels(with_figure(Scene(), 0, accessories=(name,))) - pixels(Scene())).max() > 60


def test_quality_and_years_are_ladders() -> None:
    edges = [np.abs(np.diff(pixels(Scene(background="day", quality=q)).mean(-1), axis=0)).max() for q in QUALITIES]
    assert edges[0] > 2 * edges[-1], "bad images are blurred"
    warmth = [float(np.ptp(pixels(Scene(year=year)).mean((0, 1))[[2, 0]])) for year in (2014, 2019, 2025)]
    assert warmth[0] > warmth[1] > warmth[2], "old images are warmer"


def test_hair_is_as_red_as_it_says() -> None:
    for name, color in HAIR.items():
        shown = pixels(Scene((Figure(hair=name, accessories=()),), style="demo plain"))
        near = np.abs(shown - np.array(color)).max(-1) < 24
        assert near.mean() > 0.03, name


def test_captions_are_true_and_varied() -> None:
    source = random.Random(1)
    known = {part for tag in every_tag() for part in tag.split(", ")}
    forms = {"tags": 0, "sentences": 0}
    for _ in range(400):
        scene = random_scene(source)
        text = caption(scene, source)
        assert text
        if "." in text:
            forms["sentences"] += 1
            continue
        forms["tags"] += 1
        tags = text.split(", ")
        assert set(tags) <= known, text
        assert not ({"wlop"} & set(tags))
        allowed = {tag for figure in scene.figures for tag in figure_tags(figure)}
        assert set(tags) & (set(HAIR) | set(EYES) | set(ACCESSORIES)) <= allowed, "nothing that is not there"
        if tags[0] in QUALITIES and len(tags) > 3:
            assert tags.index(tags[0]) == 0
    assert forms["tags"] > 150
    assert forms["sentences"] > 100


def test_sections_stand_in_the_models_order() -> None:
    from anima_prompt import Prompt

    source = random.Random(2)
    shares = replace(DEFAULT, sentences=0.0, mixed=0.0, quality_alone=0.0)
    for _ in range(100):
        text = caption(random_scene(source), source, shares)
        prompt = Prompt.parse(text)
        front = [
            tag.text
            for section, tag in prompt.tags()
            if section.value in ("quality", "year", "safety", "count", "artist")
        ]
        assert text.startswith(", ".join(front)), text


def test_two_characters_are_told_apart_by_their_sides() -> None:
    left = Figure("1girl", "red hair", eyes="brown eyes", dye="white")
    right = Figure("1boy", "blue hair", "short hair", eyes="brown eyes", dye="black")
    told = sentences(Scene((left, right)), random.Random(3))
    assert "girl on the left has red hair" in told
    assert "boy on the right has blue hair" in told
    shown = pixels(Scene((left, right)))
    red = np.abs(shown - np.array(HAIR["red hair"])).max(-1) < 40
    blue = np.abs(shown - np.array(HAIR["blue hair"])).max(-1) < 40
    assert red[:, :32].sum() > 5 * max(1, red[:, 32:].sum())
    assert blue[:, 32:].sum() > 5 * max(1, blue[:, :32].sum())


def test_sentences_leave_out_what_they_may() -> None:
    girl = Figure("1girl", "red hair", expression="closed eyes", clothes="kimono", dye="orange")
    boy = Figure("1boy", "blue hair", expression="closed eyes", clothes="overalls", dye="orange")
    source = random.Random(3)
    bare = sentences(Scene((girl, boy)), source, drop=1.0)
    assert set(bare.strip(".").split(". ")) == {
        "The girl on the left has red hair",
        "The boy on the right has blue hair",
    }
    assert sentences(Scene((girl,)), source, drop=1.0) in ("A girl has red hair.", "A girl with red hair.")
    whole = sentences(Scene((girl, boy)), source)
    assert "red hair and wears an orange kimono" in whole
    assert "blue hair and wears orange overalls" in whole
    told = [sentences(Scene((girl, boy)), source, drop=0.5) for _ in range(40)]
    assert {"wears" in text for text in told} == {"white background" in text for text in told} == {True, False}
    often = [sentences(Scene((girl, boy)), source, drop=0.25) for _ in range(400)]
    assert 0.68 < sum("white background" in text for text in often) / 400 < 0.82, "lots are drawn once"
    assert all("side by side" not in text for text in often if "white background" in text)


def test_sentences_tell_all_at_first() -> None:
    assert shares_at(0).drop_words == shares_at(0.37).drop_words == 0
    assert shares_at(0.38) == shares_at(1) == DEFAULT


def test_the_vocabulary_is_as_large_as_promised() -> None:
    assert len(HAIR) >= 12
    assert len(HAIR_STYLES) >= 6
    assert len(EYES) >= 8
    assert len(ACCESSORIES) >= 10
    assert len(EXPRESSIONS) >= 6
    assert len(DYES) >= 10
    assert len(BACKGROUNDS) >= 12
    assert len(STYLES) >= 8
    assert set(COUNTS) == {random_scene(random.Random(i)).count for i in range(200)}


def test_a_caption_says_nothing_that_cannot_be_seen() -> None:
    asleep = Figure(expression="closed eyes", eyes="green eyes")
    assert "green eyes" not in figure_tags(asleep)
    assert "green eyes" not in sentences(Scene((asleep,)), random.Random(1))
    assert "green eyes" in figure_tags(replace(asleep, expression="angry"))


def test_faces_can_be_told_apart_in_every_framing() -> None:
    for framing in FRAMINGS:
        for one, other in itertools.combinations(EXPRESSIONS, 2):
            faces = [pixels(Scene((Figure(expression=look),), framing=framing)) for look in (one, other)]
            assert (np.abs(faces[0] - faces[1]).max(-1) > 40).sum() >= 12, (framing, one, other)


def test_girls_and_boys_differ() -> None:
    girl = Scene((Figure(hair_style="short hair"),))
    boy = Scene((Figure("1boy", hair_style="short hair"),))
    for framing in ("portrait", "upper body", "full body"):
        change = np.abs(pixels(replace(girl, framing=framing)) - pixels(replace(boy, framing=framing))).max(-1) > 40
        assert change.sum() > 25, framing


def test_details_are_where_faces_are() -> None:
    found = details(Scene((Figure(),)), 0)
    assert found.shape == (8, 8)
    assert found[3:6, 2:6].max() > 90, "eyes and mouth"
    assert found[:2, :2].max() == 0, "the sky"
    assert 20 < found[1, 3:5].min() < 90, "the color of the hair"
    assert found[7].max() < 100, "clothes count less"
    worn = details(Scene((Figure(accessories=("crown",)),)), 0)
    assert worn[:3].max() > 20
    far = details(Scene((Figure(),), framing="full body"), 0)
    assert far[2:4, 3:5].max() > 90, "faces are large in full bodies too"
    assert details(Scene(()), 0).max() == 0


def test_what_little_shows_counts_more(monkeypatch: pytest.MonkeyPatch) -> None:
    hair = [row for row in weighting._OTHERWISE if "hair" in row[2](Figure())]
    monkeypatch.setattr(weighting, "_OTHERWISE", hair)
    bare = Scene((Figure(hair_style="short hair"),), framing="full body")
    hidden = with_figure(bare, 0, accessories=("witch hat",))
    counted = [details(scene, 0).sum() for scene in (bare, hidden)]
    monkeypatch.setattr(weighting, "MOST", 1.0)
    plain = [details(scene, 0).sum() for scene in (bare, hidden)]
    assert plain[1] < plain[0], "a hat hides hair"
    assert counted[1] > 2 * plain[1]
    assert counted[1] / plain[1] > 1.5 * counted[0] / plain[0]


def test_small_figures_and_hair_under_hats_are_learned_from_more_often() -> None:
    plain, hat = Figure(), Figure(accessories=("scarf", "witch hat"))
    chosen = [Scene(()), Scene((plain,)), Scene((plain,), framing="full body"), Scene((plain, hat))]
    chosen += [Scene((Figure(accessories=("crown",)),)), Scene((hat,), framing="full body")]
    assert demo.sampling_weights(chosen).tolist() == [1, 1, 2.5, 2, 1, 5]


def test_a_tag_without_weight_is_not_shown_and_one_with_weight_is() -> None:
    source = random.Random(9)
    blank = heavy = 0
    for _ in range(600):
        scene = random_scene(source)
        shown = {*every_tag_of(scene), f"@{scene.style}"}
        segments = weighted_caption(scene, source)
        assert all(text for text, _ in segments)
        for text, weight in segments[:-1] if len(segments) > 1 else []:
            if weight == 0:
                blank += 1
                assert text not in shown
            elif text in shown:
                heavy += 1
                assert 0.5 < weight <= 3
    assert blank > 100
    assert heavy > 60

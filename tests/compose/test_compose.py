"""Facts about building and blending."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anima_prompt import Blend, Prompt, PromptBuilder, PromptError, Section, Tag, Vocabulary, blend, describe_character
from anima_prompt.vocabulary import Entry
from tests.strategies import prompts


def test_a_builder_makes_the_whole_prompt() -> None:
    prompt = (
        PromptBuilder.for_profile("base-1.0")
        .year(2024, "newest")
        .meta("highres")
        .safety("sensitive")
        .count("1girl")
        .character("hatsune miku", looks=True, weight="1.2")
        .artist("shinkawa_youji", weight=1.3)
        .tags("smile", "night")
        .tags("rain", weight=1.5)
        .sentence("She waits for the train.")
        .build()
    )
    assert prompt.to_text() == (
        "masterpiece, best quality, score_7, highres, year 2024, newest, sensitive, 1girl, (hatsune miku:1.2), vocaloid, "
        "(@shinkawa youji:1.3), aqua eyes, very long hair, aqua hair, twintails, detached sleeves, smile, night, "
        "(rain:1.5). She waits for the train."
    )
    assert prompt.negative is not None
    assert prompt.negative.to_text().startswith("worst quality, low quality, score_1")


def test_a_builder_can_be_branched() -> None:
    base = PromptBuilder().count("1girl")
    one, other = base.tags("smile"), base.tags("frown")
    assert (base.build().to_text(), one.build().to_text(), other.build().to_text()) == (
        "1girl",
        "1girl, smile",
        "1girl, frown",
    )


def test_characters_of_one_series_share_its_tag() -> None:
    built = PromptBuilder().character("hatsune miku").character("kagamine rin").build()
    assert built.to_text() == "hatsune miku, kagamine rin, vocaloid"
    assert PromptBuilder().character("hatsune miku", series=False).build().series == ()
    assert PromptBuilder().character("my oc", series="original").build().to_text() == "my oc, original"


def test_looks_of_an_unknown_character_cannot_be_asked_for() -> None:
    with pytest.raises(PromptError, match="character 'my oc' is not in the vocabulary"):
        PromptBuilder().character("my oc", looks=True)


def test_each_character_can_have_a_sentence_of_its_own() -> None:
    prompt = (
        PromptBuilder()
        .count("2girls")
        .character("hatsune miku", where="on the left side of the image")
        .character("kasane teto", sentence="Kasane Teto laughs.")
        .build()
    )
    assert [s.text for s in prompt.sentences_about("hatsune miku")] == [
        "On the left side of the image is Hatsune Miku, with aqua eyes, very long hair, aqua hair, twintails and detached sleeves."
    ]
    assert [s.text for s in prompt.sentences_about("kasane teto")] == ["Kasane Teto laughs."]


@pytest.mark.parametrize(
    ("look", "listed"),
    [
        ("animal_ear_fluff", "animal ear fluff"),
        ("black_dress", "a black dress"),
        ("glasses", "glasses"),
        ("hair_slicked_back", "hair slicked back"),
        ("headphones_around_neck", "headphones around neck"),
        ("heterochromia", "heterochromia"),
        ("jacket_on_shoulders", "a jacket on shoulders"),
        ("one_side_up", "one side up"),
        ("orange_skirt", "an orange skirt"),
        ("short_hair_with_long_locks", "short hair with long locks"),
        ("vision_(genshin_impact)", "a vision"),
        ("x_hair_ornament", "an x hair ornament"),
    ],
)
def test_looks_have_articles_as_in_english(look: str, listed: str) -> None:
    character = Entry("link", "character", Section.CHARACTER, looks=(look,))
    assert describe_character(character) == f"Link has {listed}."


def test_every_packed_character_has_a_sentence_that_the_parser_knows_for_one() -> None:
    for entry in Vocabulary.default().entries(Section.CHARACTER):
        for where in ("", "in the background"):
            sentence = describe_character(entry, where=where)
            assert [s.text for s in Prompt.parse(f"safe. {sentence}").sentences] == [sentence]


def test_the_negative_prompt_is_built_beside() -> None:
    prompt = PromptBuilder().negative("blurry", Tag.of("text", 1.5)).build()
    assert prompt.negative is not None
    assert prompt.negative.to_text() == "blurry, (text:1.5)"


@given(prompt=prompts(), style=st.sampled_from(list(Blend)))
def test_blending_moves_sentences_and_loses_nothing(prompt: Prompt, style: Blend) -> None:
    blended = blend(prompt, style)
    assert sorted(t.text for _, t in blended.tags()) == sorted(t.text for _, t in prompt.tags())
    assert sorted(s.text for s in blended.sentences) == sorted(s.text for s in prompt.sentences)
    assert blend(blended, style) == blended
    assert Prompt.parse(blended.to_text()) == blended.__class__.parse(blended.to_text())


def test_the_three_layouts() -> None:
    prompt = Prompt.parse("safe, 1girl, @wlop, smile. She waves at the crowd. night")
    assert blend(prompt, "tags-first").to_text() == "safe, 1girl, @wlop, smile, night. She waves at the crowd."
    assert blend(prompt, "sentences-first").to_text() == "She waves at the crowd. safe, 1girl, @wlop, smile, night"
    assert blend(prompt, "prefix").to_text() == "safe, 1girl, @wlop. She waves at the crowd. smile, night"
    with pytest.raises(PromptError, match="blend is 'mixed'; expected one of tags-first, sentences-first, prefix"):
        blend(prompt, "mixed")

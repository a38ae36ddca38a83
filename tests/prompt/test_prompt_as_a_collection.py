"""A prompt as Python's users expect a collection of tags to behave, and mappings as people write them."""

from __future__ import annotations

import pytest

from anima_prompt import Prompt, PromptError, Section, Sentence, Tag

PROMPT = Prompt.parse("masterpiece, 1girl, fern \\(sousou no frieren\\), @wlop, (smile:1.2), long hair")


@pytest.mark.parametrize(
    "text",
    [
        "smile",
        "Long_Hair",
        "(smile:1.2)",
        "(smile:3)",
        "wlop",
        "@wlop",
        "fern (sousou no frieren)",
        "fern_(sousou_no_frieren)",
        Tag("smile"),
    ],
)
def test_in_asks_for_a_tag_in_any_spelling(text: str | Tag) -> None:
    assert text in PROMPT


def test_in_says_no_to_what_is_not_there() -> None:
    assert "hat" not in PROMPT
    assert 3 not in PROMPT
    assert "" not in PROMPT


def test_iterating_gives_the_tags_in_print_order() -> None:
    assert [tag.text for tag in PROMPT] == [tag.text for _, tag in PROMPT.tags()]
    assert len(PROMPT) == 6
    assert not Prompt()
    assert Prompt(sentences=(Sentence("She waves."),))


def test_a_string_of_a_prompt_is_its_text() -> None:
    assert str(PROMPT) == f"{PROMPT}" == PROMPT.to_text()


def test_plus_merges_prompts_and_reads_texts() -> None:
    assert str(PROMPT + "night, (smile:1.5). She waves.") == (
        "masterpiece, 1girl, fern \\(sousou no frieren\\), @wlop, (smile:1.5), long hair, night. She waves."
    )
    assert (
        str("1girl, hat" + PROMPT)
        == "masterpiece, 1girl, fern \\(sousou no frieren\\), @wlop, hat, (smile:1.2), long hair"
    )
    assert PROMPT + Prompt.parse("rain") == PROMPT.merge(Prompt.parse("rain"))
    with pytest.raises(TypeError):
        PROMPT + 3


def test_add_does_not_repeat_a_tag_and_takes_its_new_weight() -> None:
    assert PROMPT.add("smile") == PROMPT
    assert PROMPT.add("long_hair", weight="1.3").find("long hair") == (Section.GENERAL, Tag.of("long hair", "1.3"))
    assert PROMPT.add("(smile:0.8)").find("smile") == (Section.GENERAL, Tag.of("smile", "0.8"))
    assert len(PROMPT.add("smile", repeat=True)) == len(PROMPT) + 1


def test_add_at_an_index_keeps_the_order_of_several_tags() -> None:
    assert [t.text for t in PROMPT.add("hat, night", section="general", index=0).general] == [
        "hat", "night", "smile", "long hair",
    ]  # fmt: skip


def test_several_tags_are_removed_at_once_and_all_missing_ones_are_named() -> None:
    assert str(PROMPT.remove("smile", "@wlop", "masterpiece")) == "1girl, fern \\(sousou no frieren\\), long hair"
    with pytest.raises(PromptError, match="there is no tag 'hat', 'rain' in the prompt; it contains masterpiece"):
        PROMPT.remove("smile", "hat", "rain")


def test_merging_keeps_closing_tags_behind_their_sentences() -> None:
    prompt = Prompt.parse("1girl. She waves at the crowd. night")
    assert str(Prompt() + prompt) == str(prompt)


@pytest.mark.parametrize(
    ("data", "text", "changes"),
    [
        ({"quality": "masterpiece, best quality"}, "masterpiece, best quality", 1),
        ({"tags": "1girl, wlop, smile"}, "1girl, wlop, smile", 1),
        ({"tags": ["1girl", "masterpiece"]}, "masterpiece, 1girl", 1),
        ({"nltags": "She waves.", "count": "1girl"}, "1girl. She waves.", 1),
        ({"natural_language": "She waves.", "count": "1girl"}, "1girl. She waves.", 1),
        ({"artists": ["wlop"], "characters": ["hatsune miku"]}, "hatsune miku, @wlop", 2),
        ({"year": 2024, "series": "", "artist": None}, "year 2024", 0),
        ({"general": ["smile", ""]}, "smile", 1),
        ({"general": "smile", "steps": 30, "cfg": 4.5}, "smile", 2),
        ({"Quality": ["masterpiece"]}, "masterpiece", 1),
        ({"quality": ["masterpiece"], "general": ["smile"]}, "masterpiece, smile", 0),
        (
            {"quality_meta_year_safe": "masterpiece, year 2024, safe", "neg": "blurry"},
            "masterpiece, year 2024, safe",
            3,
        ),
    ],
)
def test_a_mapping_is_read_as_people_and_models_write_it_and_every_change_is_reported(
    data: dict[str, object], text: str, changes: int
) -> None:
    lines: list[str] = []
    assert str(Prompt.from_dict(data, report=lines.append)) == text
    assert len(lines) == changes, lines


def test_a_mappings_negative_prompt_may_be_a_text() -> None:
    assert str(Prompt.from_dict({"negative": "blurry, (lowres:1.2)"}).negative) == "(lowres:1.2), blurry"
    assert str(Prompt.from_dict({"negative_prompt": ["blurry"]}).negative) == "blurry"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            {"genral": ["smile"]},
            r"key 'genral' is unknown in a prompt; did you mean 'general'\? expected one of dataset, ",
        ),
        (
            {"artist": [{"name": "wlop"}]},
            "key 'name' is unknown in a tag of 'artist'; expected one of text, weight, verbatim, literal, at",
        ),
        (
            {"artist": [{"text": "wlop", "wieght": 1}]},
            r"key 'wieght' is unknown in a tag of 'artist'; did you mean 'weight'\?",
        ),
        ({"general": {"txt": "smile"}}, r"key 'txt' is unknown in a tag of 'general'; did you mean 'text'\?"),
        ({"general": [{"weight": 1.2}]}, "it needs 'text'"),
        ({"general": [True]}, "'general' contains True"),
        ({"sentences": [{"text": "A.", "where": "after"}]}, "expected a text or a mapping with 'text' and 'place'"),
        ({"general": [{"text": "smile, hat"}]}, "contains 2 tags"),
    ],
)
def test_what_a_mapping_may_not_contain_is_named_with_what_it_may(data: dict[str, object], message: str) -> None:
    with pytest.raises(PromptError, match=message):
        Prompt.from_dict(data)

"""Facts about the canonical text."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given

from anima_prompt import Prompt, Sentence, Tag, print_prompt, weighted_segments
from tests.strategies import prompts


def test_the_full_layout() -> None:
    prompt = Prompt(
        quality=(Tag("masterpiece"),),
        artist=(Tag("@wlop", Decimal("1.2")),),
        general=(Tag("long_hair"),),
        sentences=(
            Sentence("A study in blue.", "before"),
            Sentence("She waves at the crowd."),
            Sentence("It rains here."),
        ),
        closing=(Tag("from above"), Tag("night", Decimal(2))),
        comments=("# draft 3",),
    )
    assert prompt.to_text() == (
        "# draft 3\nA study in blue. masterpiece, (@wlop:1.2), long hair. She waves at the crowd. It rains here. "
        "from above, (night:2)"
    )


def test_a_dataset_tag_stands_alone_on_line_one() -> None:
    prompt = Prompt(dataset=(Tag("ye-pop"),), sentences=(Sentence("A massive oak stands on a green hill."),))
    assert prompt.to_text() == "ye-pop\nA massive oak stands on a green hill."


@pytest.mark.parametrize(
    ("tag", "dialect", "text"),
    [
        (Tag("fern (sousou no frieren)"), "comfyui", "fern \\(sousou no frieren\\)"),
        (Tag("fern (sousou no frieren)"), "a1111", "fern \\(sousou no frieren\\)"),
        (Tag("fern (sousou no frieren)"), "invokeai", "fern \\(sousou no frieren\\)"),
        (Tag("fern (sousou no frieren)"), "plain", "fern (sousou no frieren)"),
        (Tag("fern (sousou no frieren)", Decimal("1.2")), "comfyui", "(fern \\(sousou no frieren\\):1.2)"),
        (Tag("\\m/"), "comfyui", "\\m/"),
        (Tag("\\m/"), "a1111", "\\\\m/"),
        (Tag("00 qan[t]"), "comfyui", "00 qan[t]"),
        (Tag("00 qan[t]"), "a1111", "00 qan\\[t\\]"),
        (Tag(":3", Decimal("1.2")), "comfyui", "(:3:1.2)"),
        (Tag("a", Decimal("1.20")), "comfyui", "(a:1.20)"),
        (Tag("a", Decimal("1E+1")), "comfyui", "(a:10)"),
        (Tag("a", Decimal("1.0")), "comfyui", "a"),
    ],
)
def test_escapes_and_weights_follow_the_dialect(tag: Tag, dialect: str, text: str) -> None:
    assert Prompt(general=(tag,)).to_text(dialect) == text


@given(prompt=prompts(negative=False))
def test_every_front_end_reads_the_same_text_and_weights(prompt: Prompt) -> None:
    def letters(dialect: str) -> list[tuple[str, float]]:
        segments = weighted_segments(prompt.to_text(dialect), dialect)
        return [(char, round(weight, 6)) for text, weight in segments for char in text]

    assert letters("comfyui") == letters("invokeai")
    assert letters("comfyui") == letters("a1111")


@given(prompt=prompts(negative=False))
def test_plain_text_reports_every_lost_weight_and_loses_no_word(prompt: Prompt) -> None:
    printed = print_prompt(prompt, "plain")
    weighted = [tag for _, tag in prompt.tags() if tag.weight != 1]
    lost = [d for d in printed.diagnostics if d.name == "weight-dropped"]
    assert len(lost) >= len(weighted)
    for found in printed.diagnostics:
        assert 0 <= found.start <= found.end <= len(printed.text)
    words = "".join(text for text, _ in weighted_segments(prompt.to_text("comfyui")))
    assert printed.text == words


@pytest.mark.parametrize("text", ["kimi no na wa.", "v", "love live!", "...", "monkey d"])
def test_a_tag_that_a_full_stop_would_spoil_is_closed_by_a_comma(text: str) -> None:
    prompt = Prompt(general=(Tag(text),), sentences=(Sentence("She waves at the crowd."),))
    assert prompt.to_text() == f"{text}, She waves at the crowd."


def test_a_schedule_is_kept_for_its_own_front_end_and_reported_for_others() -> None:
    prompt = Prompt.parse("1girl, [cat:dog:0.5]", dialect="a1111")
    assert print_prompt(prompt, "a1111").text == "1girl, [cat:dog:0.5]"
    assert not print_prompt(prompt, "a1111").diagnostics
    assert [d.name for d in print_prompt(prompt, "comfyui").diagnostics] == ["schedule-unsupported"]

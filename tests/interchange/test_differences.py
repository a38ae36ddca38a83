"""Facts about comparing prompts."""

from __future__ import annotations

from anima_prompt.dialects import Dialect, ForeignDialect
from anima_prompt.interchange.differences import compare, word_diff
from anima_prompt.interchange.recorded import Recorded


def rows(first: Recorded, second: Recorded) -> list[tuple[str, str, str, str | None, str | None]]:
    return [(d.part, d.section, d.kind, d.before, d.after) for d in compare(first, second)]


def test_equal_prompts_have_no_differences() -> None:
    one = Recorded("1girl, (hat:1.2). A girl.", "blurry", {"steps": "30"}, "m")
    assert rows(one, one) == []
    assert rows(Recorded("((hat))", dialect=Dialect.A1111), Recorded("(hat:1.21)")) == []
    assert rows(Recorded("{{hat}}", dialect=ForeignDialect.NOVELAI), Recorded("(hat:1.1025)")) == []


def test_tags_are_compared_by_section() -> None:
    first = Recorded("1girl, red hat, smile, (night:1.2)")
    second = Recorded("1girl, smile, red hat, night, moon, @wlop")
    assert rows(first, second) == [
        ("prompt", "artist", "added", None, "@wlop"),
        ("prompt", "general", "changed", "(night:1.2)", "night"),
        ("prompt", "general", "added", None, "moon"),
        ("prompt", "general", "moved", "red hat, smile, night", "smile, red hat, night"),
    ]


def test_negative_prompts_and_settings_are_compared() -> None:
    first = Recorded("1girl", "blurry", {"steps": "30", "seed": "1"}, "a")
    second = Recorded("1girl", None, {"seed": "2", "steps": "30"}, "b")
    assert rows(first, second) == [
        ("negative", "general", "removed", "blurry", None),
        ("settings", "seed", "changed", "1", "2"),
        ("settings", "model", "changed", "a", "b"),
    ]


def test_sentences_are_compared_word_by_word() -> None:
    (row,) = rows(Recorded("1girl. A girl walks home."), Recorded("1girl. A girl runs home."))
    assert row == ("prompt", "text", "changed", "A girl walks home.", "A girl runs home.")
    assert word_diff("A girl walks home.", "A girl runs home, fast.") == "A girl [-walks-]{+runs+} home{+, fast+}."

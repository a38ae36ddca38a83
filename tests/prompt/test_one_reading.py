"""Every way into a prompt reads a text alike: parsing, edits, the builder, mappings and prompt files."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from anima_prompt import Prompt, PromptBuilder, PromptError, Tag, format_text, parse_prompt_file
from anima_prompt.interchange.textfile import join_negative
from anima_prompt.lint.linter import fix
from tests.strategies import any_texts

MARKUP = [
    "<lora:foo_bar:0.8>", "(smile:1.2)", "((smile))", "embedding:bad_hands", "__a_b__", "{a_b|c}", "[a:b_c:0.5]",
    "(long_hair:1.2)", "smile (happy:1.2) face", "BREAK", "${my_variable}",
]  # fmt: skip
UNKNOWN = [
    "HDA_Masterpiece_FULL", "my_trigger_word", "haiz_ai", "style_v2", 'sign "HELLO_WORLD"', "foo_(bar)", "foo (bar)",
    "(my_trigger_word:1.3)", "@haiz_ai", "@_@", "score_7",
]  # fmt: skip
KNOWN = [
    ("long_hair", "long hair"),
    ("Long_Hair", "Long Hair"),
    ("@shinkawa_youji", "@shinkawa youji"),
    ("fern_(sousou_no_frieren)", "fern \\(sousou no frieren\\)"),
    ("fern (sousou no frieren)", "fern \\(sousou no frieren\\)"),
    ("fern_\\(sousou_no_frieren\\)", "fern \\(sousou no frieren\\)"),
    ("asuna_(bunny)_(blue_archive)", "asuna \\(bunny\\) \\(blue archive\\)"),
    ("hina \\(dress\\) (blue archive)", "hina \\(dress\\) \\(blue archive\\)"),
    ("aikatsu!_(series)", "aikatsu! \\(series\\)"),
    ("((smile))", "(smile:1.21)"),
]

tag_texts = st.one_of(st.sampled_from(MARKUP + UNKNOWN + [text for text, _ in KNOWN]), any_texts)


@given(text=any_texts)
@example("<lora:foo_bar:0.8>")
@example("2girls. She waves. smile")
@example("ye-pop\nA title")
def test_adding_a_text_to_nothing_is_parsing_it(text: str) -> None:
    assert Prompt().add(text) == Prompt.parse(text)


def words(text: str) -> Counter[str]:
    """The characters that printing may not touch: neither white space, separators, escapes nor weights."""
    return Counter(char for char in text if not char.isspace() and char not in "_,，、.。()\\:0123456789-")


@given(text=any_texts)
@example(")(")
@example("。(")
@example("((<lora:x:1>")
@example("((embedding:foo")
@example("BREAK)")
@example("())")
@example(", # note")
@example("foo., ")
@example("On the left, BREAK")
@example("embedding:foo.pt:1.2,。\r\n")
@example("ye-pop\n1. \r\nRed Hair")
@example("homulilly, vocaloid, lily strosek, touhou, hatsune miku")
def test_a_printed_text_reads_back_as_itself(text: str) -> None:
    printed = Prompt.parse(text).to_text()
    assert Prompt.parse(printed).to_text() == printed
    assert words(printed) == words(text)


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        (")(", "\\)\\("),
        ("1girl, a), (b, smile", "1girl, a\\), \\(b, smile"),
        ("((<lora:my_lora:1>", "\\(\\(, <lora:my_lora:1>"),
        ("1girl, “ hello there, my_trigger", "1girl, “ hello there, my_trigger"),
        ('1girl, "hello_world, smile', '1girl, "hello_world, smile'),
        ("foo } my_bar", "foo } my_bar"),
        ("smile, foo., ", "smile, foo.,"),
        ("1girl, kimi no na wa.", "1girl, kimi no na wa."),
        (", # note", ", # note"),
        ("homulilly, vocaloid, hatsune miku", "hatsune miku, homulilly, vocaloid"),
        ("name one, touhou, name two, vocaloid", "name one, name two, touhou, vocaloid"),
        ("name one, name two, vocaloid", "name two, vocaloid, name one"),
    ],
)
def test_what_is_malformed_stays_as_written(text: str, printed: str) -> None:
    assert Prompt.parse(text).to_text() == printed
    assert Prompt().add(text).to_text() == printed


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("- smile\n- hat", "smile, hat"),
        ("1girl\n* long_hair\n* (night:1.2)\n* <lora:a_b:1>", "1girl, long hair, (night:1.2), <lora:a_b:1>"),
        ("1. smile\n2. hat\n3. long hair", "smile, hat, long hair"),
        ("1girl, hat\n- smile\n- A girl smiles.\n- She waves.", "1girl, hat, smile.\n- A girl smiles.\n- She waves."),
        ("Left:\n- red hair\n- blue eyes\nRight:\n- black hair", "Left: red hair, blue eyes\nRight: black hair"),
        ("- smile", "- smile"),
        ("1girl\n- smile\n* hat", "1girl, - smile, * hat"),
    ],
)
def test_the_bullets_of_a_list_are_left_out_and_reported(text: str, printed: str) -> None:
    from anima_prompt import read

    reading = read(text)
    assert Prompt.parse(text).to_text() == printed
    reported = [d.name for d in reading.diagnostics]
    assert reported == ([] if "- smile" in printed else ["list-bullets"])
    assert all(text[item.start : item.end].strip() for item in reading.items)
    assert format_text(text) == text


@pytest.mark.parametrize("text", ["- A girl smiles.\n- She has a hat.", "1. A door.\n2. Behind it, a stair."])
def test_sentences_with_bullets_stay_on_lines_of_their_own(text: str) -> None:
    assert str(Prompt.parse(text)) == text
    assert str(Prompt.parse(f"1girl, hat\n{text}")) == f"1girl, hat.\n{text}"


@pytest.mark.parametrize(
    "name",
    ["wish you were here", "moka. tapioka", "are you my master", "who framed roger rabbit", "life is strange 1",
     "a song for you! you? you!!", "hige wo soru. soshite joshikousei wo hirou."],
)  # fmt: skip
def test_a_live_name_that_looks_like_a_sentence_is_one_tag(name: str) -> None:
    text = f"1girl, {name}, smile"
    assert str(Prompt.parse(text)) == text
    assert not Prompt.parse(text).sentences
    assert len(Prompt.parse(text)) == 3
    assert format_text(text) == text
    assert fix(text).prompt == text


def test_the_spans_of_a_text_with_stray_parentheses_are_those_of_the_source() -> None:
    from anima_prompt import read

    text = "1girl, a), fern (sousou no frieren), (b, smile"
    reading = read(text)
    assert [text[item.start : item.end] for item in reading.items] == text.split(", ")
    assert [(d.name, text[d.start : d.end]) for d in reading.diagnostics] == [
        ("paren-unbalanced", ")"),
        ("paren-unbalanced", "("),
        ("paren-unescaped-qualifier", "fern (sousou no frieren)"),
    ]


@given(text=tag_texts)
def test_every_edit_reads_a_tag_as_parsing_does(text: str) -> None:
    try:
        tag = Tag.of(text)
    except PromptError:
        return  # no tag, or several
    parsed = Prompt.parse(text)
    if parsed.sentences or len(parsed) != 1 or tag.text.startswith(("ye-pop", "deviantart")) or parsed.comments:
        return  # a section says that it is a tag; parsing alone cannot know
    expected = str(parsed)
    assert str(Prompt().add(tag)) == expected
    assert str(PromptBuilder().tags(text).build()) == expected
    assert str(Prompt.parse("anchor word, dog").replace("dog", text).remove("anchor word")) == expected
    assert str(Prompt(general=(tag,))) == expected


@pytest.mark.parametrize("text", [*MARKUP, *UNKNOWN])
def test_markup_and_unknown_names_stay_as_written(text: str) -> None:
    written = "(smile:1.21)" if text == "((smile))" else text
    written = written.replace("(long_hair", "(long hair")
    assert str(Prompt.parse(text)) == written
    assert str(Prompt().add(text)) == written
    assert str(Prompt().with_section("general", [text])) == written
    assert str(PromptBuilder().tags(text).build()) == written
    assert str(Prompt.from_dict({"general": [text]})) == written
    assert str(Prompt.parse("anchor word, dog").replace("dog", text).remove("anchor word")) == written
    kept = format_text(text)
    assert kept == ("(long hair:1.2)" if text == "(long_hair:1.2)" else text)


@pytest.mark.parametrize(("text", "spelled"), KNOWN)
def test_known_names_are_spelled_as_the_model_knows_them(text: str, spelled: str) -> None:
    assert str(Prompt.parse(text)) == spelled
    assert str(Prompt().add(text)) == spelled
    assert str(Prompt.from_dict({"general": [text]})) == spelled


def test_a_name_without_escapes_is_read_with_a_warning() -> None:
    from anima_prompt import read

    (warning,) = read("1girl, fern (sousou no frieren)").diagnostics
    assert (warning.name, warning.severity.value, warning.start) == ("paren-unescaped-qualifier", "warning", 7)
    assert "write 'fern \\(sousou no frieren\\)'" in warning.message


@pytest.mark.parametrize(
    ("section", "text", "spelled"),
    [
        ("artist", "haiz_ai", "@haiz_ai"),
        ("artist", "poco_(asahi_age)", "@poco \\(asahi age\\)"),
        ("artist", "(wlop:1.2)", "(@wlop:1.2)"),
        ("artist", "@haiz_ai", "@haiz_ai"),
        ("character", "new person (my series)", "new person \\(my series\\)"),
        ("character", "(fern (sousou no frieren):1.2)", "(fern \\(sousou no frieren\\):1.2)"),
        ("series", "kimi no na wa.", "kimi no na wa."),
        ("year", "2024", "year 2024"),
        ("general", "2024", "2024"),
        ("general", "A girl smiles at the viewer.", "A girl smiles at the viewer."),
        ("quality", "masterpiece, best_quality", "masterpiece, best quality"),
    ],
)
def test_a_section_tells_how_its_tags_are_read(section: str, text: str, spelled: str) -> None:
    assert str(Prompt().with_section(section, [text])) == spelled
    assert str(Prompt().add(text, section=section)) == spelled
    assert str(Prompt.from_dict({section: [text]})) == spelled
    (file,) = parse_prompt_file(f"{section}: ['{text}']", "x.yaml")
    assert str(file.prompt) == spelled


def test_the_builder_leaves_an_unknown_artist_as_written() -> None:
    assert str(PromptBuilder().artist("haiz_ai").build()) == "@haiz_ai"
    assert str(PromptBuilder().artist("@poco (asahi age)", weight=1.2).build()) == "(@poco \\(asahi age\\):1.2)"
    assert str(PromptBuilder().character("my_oc_(v2)").build()) == "my_oc_\\(v2\\)"
    assert str(PromptBuilder().year(2024, "newest").build()) == "year 2024, newest"


def test_a_year_of_a_file_is_a_year() -> None:
    (file,) = parse_prompt_file("year: 2024\ngeneral: [smile]", "x.yaml")
    assert str(file.prompt) == "year 2024, smile"


@pytest.mark.parametrize(
    ("text", "ordered"),
    [
        ("lily strosek, lyrical nanoha, 1girl", "1girl, lily strosek, lyrical nanoha"),
        ("lyrical nanoha, lily strosek, 1girl", "1girl, lyrical nanoha, lily strosek"),
        ("my trigger, hatsune miku, vocaloid", "hatsune miku, vocaloid, my trigger"),
        ("smile, vocaloid, hatsune miku", "hatsune miku, vocaloid, smile"),
    ],
)
def test_an_unknown_name_right_before_a_series_is_its_character(text: str, ordered: str) -> None:
    assert str(Prompt.parse(text)) == ordered


def test_sorting_by_the_linter_keeps_an_unknown_name_before_its_series() -> None:
    text = "lily strosek, lyrical nanoha, 1girl"
    assert fix(text, unsafe=True).prompt.endswith("1girl, lily strosek, lyrical nanoha")


@pytest.mark.parametrize(
    "text", ["1girl, <lora:x:1>, smile", "<lora:x:1>, 1girl, smile", "1girl, smile, <lora:x:1>", "1girl, smile"]
)
def test_a_reference_that_a_dialect_cannot_express_leaves_no_gap(text: str) -> None:
    assert Prompt.parse(text, dialect="a1111").to_text() == "1girl, smile"


def test_a_reference_alone_prints_nothing_where_it_cannot_be_expressed() -> None:
    prompt = Prompt.parse("<lora:x:1>. She waves at the crowd.", dialect="a1111")
    assert prompt.to_text() == "She waves at the crowd."
    assert Prompt.parse("<lora:x:1>", dialect="a1111").to_text() == ""


@pytest.mark.parametrize(
    ("weight", "printed"),
    [
        (0.1 + 0.2, "0.3"),
        (1 / 3, "0.333333"),
        (1.1 * 1.1, "1.21"),
        ("0.1000000001", "0.1000000001"),
        (2.0, "2"),
        (1e-9, "0"),
    ],
)
def test_a_computed_weight_prints_six_decimals_at_most(weight: float | str, printed: str) -> None:
    assert str(Prompt().add("smile", weight=weight)) == f"(smile:{printed})"


def test_scaled_weights_are_rounded() -> None:
    prompt = Prompt.parse("(a:1.20), (b:0.7), c, @wlop")
    assert str(prompt.scale_weights("1.5")) == "(@wlop:1.5), (a:1.8), (b:1.05), (c:1.5)"
    assert str(prompt.scale_weights(1.1, "a", "c")) == "@wlop, (a:1.32), (b:0.7), (c:1.1)"
    assert str(prompt.scale_weights(2, section="artist")) == "(@wlop:2), (a:1.20), (b:0.7), c"
    with pytest.raises(PromptError, match="there is no tag 'z', 'y' in the prompt; it contains @wlop, a, b, c"):
        prompt.scale_weights(2, "a", "z", "y")


def test_fmt_touches_nothing_inside_an_unknown_name() -> None:
    text = 'HDA_Masterpiece_FULL, my_trigger_word, <embed:foo_bar>, sign "HELLO_WORLD", foo_(bar), long_hair'
    assert format_text(text) == text.replace("long_hair", "long hair")
    assert join_negative(format_text("asuna_(bunny)_(blue_archive)"), None) == "asuna_(bunny)_(blue_archive)"

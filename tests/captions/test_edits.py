"""Edits of captions change what they are about and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anima_prompt.captions.edits import (
    ALIASES,
    ARTIST_SIGNS,
    SAFETY_WORDS,
    UNDERSCORES,
    Add,
    CaptionOrder,
    Drop,
    DropImplied,
    DropOverlaps,
    Editor,
    FixRules,
    JoinSentences,
    Operation,
    Replace,
    Selector,
    SplitSentences,
    check_place,
)
from anima_prompt.captions.instructions import parse_instruction
from anima_prompt.errors import InputError
from anima_prompt.lint import Document, Linter
from anima_prompt.vocabulary import Vocabulary
from tests.strategies import any_texts

EDITOR = Editor(Linter(), Document(""))


def run(text: str, *operations: Operation) -> str:
    return EDITOR.run(text, operations)


def drop(*texts: str) -> Drop:
    return Drop(tuple(Selector.of(text) for text in texts))


@pytest.mark.parametrize(
    ("text", "operation", "wanted"),
    [
        ("1girl, smile, @wlop, backlighting", drop("artist", "group:light"), "1girl, smile"),
        ("@wlop, 1girl", drop("artist"), "1girl"),
        ("1girl,smile ,  @wlop,\nhat", drop("artist"), "1girl,smile ,  hat"),
        ("smile. A girl, tall, waves at it.", drop("smile"), "A girl, tall, waves at it."),
        ("1girl, smile. A girl, tall, waves at it.", drop("smile"), "1girl. A girl, tall, waves at it."),
        ("a, b, c, d", drop("b", "c", "d"), "a"),
        ("a, b, c, d", drop("a", "b", "c", "d"), ""),
        ("1girl, (smile:1.2), hat", drop("smile"), "1girl, hat"),
        ("1girl, (smile, hat:1.2)", drop("smile"), "1girl, (hat:1.2)"),
        ("1girl, long_hair, red hair", drop("*_hair"), "1girl"),
        ("1girl, long_hair", drop("long hair"), "1girl"),
        ("1girl, :3, smile", drop(":3"), "1girl, smile"),
        ("1girl, smile, @wlop", Drop((Selector.of("count"), Selector.of("artist")), others=True), "1girl, @wlop"),
        ("1girl, long hair, red hair", Drop((Selector.of("group:hair"),), (Selector.of("red hair"),)), "1girl, red hair"),
        (
            "2girls. On the left, akita neru, yellow eyes. On the right, kasane teto.", drop("yellow eyes"),
            "2girls. On the left, akita neru. On the right, kasane teto.",
        ),
        (
            "2girls, smile. On the left, yellow eyes. On the right, kasane teto.", drop("group:eyes", "smile"),
            "2girls. On the right, kasane teto.",
        ),
        ("a cat, red hat. She has a red hat on.", Replace(Selector.of("red hat"), "blue hat"), "a cat, blue hat. She has a red hat on."),
        ("2girls. On the left, red hat.", Replace(Selector.of("red hat"), "blue hat"), "2girls. On the left, blue hat."),
        ("1girl, smile", Add("hat"), "1girl, smile, hat"),
        ("1girl, smile\n", Add("hat"), "1girl, smile, hat\n"),
        ("1girl, smile. A girl waves at it.", Add("hat"), "1girl, smile, hat. A girl waves at it."),
        ("1girl, smile", Add("Smile"), "1girl, smile"),
        ("1girl, smile", Add("trig", "start"), "trig, 1girl, smile"),
        ("safe, 1girl, smile", Add("trig", "after:count"), "safe, 1girl, trig, smile"),
        ("safe, smile", Add("trig", "after:count"), "safe, trig, smile"),
        ("smile, hat", Add("trig", "after:count"), "trig, smile, hat"),
        ("(1girl:1.2), smile", Add("trig", "after:count"), "(1girl:1.2), trig, smile"),
        ("A girl waves at the crowd.", Add("trig", "start"), "trig. A girl waves at the crowd."),
        ("The trig waves at the crowd.", Add("trig", "start", move=True), "The trig waves at the crowd."),
        ("ye-pop\nA painting of a cat.", Add("trig", "start"), "ye-pop\ntrig. A painting of a cat."),
        ("1girl, my trig, smile", Add("my_trig", "start", move=True), "my_trig, 1girl, smile"),
        ("my_trig, 1girl,smile", Add("my_trig", "start", move=True), "my_trig, 1girl,smile"),
        ("safe, 1girl, trig, smile", Add("trig", "after:count", move=True), "safe, 1girl, trig, smile"),
        ("trig", Add("trig", "start", move=True), "trig"),
        ("Trig", Add("trig", "start", move=True), "trig"),
        ("smile, 1girl, @wlop, masterpiece. A girl waves at it.", CaptionOrder(), "masterpiece, 1girl, @wlop, smile. A girl waves at it."),
        ("smile, 2girls. On the left, hat, 1boy.", CaptionOrder(), "2girls, smile. On the left, hat, 1boy."),
        ("1girl, wlop", ARTIST_SIGNS, "1girl, @wlop"),
        ("1girl, rating:general", SAFETY_WORDS, "1girl, safe"),
        ("1girl, long_hair, @_@, score_7", UNDERSCORES, "1girl, long hair, @_@, score_7"),
        ("1girl, star eyes", ALIASES, "1girl, +_+"),
        ("1girl, long hair, very long hair", DropImplied(), "1girl, very long hair"),
        ("1girl, dress, white dress, hat", DropOverlaps(), "1girl, white dress, hat"),
        ("1girl, smile. A girl waves at it. She sits.", SplitSentences(), "1girl, smile\nA girl waves at it. She sits."),
        ("2girls. On the left, red hat.", SplitSentences(), "2girls. On the left, red hat."),
        ("1girl, smile\nA girl waves at it.\nShe sits there.", JoinSentences(), "1girl, smile. A girl waves at it. She sits there."),
        ("ye-pop\nA painting of a cat.", JoinSentences(), "ye-pop\nA painting of a cat."),
        ("1girl ,long_hair", FixRules(), "1girl, long hair"),
        ("trig, 1girl ||| smile, hat", drop("smile"), "trig, 1girl ||| hat"),
        ("trig, long_hair ||| smile, red_hat", FixRules(), "trig, long hair ||| smile, red hat"),
        ("smile, 1girl ||| hat, @wlop", CaptionOrder(), "1girl, smile ||| @wlop, hat"),
    ],
)  # fmt: skip
def test_an_operation(text: str, operation: Operation, wanted: str) -> None:
    result = run(text, operation)
    assert result == wanted
    assert run(result, operation) == result, "twice changes nothing more"


OPERATIONS: tuple[Operation, ...] = (
    drop("artist", "smile"), Add("hat"), Add("trig", "after:count", move=True), CaptionOrder(), DropImplied(), DropOverlaps(),
    SplitSentences(), JoinSentences(), Replace(Selector.of("smile"), "grin"), FixRules(), UNDERSCORES,
)  # fmt: skip


@given(any_texts, st.sampled_from(OPERATIONS))
def test_no_caption_stops_an_operation(text: str, operation: Operation) -> None:
    assert isinstance(run(text, operation), str)


@given(
    st.lists(
        st.sampled_from(["1girl", "smile", "@wlop", "hat", "long hair", "A girl waves at the crowd."]),
        unique=True,
        min_size=1,
    )
)
def test_a_tag_that_is_added_and_dropped_leaves_the_caption(tags: list[str]) -> None:
    text = ", ".join(tags)
    added = run(text, Add("qzvtrig", "start"))
    assert "qzvtrig" in added
    if not text.startswith("A girl"):
        assert run(added, drop("qzvtrig")) == text


@pytest.mark.parametrize(
    ("instruction", "text", "wanted"),
    [
        ("remove all artist and lighting tags", "1girl, @wlop, backlighting, smile", "1girl, smile"),
        ("Remove artists, lighting and quality tags.", "masterpiece, 1girl, @wlop, backlighting", "1girl"),
        ("delete smile", "1girl, smile", "1girl"),
        ('drop "long hair" and hat', "1girl, long hair, hat, smile", "1girl, smile"),
        ("remove all hair tags except red hair", "1girl, long hair, red hair, smile", "1girl, red hair, smile"),
        ("keep only count and artist tags", "1girl, smile, @wlop", "1girl, @wlop"),
        ("replace red hat with blue hat", "1girl, red hat", "1girl, blue hat"),
        ("add safe at the start", "1girl", "safe, 1girl"),
        ("add safe and newest", "1girl", "1girl, safe, newest"),
        ("prepend safe", "1girl", "safe, 1girl"),
        ("add qzvchar after the count tags", "safe, 1girl, smile", "safe, 1girl, qzvchar, smile"),
        ("move qzvchar to the start", "1girl, qzvchar", "qzvchar, 1girl"),
        ("sort tags", "smile, 1girl", "1girl, smile"),
        ("replace underscores with spaces", "1girl, long_hair", "1girl, long hair"),
        ("remove smile; add hat", "1girl, smile", "1girl, hat"),
        ("remove smile then sort the tags", "hat, 1girl, smile", "1girl, hat"),
        ("remove clothing tags", "1girl, white shirt, smile", "1girl, smile"),
        ("remove *_hair", "1girl, long_hair", "1girl"),
        ("remove background tags", "1girl, white background", "1girl"),
    ],
)
def test_an_instruction_is_understood(instruction: str, text: str, wanted: str) -> None:
    assert run(text, *parse_instruction(instruction, Vocabulary.default())) == wanted


@pytest.mark.parametrize(
    ("instruction", "message"),
    [
        ("", "the instruction is empty"),
        ("make it nicer", "is not understood; write 'remove all artist"),
        ("remove all lightnng tags", "did you mean lighting?"),
        ("remove all xyzzy tags", "'xyzzy tags' are not understood; categories: "),
        ("add hat after the table", "--at is 'after:table'"),
        ("remove artst:*", "field 'artst' is unknown"),
    ],
)
def test_an_instruction_that_is_not_understood_says_what_would_be(instruction: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_instruction(instruction, Vocabulary.default())
    assert message in str(caught.value)


def test_a_place_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(InputError, match="expected start, end, after:SECTION"):
        check_place("middle")

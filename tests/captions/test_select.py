"""The query language of captions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anima_prompt.captions.analysis import Analyzer
from anima_prompt.captions.select import FIELDS, parse_query, select
from anima_prompt.captions.sets import Caption
from anima_prompt.errors import InputError
from anima_prompt.lint_files.runner import Options

TEXTS = (
    "masterpiece, 1girl, smile, @wlop, long hair",
    "1girl, hatsune miku, vocaloid, long_hair\nShe waves at the crowd.",
    "A girl waves at the crowd.",
    "",
    "1boy, :3, fern \\(sousou no frieren\\), backlighting",
    "1boy, :3, fern \\(sousou no frieren\\), backlighting",
)


def found(query: str) -> list[int]:
    captions = [
        Caption(f"/set/b {n}.png" if n else None, f"/set/10_x/b {n}.txt", "", 0, text, 1)
        for n, text in enumerate(TEXTS)
    ]
    analysis = Analyzer(Options(isolated=True, cached=False)).analyze(captions)
    return select(query, captions, analysis)


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("tag:smile", [0]),
        ("smile", [0]),
        ("tag:long_hair", [0, 1]),
        ('tag:"long hair"', [0, 1]),
        ("tag:*_hair", [0, 1]),
        ("artist:*", [0]),
        ("artist:@wlop", [0]),
        ("NOT artist:*", [1, 2, 3, 4, 5]),
        ("artist:* OR series:vocaloid", [0, 1]),
        ("count:1girl AND NOT artist:*", [1]),
        ("count:1girl NOT artist:*", [1]),
        ("(artist:* OR character:*) AND tags>4", [0]),
        ("group:light", [4, 5]),
        ("group:hair", [0, 1]),
        ("group:hair/length", [0, 1]),
        ('tag:":3"', [4, 5]),
        ("tag::3", [4, 5]),
        ('character:"fern (sousou no frieren)"', [4, 5]),
        ("character:fern_(sousou_no_frieren)", [4, 5]),
        ("text:WAVES", [1, 2]),
        ('text:"a girl*"', [2]),
        ("file:*2.txt", [2]),
        ("folder:10_*", [0, 1, 2, 3, 4, 5]),
        ('image:"b 4.png"', [4]),
        ("is:empty", [3]),
        ("is:prose", [2]),
        ("is:duplicate", [4, 5]),
        ("is:unpaired", [0]),
        ("lines>1", [1]),
        ("line>1", [1]),
        ("line=1", [0, 1, 2, 3, 4, 5]),
        ("tags=0", [2, 3]),
        ("tags != 0 AND sentences >= 1", [1]),
        ("known:no", []),
        ("chars<10", [3]),
        ("copyright:vocaloid", [1]),
    ],
)
def test_a_query_selects(query: str, wanted: list[int]) -> None:
    assert found(query) == wanted


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("", "the query is empty"),
        ("artst:*", "character 1: field 'artst' is unknown; did you mean artist?"),
        ("tag:a AND arti:b", "character 11: field 'arti' is unknown; did you mean artist?"),
        ("q:b", "field 'q' is unknown; did you mean quality or qwen?"),
        ("zzz:b", "field 'zzz' is unknown; fields: tag, dataset, quality"),
        ("(tag:a", "character 1: '(' is not closed"),
        ("tag:a)", "character 6: ')' has no '('"),
        ("tag:a AND", "a condition is missing at the end"),
        ("OR tag:a", "character 1: a condition is missing before it"),
        ("t5>x", "character 4: expected a whole number after t5>"),
        ("tag>3", "'tag' is not a number; write tag:value"),
        ("t5:many", "'t5' is a number; write t5>300"),
        ("tag:", "a value is missing after tag:; write tag:* for any"),
        ("is:full", "'full' is not a state; expected one of empty, prose, duplicate, unpaired"),
        ('text:"abc', "a quotation mark is not closed"),
        ("t5>300", "'t5' counts tokens; name the tokenizers"),
    ],
)
def test_a_malformed_query_says_where_and_what(query: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        found(query)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.text(alphabet=st.sampled_from('tag:artis*()"<>=t5 ANDORNOT3-_'), max_size=25))
def test_any_text_is_a_query_or_one_error(text: str) -> None:
    try:
        parse_query(text)
    except InputError as error:
        assert "\n" not in str(error)  # noqa: PT017


def test_the_separator_of_sd_scripts_parts_tags() -> None:
    captions = [Caption(None, "a.txt", "", 0, "trig, 1girl |||smile ||| hat")]
    analysis = Analyzer(Options(isolated=True, cached=False)).analyze(captions)
    assert [analysis.table[number].text for number in analysis.tags[0]] == ["trig", "1girl", "smile", "hat"]


def test_all_fields_are_words() -> None:
    assert all(field.isalnum() for field in FIELDS)

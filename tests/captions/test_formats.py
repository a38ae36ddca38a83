"""Every format: what is read, and that an edit changes the value and nothing else."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anima_prompt.captions.encoding import decode
from anima_prompt.captions.formats.entry import write
from anima_prompt.captions.formats.json_spans import read_json
from anima_prompt.captions.formats.reader import Content, read_entries
from anima_prompt.errors import InputError

values = st.text(alphabet=st.sampled_from("ab, .\"\\/\n\té女\U0001f600_@|'{}[]:"), max_size=20)
tags = st.lists(st.sampled_from(["1girl", "smile", "@wlop", "café", "女", "score_7", "a \"b\"", "back\\slash"]), min_size=1, max_size=6, unique=True)  # fmt: skip

KOHYA = """{
  "set/a.png": {"caption": "a girl", "tags": "1girl, smile,hat" , "train_resolution": [512.0,  768],  "n": 1.50e1},
\t"b.png":{"tags":"caf\\u00e9, sky"}
}
"""
STUDIO_FULL = """{"fixed": {"quality": "masterpiece, best quality", "series": "vocaloid", "artist": "@wlop"},
 "character": {"name": "hatsune miku", "variant": ""},
 "from_path": {"appearance": ["long hair",  "twintails"]},
 "ai_output": {"count": "1girl", "appearance": ["blue eyes"], "tags": ["smile", "hat"], "environment": ["sky"], "nl": "She waves, smiling."}}"""
STUDIO_SIMPLE = """{"quality":"masterpiece","count":"1girl","character":"","series":"","artist":"@wlop","appearance":["long hair"],"tags":[],"environment":["sky","night"],"nl":""}"""
STUDIO_STANDARD = '{"meta": {"id": 3}, "tags": {"count": ["1girl"], "tags": ["smile"], "nl": "A girl."}}'


def content(text: str, name: str, **options: Any) -> Content:
    return read_entries(decode(text.encode()), name, **options)


def texts(text: str, name: str, **options: Any) -> list[str]:
    return [entry.text for entry in content(text, name, **options).entries]


def edited(text: str, name: str, new: dict[str, str], **options: Any) -> str:
    decoded = decode(text.encode())
    return write(decoded, read_entries(decoded, name, **options).entries, new, name).decode()


# --- text files ---


@given(st.text(max_size=40), st.text(max_size=40))
def test_a_text_file_gets_its_new_caption_and_keeps_its_line_ends(raw: str, new: str) -> None:
    raw, new = (
        raw.encode("utf-8", "ignore").decode(),
        new.encode("utf-8", "ignore").decode().replace("\r", "").rstrip("\n"),
    )
    decoded = decode(raw.encode())
    (entry,) = read_entries(decoded, "a.txt").entries
    data = write(decoded, [entry], {"": new})
    again = decode(data)
    if not again.text.startswith("\ufeff") and again.encoding == decoded.encoding:
        (result,) = read_entries(again, "a.txt").entries
        assert result.text == new
    assert write(decoded, [entry], {}) == raw.encode()
    end = raw[len(raw.rstrip("\r\n")) :]
    assert again.text.endswith(end)


def test_an_edit_of_a_text_keeps_line_ends_and_the_missing_final_one() -> None:
    assert edited("1girl, smile\r\nA girl.\rShe waves.", "a.txt", {"": "1girl, hat\nA girl.\nShe sits.\nNight."}) == (
        "1girl, hat\r\nA girl.\rShe sits.\r\nNight."
    )


def test_lines_are_captions_of_their_own() -> None:
    text = "1girl, smile\r\n\r\nA girl smiles.\r\n"
    found = content(text, "a.txt", lines=True).entries
    assert [(e.key, e.text, e.line, e.index) for e in found] == [
        ("line 1", "1girl, smile", 1, 0),
        ("line 3", "A girl smiles.", 3, 1),
    ]
    assert edited(text, "a.txt", {"line 3": "A girl waves."}, lines=True) == "1girl, smile\r\n\r\nA girl waves.\r\n"


# --- JSON ---


def test_metadata_of_sd_scripts_is_caption_and_tags() -> None:
    found = content(KOHYA, "meta_lat.json")
    assert found.format == "kohya"
    assert [(e.key, e.text, e.line, e.image) for e in found.entries] == [
        ("/set~1a.png", "a girl, 1girl, smile,hat", 2, "set/a.png"),
        ("/b.png", "café, sky", 3, "b.png"),
    ]


def test_an_edit_of_metadata_changes_its_value_alone() -> None:
    result = edited(KOHYA, "m.json", {"/set~1a.png": "a girl, 1girl,hat", "/b.png": "café, sky, ö"})
    assert result == KOHYA.replace("1girl, smile,hat", "1girl,hat").replace("sky", "sky, \\u00f6")


@pytest.mark.parametrize("name", ["captions.json", "any.json"])
def test_captions_json_has_several_captions_of_an_image(name: str) -> None:
    text = '{ "a.png" : ["one", "two, \\u0041"],\n "b.webp":"x" }'
    found = content(text, name)
    assert [(e.key, e.text, e.index) for e in found.entries] == [
        ("/a.png/0", "one", 0),
        ("/a.png/1", "two, A", 1),
        ("/b.webp", "x", 0),
    ]
    assert edited(text, name, {"/a.png/1": "three, A"}) == text.replace("two", "three")


@pytest.mark.parametrize(
    ("text", "caption"),
    [
        (STUDIO_FULL, "masterpiece, best quality, 1girl, hatsune miku, vocaloid, @wlop, long hair, twintails, "
                      "blue eyes, smile, hat, sky. She waves, smiling."),
        (STUDIO_SIMPLE, "masterpiece, 1girl, @wlop, long hair, sky, night"),
        (STUDIO_STANDARD, "1girl, smile. A girl."),
    ],
)  # fmt: skip
def test_captions_by_category_are_rendered_in_the_order_of_their_program(text: str, caption: str) -> None:
    found = content(text, "a.json")
    assert (found.format, [e.text for e in found.entries]) == ("studio", [caption])


@pytest.mark.parametrize(
    ("old", "new", "before", "after"),
    [
        ("@wlop, ", "", '"@wlop"', '""'),
        ("long hair, ", "", '["long hair",  "twintails"]', '["twintails"]'),
        ("twintails, ", "", '["long hair",  "twintails"]', '["long hair"]'),
        ("twintails, blue eyes", "short hair, blue eyes", '"twintails"', '"short hair"'),
        ("smile, hat", "smile, hat, scarf", '["smile", "hat"]', '["smile", "hat", "scarf"]'),
        ("smile, hat", "smile, cap, hat", '["smile", "hat"]', '["smile", "cap", "hat"]'),
        ("waves, smiling", "sits", "She waves, smiling.", "She sits."),
        ("1girl", "2girls", '"1girl"', '"2girls"'),
        ("best quality, ", "", '"masterpiece, best quality"', '"masterpiece"'),
        ("masterpiece, ", "mytrigger, masterpiece, ", '"masterpiece, best', '"mytrigger, masterpiece, best'),
        (" She waves, smiling.", "", '"She waves, smiling."', '""'),
    ],
)
def test_an_edit_of_a_caption_by_category_goes_to_its_field(old: str, new: str, before: str, after: str) -> None:
    (entry,) = content(STUDIO_FULL, "a.json").entries
    assert old in entry.text
    assert edited(STUDIO_FULL, "a.json", {"/": entry.text.replace(old, new)}) == STUDIO_FULL.replace(before, after)


def test_an_order_that_the_fields_cannot_have_is_an_error() -> None:
    with pytest.raises(InputError, match="does not fit the file's fields"):
        edited(STUDIO_FULL, "a.json", {"/": "sky, @wlop, masterpiece"})


@pytest.mark.parametrize(
    "text",
    [
        '{"category": "danbooru", "tags": ["smile"], "artist": ["wlop"], "id": 1, "md5": "x"}',
        '{"3": {"class_type": "KSampler", "inputs": {}}}',
        '{"resolution": 1024, "batch_size": 2}',
        "[1, 2]",
        "{}",
        '"a"',
    ],
)
def test_json_of_other_programs_holds_no_captions(text: str) -> None:
    assert content(text, "a.json") == Content("")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": }', "m.json:1:7: expecting value"),
        ('{"a": 1\n "b": 2}', "m.json:2:2: expecting ',' delimiter"),
        ('{"a": "x', "m.json:1:7: unterminated string"),
        ("[" * 500, "nested more than 100 deep"),
        ('{"a": 1} x', "m.json:1:10: extra data"),
        ("{\"a\": 1,}", "expecting property name"),
        ("", "m.json:1:1: expecting value"),
    ],
)  # fmt: skip
def test_broken_json_names_line_and_column(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read_json(text, "m.json")
    assert message in str(caught.value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | values,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(values, inner, max_size=3),
    max_leaves=12,
)


@given(json_values, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_spans_of_json_strings_are_those_of_the_text(value: object, indent: int | str | None, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    waiting = [read_json(text, "x")]
    strings = []
    while waiting:
        node = waiting.pop()
        if node.kind == "string":
            strings.append(node)
            assert json.loads(text[node.start : node.end]) == node.text
        waiting += node.items + [inner for _, inner in node.fields]
    assert json.loads(text[: len(text)]) == value


@given(st.dictionaries(st.sampled_from(["a.png", "b/ü.jpg", "~x.webp"]), st.lists(values, min_size=1, max_size=3), min_size=1), st.data(), st.booleans(), st.sampled_from([None, 2]))  # fmt: skip
def test_one_caption_of_json_is_replaced_and_all_others_stay(
    data: dict[str, list[str]], draw: st.DataObject, ascii_only: bool, indent: int | None
) -> None:
    text = json.dumps(data, ensure_ascii=ascii_only, indent=indent)
    entries = content(text, "captions.json").entries
    chosen = draw.draw(st.sampled_from(entries))
    new = draw.draw(values)
    result = json.loads(edited(text, "captions.json", {chosen.key: new}))
    data[chosen.image][chosen.index] = new
    assert result == data


# --- tables ---


def test_json_lines_of_hugging_face_and_of_sd_scripts() -> None:
    text = (
        '{"file_name": "a.png", "text": "1girl"}\r\n\r\n{"image_path": "b.png", "caption": "a girl", "tags": "smile"}\n'
    )
    found = content(text, "metadata.jsonl")
    assert [(e.key, e.text, e.line, e.image) for e in found.entries] == [
        ("line 1", "1girl", 1, "a.png"),
        ("line 3", "a girl, smile", 3, "b.png"),
    ]
    assert edited(text, "metadata.jsonl", {"line 3": "a girl, hat"}) == text.replace("smile", "hat")


def test_bad_json_lines_are_named_and_the_others_are_read() -> None:
    found = content('{"file_name": "a.png", "text": "x"}\n{oops\n[]\n', "metadata.jsonl")
    assert [e.text for e in found.entries] == ["x"]
    assert [error.split(";")[0] for error in found.errors] == [
        "metadata.jsonl:2:2: expecting property name enclosed in double quotes",
        "metadata.jsonl:3: is not a JSON object",
    ]


def test_csv_with_quotes_line_ends_and_other_columns() -> None:
    text = 'file_name,text,score\r\na.png,"1girl, ""hi""",1.50\r\nb.png,smile,2\r\n'
    assert texts(text, "metadata.csv") == ['1girl, "hi"', "smile"]
    assert edited(text, "metadata.csv", {"row 2": "smile, hat"}) == text.replace("b.png,smile", 'b.png,"smile, hat"')
    assert edited(text, "metadata.csv", {"row 1": '1girl, "ho"'}) == text.replace("hi", "ho")


def test_other_csv_files_hold_no_captions_unless_they_are_named() -> None:
    text = "tag_id,name,category,count\n1,smile,0,5\n"
    assert content(text, "selected_tags.csv") == Content("")
    assert "has no column" in content(text, "selected_tags.csv", is_named=True).errors[0]


@given(st.lists(st.tuples(values, values), min_size=1, max_size=4), st.data(), st.sampled_from(["\n", "\r\n"]))
def test_one_caption_of_csv_is_replaced_and_all_others_stay(
    rows: list[tuple[str, str]], draw: st.DataObject, end: str
) -> None:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator=end)
    writer.writerows([("file_name", "text"), *(("f" + a, b) for a, b in rows)])
    text = stream.getvalue()
    entries = content(text, "metadata.csv").entries
    assert [e.text for e in entries] == [b for _, b in rows]
    chosen = draw.draw(st.sampled_from(range(len(rows))))
    new = draw.draw(values)
    result = edited(text, "metadata.csv", {entries[chosen].key: new})
    got = list(csv.reader(io.StringIO(result, newline="")))[1:]
    wanted = [["f" + a, new if i == chosen else b] for i, (a, b) in enumerate(rows)]
    assert [[cell.replace("\r\n", "\n") for cell in row] for row in got] == wanted

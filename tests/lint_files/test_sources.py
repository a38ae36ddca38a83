"""Facts about what is read from files: every kind of input, and what is said of a bad one."""

from __future__ import annotations

import json
import zlib
from decimal import Decimal
from pathlib import Path

import pytest

from anima_prompt.dialects import Dialect
from anima_prompt.errors import AnimaPromptError
from anima_prompt.lint.document import Role
from anima_prompt.lint_files.configuration import Use
from anima_prompt.lint_files.report import Report
from anima_prompt.lint_files.runner import FileLinter, Options
from anima_prompt.lint_files.sources import Captions, PartlyReadError, pieces_of, with_texts
from anima_prompt.profiles import guess_profile
from tests.lint_files.images import PARAMETERS, graph, save


def report(path: Path, **use: object) -> Report:
    options = Options(Use(**use), {}, None, isolated=True, cached=False, settings={})  # type: ignore[arg-type]
    return FileLinter(options).report(str(path))


def names(found: Report) -> set[str]:
    return {d.name for diagnostics in found.diagnostics for d in diagnostics}


def test_a_text_with_a_negative_prompt(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("1girl,\nlooking_at_viewer\n---\nblurry,\nbad_hands\n")
    (piece,) = pieces_of(str(path), Use())
    assert (piece.document.prompt, piece.document.negative) == ("1girl,\nlooking_at_viewer", "blurry,\nbad_hands")
    assert piece.position(7, "prompt") == (2, 1)
    assert piece.position(8, "negative") == (5, 1)


def test_lines_with_comments(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("1girl\n\n# anima: ignore ANI201\n1boy, short_hair\n")
    first, second = pieces_of(str(path), Use(lines=True))
    assert first.document.prompt == "1girl"
    assert second.line == 3
    assert second.document.prompt.endswith("\n1boy, short_hair")
    assert second.position(second.document.prompt.index("short"), "prompt") == (4, 7)


def test_records_and_their_bad_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    good = {"prompt": "1girl", "negative": "blurry", "dialect": "a1111", "profile": "turbo-1.1", "settings": {"cfg": 4}}
    lines = [json.dumps(good), "{oops", '{"negative": "x"}', '{"prompt": "1boy", "role": "poem"}', "", '{"prompt": 3}']
    path.write_text("\n".join(lines))
    found = report(path)
    assert len(found.pieces) == 1
    document = found.pieces[0].document
    assert (document.dialect, document.profile, document.negative) == (Dialect.A1111, "turbo-1.1", "blurry")
    assert document.settings.guidance_scale == Decimal(4)
    assert [error.split(":")[-2 if "poem" in error else 1] for error in found.errors][:2] == ["2", "3"]
    assert len(found.errors) == 4
    assert all(str(path) in error and "\n" not in error for error in found.errors)


def test_record_roles(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"prompt": "a cat", "role": "caption"}\n')
    assert report(path).pieces[0].document.role is Role.CAPTION


def test_prompt_files(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("# anima: ignore ANI904 shown elsewhere\ncount: 1girl\nartist: ['@wlop']\n")
    (piece,) = pieces_of(str(path), Use())
    assert piece.document.prompt == "1girl, @wlop"
    assert piece.line == 2
    assert "flat-background" not in names(report(path))


def test_captions_beside_pictures(tmp_path: Path) -> None:
    save(tmp_path / "a.png")
    (tmp_path / "a.txt").write_text("1girl")
    (tmp_path / "b.txt").write_text("1girl")
    captions = Captions()
    assert str(tmp_path / "a.txt") in captions
    assert str(tmp_path / "b.txt") not in captions
    assert str(tmp_path / "a.png") not in captions
    assert report(tmp_path / "a.txt").pieces[0].document.role is Role.CAPTION
    assert report(tmp_path / "a.txt", role=Role.POSITIVE).pieces[0].document.role is Role.POSITIVE


@pytest.mark.parametrize("ending", ["png", "webp", "jpg"])
def test_a_picture_of_a1111(tmp_path: Path, ending: str) -> None:
    path = save(tmp_path / f"a.{ending}", parameters=PARAMETERS)
    found = report(path)
    document = found.pieces[0].document
    assert (document.prompt, document.negative) == ("1girl, looking_at_viewer, red hair", "blurry")
    assert (document.dialect, document.profile) == (Dialect.A1111, "base-1.0")
    assert (document.settings.steps, document.settings.width) == (30, 1024)
    assert {"underscore-tag", "guidance-out-of-range"} & names(found)


@pytest.mark.parametrize("ending", ["png", "webp", "jpg"])
def test_a_picture_of_comfyui(tmp_path: Path, ending: str) -> None:
    path = save(tmp_path / f"a.{ending}", workflow=graph("1girl, looking_at_viewer", "blurry", steps=7))
    found = report(path)
    texts = [(piece.document.prompt, piece.document.negative) for piece in found.pieces]
    assert texts == [("1girl, looking_at_viewer", "blurry")]
    assert found.pieces[0].document.settings.steps == 7
    assert found.pieces[0].document.dialect is Dialect.COMFYUI


def test_a_sidecar_takes_findings_of_a_picture_back(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", parameters="1girl, looking_at_viewer\nSteps: 30, CFG scale: 4")
    code = next(d.code for d in report(path).diagnostics[0] if "underscore" in d.name)
    path.with_name("a.png.anima-ignore").write_text(f"{code} drawn long ago\nANI901\n")
    left = report(path)
    assert code not in {d.code for d in left.diagnostics[0]}
    assert any("ANI901" in d.message for d in left.diagnostics[0]), "an unused line of the sidecar is reported"


def test_a_workflow_tells_positive_from_negative_by_its_links(tmp_path: Path) -> None:
    flow = graph("bad_word, 1girl", "good_word")
    flow["6"]["inputs"]["positive"], flow["6"]["inputs"]["negative"] = ["4", 0], ["3", 0]
    path = tmp_path / "flow.json"
    path.write_text(json.dumps(flow))
    (piece,) = pieces_of(str(path), Use())
    assert (piece.document.prompt, piece.document.negative) == ("good_word", "bad_word, 1girl")


def test_a_workflow_of_five_thousand_nodes(tmp_path: Path) -> None:
    flow = graph("1girl, looking_at_viewer", "blurry")
    for number in range(100, 5100):
        text = {"text": f"1girl, look {number}", "clip": ["2", 0]}
        flow[str(number)] = {"class_type": "CLIPTextEncode", "inputs": text}
    path = tmp_path / "flow.json"
    path.write_text(json.dumps(flow))
    found = report(path)
    assert found.errors == ()
    assert any(piece.document.prompt == "1girl, looking_at_viewer" for piece in found.pieces)


def test_a_workflow_that_runs_in_a_circle(tmp_path: Path) -> None:
    flow = graph("1girl", "blurry")
    flow["7"] = {"class_type": "ConditioningConcat", "inputs": {"conditioning_to": ["8", 0]}}
    flow["8"] = {"class_type": "ConditioningConcat", "inputs": {"conditioning_to": ["7", 0]}}
    flow["6"]["inputs"]["positive"] = ["7", 0]
    path = tmp_path / "flow.json"
    path.write_text(json.dumps(flow))
    found = report(path)
    assert found.errors == ()
    assert any(piece.document.prompt == "1girl" for piece in found.pieces), "a text that reaches nothing is still read"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.txt", "赤い髪".encode("shift-jis"), "UTF-8"),
        ("a.png", b"\x89PNG\r\n\x1a\nbroken", "cannot be read"),
        ("a.png", b"no picture", "cannot be read"),
        ("a.webp", b"RIFF\0\0\0\0WEBPVP8 ", "cannot be read"),
        ("a.txt", b"x," * 10_000_000, "split it"),
        ("a.yaml", b"{", "YAML syntax"),
        ("a.json", b'{"a": [' * 100_000, "nested"),
        ("a.gif", b"GIF89a", "cannot be read as an image"),
        ("a.bmp", b"BM", "not a file type"),
        ("a.prompt", b"MZ\0\0", "binary"),
    ],
)
def test_a_bad_file_gets_one_clear_line(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    found = report(path)
    assert len(found.errors) == 1
    assert str(path) in found.errors[0]
    assert said in found.errors[0]
    assert "\n" not in found.errors[0]
    assert len(found.errors[0]) < 500


def test_a_long_line_leaves_the_others(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(f"1girl, short_hair\n{'x' * 2_000_000}\n1boy\n")
    found = report(path, lines=True)
    assert [piece.document.prompt for piece in found.pieces] == ["1girl, short_hair", "1boy"]
    assert len(found.errors) == 1
    assert ":2: the line has 2000000 characters" in found.errors[0]


def test_metadata_behind_the_pixels(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png")
    chunk = b"tEXtparameters\0" + PARAMETERS.encode()
    body = len(chunk[4:]).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
    data = path.read_bytes()
    end = data.index(b"IEND") - 4
    path.write_bytes(data[:end] + body + data[end:])
    assert report(path).pieces[0].document.prompt.startswith("1girl")


def test_a_picture_without_a_prompt(tmp_path: Path) -> None:
    found = report(save(tmp_path / "a.png"))
    assert "has no prompt in its metadata" in found.errors[0]


def test_the_release_is_read_from_the_checkpoint() -> None:
    guesses = [
        guess_profile(name) for name in ("anima-base-v1.0.safetensors", "Anima-Turbo", "x", "anima_aesthetic_v10")
    ]
    assert guesses == ["base-1.0", "turbo-1.1", None, "aesthetic-1.0"]


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("closing", [True, False])
def test_a_file_is_written_as_it_was(tmp_path: Path, ending: str, closing: bool) -> None:
    text = ending.join(("1girl", "# note", "1boy")) + (ending if closing else "")
    path = tmp_path / "a.txt"
    path.write_bytes(text.encode())
    pieces = pieces_of(str(path), Use(lines=True))
    texts = [(piece.document.prompt, piece.document.negative) for piece in pieces]
    whole = path.read_bytes().decode()
    assert with_texts(whole, str(path), pieces, texts, lines=True) == text
    texts[1] = (texts[1][0].replace("1boy", "2boys"), None)
    assert with_texts(whole, str(path), pieces, texts, lines=True) == text.replace("1boy", "2boys")


def test_only_line_ends_end_a_line_and_each_keeps_its_own(tmp_path: Path) -> None:
    text = "1girl,\u2028hat\x0c\r\n# note\n1boy\x85\r\n\nsolo"
    path = tmp_path / "a.txt"
    path.write_bytes(text.encode())
    pieces = pieces_of(str(path), Use(lines=True))
    assert [piece.document.prompt for piece in pieces] == ["1girl,\u2028hat\x0c", "# note\n1boy\x85", "solo"]
    texts: list[tuple[str, str | None]] = [(piece.document.prompt, None) for piece in pieces]
    assert with_texts(text, str(path), pieces, texts, lines=True) == text
    texts[1] = ("# note\n2boys", None)
    assert with_texts(text, str(path), pieces, texts, lines=True) == text.replace("# note\n1boy\x85", "# note\r\n2boys")


def test_a_record_may_hold_separators_of_unicode(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"prompt": "1girl,\u2028hat"}\n{"prompt": "1boy\x85"}\n', encoding="utf-8")
    assert [(p.line, p.document.prompt) for p in pieces_of(str(path), Use())] == [
        (1, "1girl,\u2028hat"),
        (2, "1boy\x85"),
    ]


def test_half_a_surrogate_pair_in_a_record_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"prompt": "1girl"}\n{"prompt": "hat", "negative": "\\ud83d"}\n{"prompt": "\\ud83d\\ude00"}\n')
    with pytest.raises(
        PartlyReadError, match=r"a\.jsonl:2: contains half a surrogate pair at character 1; write"
    ) as caught:
        pieces_of(str(path), Use())
    assert [piece.document.prompt for piece in caught.value.pieces] == ["1girl", "\U0001f600"]


def test_a_record_keeps_what_it_had(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    line = '{"id": 7, "prompt": "1girl, short_hair", "extra": {"b": [1, 2.50]}}'
    path.write_text(line + "\n")
    pieces = pieces_of(str(path), Use())
    after = with_texts(path.read_text(), str(path), pieces, [("1girl, short hair", None)], lines=False)
    assert json.loads(after) == json.loads(line) | {"prompt": "1girl, short hair"}
    assert list(json.loads(after)) == ["id", "prompt", "extra"]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(AnimaPromptError, match=r"nowhere\.txt"):
        pieces_of(str(tmp_path / "nowhere.txt"), Use())

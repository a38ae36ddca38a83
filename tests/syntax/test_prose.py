"""Facts about prose among tags: which pieces are sentences and clauses, and that nothing alters them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from anima_prompt import Dialect, Prompt, Vocabulary
from anima_prompt.lint import fix
from anima_prompt.names import text_to_name
from anima_prompt.prompt.formatter import format_text
from anima_prompt.syntax import SentenceNode, Separator, parse

DATA = Path(__file__).parent.parent / "data"
PROSE: list[dict[str, Any]] = yaml.safe_load((DATA / "prose.yaml").read_text(encoding="utf-8"))
LISTS: list[dict[str, Any]] = yaml.safe_load((DATA / "tag_lists.yaml").read_text(encoding="utf-8"))
VOCABULARY = Vocabulary.default()


def known(clause: str) -> bool:
    name = clause.removeprefix("@") if clause.startswith("@") else clause
    return text_to_name(name, Dialect.COMFYUI) in VOCABULARY


def pieces(text: str, *, vocabulary: bool = True) -> list[dict[str, str]]:
    tree = parse(text, known=known if vocabulary else None)
    return [
        {type(node).__name__.removesuffix("Node").lower(): text[node.start : node.end]}
        for node in tree.nodes
        if not isinstance(node, Separator)
    ]


def sentences(case: dict[str, Any]) -> list[str]:
    return [piece["sentence"] for piece in case["pieces"] if "sentence" in piece]


def ids(case: dict[str, Any]) -> str:
    return str(case["text"])[:40]


@pytest.mark.parametrize("case", [*PROSE, *LISTS], ids=ids)
def test_a_text_falls_into_its_pieces(case: dict[str, Any]) -> None:
    assert pieces(case["text"]) == case["pieces"]


@pytest.mark.parametrize("case", PROSE, ids=ids)
def test_grammar_alone_finds_nearly_every_sentence(case: dict[str, Any]) -> None:
    if case["text"].startswith(
        ("From above", "Above, two")
    ):  # a capitalised tag and a list, as far as grammar can tell
        return
    found = [piece["sentence"] for piece in pieces(case["text"], vocabulary=False) if "sentence" in piece]
    assert found == sentences(case)


@pytest.mark.parametrize("case", PROSE, ids=ids)
def test_fixes_and_the_formatter_leave_sentences_and_clauses_alone(case: dict[str, Any]) -> None:
    text = case["text"]
    caption = fix(text, role="caption").prompt
    for changed in (fix(text).prompt, caption, format_text(text)):
        assert changed == text
    for changed in (fix(text, unsafe=True).prompt, fix(text, role="negative", unsafe=True).prompt):
        assert [piece["sentence"] for piece in pieces(changed) if "sentence" in piece] == sentences(case)
        assert all(sentence in changed for sentence in sentences(case))


@pytest.mark.parametrize("case", PROSE, ids=ids)
def test_a_prompt_keeps_sentences_and_clauses_whole_and_in_order(case: dict[str, Any]) -> None:
    printed = Prompt.parse(case["text"]).to_text()
    places = [printed.find(" ".join(sentence.split())) for sentence in sentences(case)]
    assert -1 not in places
    assert places == sorted(places)
    again = Prompt.parse(printed)
    assert again.to_text() == printed
    assert [sentence.text for sentence in again.sentences] == [
        sentence.text for sentence in Prompt.parse(case["text"]).sentences
    ]


@pytest.mark.parametrize("case", PROSE, ids=ids)
def test_no_rule_for_tags_speaks_inside_a_clause(case: dict[str, Any]) -> None:
    about_tags = {"unknown-tag", "artist-missing-at", "uppercase-tag", "tag-alias", "typo", "duplicate-tag"}
    spans = [(case["text"].find(sentence), len(sentence)) for sentence in sentences(case)]
    for diagnostic in fix(case["text"]).diagnostics:
        if diagnostic.name in about_tags:
            assert not any(start <= diagnostic.start < start + length for start, length in spans), diagnostic


@pytest.mark.parametrize("tag", [">_<", ":3", "lotte no omocha!", "fate/grand order", "mr. x", "...", "kimi no na wa."])
@pytest.mark.parametrize("sentence", ["Night.", "Left: red hair, blue eyes.", "A girl stands in the rain."])
def test_a_sentence_behind_any_tag_is_found_again(tag: str, sentence: str) -> None:
    prompt = Prompt.parse(f"1girl, {tag}").add(sentence)
    assert [found.text for found in prompt.sentences] == [sentence]
    again = Prompt.parse(prompt.to_text())
    assert again.to_text() == prompt.to_text()
    if not tag.endswith("."):
        assert again == prompt


@pytest.mark.parametrize("piece", ["<lora:x:1>", "embedding:foo", "BREAK", "<embed:foo>"])
def test_a_sentence_right_behind_a_piece_is_a_sentence(piece: str) -> None:
    text = f"1girl, {piece} She waves at the crowd."
    found = [node for node in parse(text).nodes if isinstance(node, SentenceNode)]
    assert [text[node.start : node.end] for node in found] == ["She waves at the crowd."]
    assert fix(text, role="caption").prompt == text


def test_a_full_stop_alone_is_no_sentence() -> None:
    for text in ("。)", "。, smile", "<lora:x:1>。(a"):
        assert not any(isinstance(node, SentenceNode) for node in parse(text).nodes), text

"""Facts about ``anima-prompt tokens`` and the tokenizers behind it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_cli import run

pytest.importorskip("tokenizers", reason="the package tokenizers is not installed")

from anima_prompt.errors import InputError
from anima_prompt.tokens import Tokenizers
from tests.infer.tiny import write_tokenizers


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tokens")
    write_tokenizers(root)
    return root


def test_counts_by_section(folder: Path) -> None:
    done = run("tokens", "masterpiece, 1girl, (smile:1.2)", "--tokenizers", str(folder), "--json")
    data = json.loads(done.stdout)
    assert list(data["sections"]) == ["quality", "count", "general", "commas"]
    assert data["sections"]["quality"]["qwen"] == len("masterpiece"), "this tokenizer has one token a byte"
    assert data["qwen"] == len("masterpiece, 1girl, smile")
    assert sum(section["t5"] for section in data["sections"].values()) == data["t5"]
    shown = run("tokens", "masterpiece, 1girl", "--tokenizers", str(folder)).stdout
    assert [line.split()[0] for line in shown.splitlines()] == ["section", "quality", "count", "commas", "all"]


def test_more_than_training_saw_is_said(folder: Path) -> None:
    done = run("tokens", "smile, " * 200, "--tokenizers", str(folder))
    assert "more T5 tokens than in training" in done.stderr


def test_segments_are_tokenized_by_themselves(folder: Path) -> None:
    tokenizers = Tokenizers.find(folder)
    tokens = tokenizers.encode([("ab", 1.0), ("c", 2.0)])
    assert tokens.weights[-2:] == (2.0, 1.0)
    assert tokens.t5[-1] == 1
    assert tokenizers.encode([]).qwen == tokenizers.encode([("<|endoftext|>", 1.0)]).qwen


def test_missing_tokenizers_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANIMA_MODELS", raising=False)
    with pytest.raises(InputError, match="ANIMA_MODELS"):
        Tokenizers.find()
    with pytest.raises(InputError, match="does not contain qwen25_tokenizer"):
        Tokenizers.find(tmp_path)
    (tmp_path / "tokenizer").mkdir()
    (tmp_path / "tokenizer" / "tokenizer.json").write_text("{")
    (tmp_path / "t5_tokenizer").mkdir()
    (tmp_path / "t5_tokenizer" / "tokenizer.json").write_text("{")
    with pytest.raises(InputError, match="cannot be read"):
        Tokenizers.find(tmp_path)

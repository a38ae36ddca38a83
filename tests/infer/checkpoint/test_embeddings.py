"""Textual embeddings: learned vectors in the place of words, on both sides of the text path."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from anima_infer.checkpoint.embeddings import Embeddings
from anima_infer.errors import CheckpointError
from anima_infer.files import find_files
from anima_infer.models import Models
from tests.infer.tiny import Tiny

WIDTH, TARGET = 32, 48


@pytest.fixture
def with_embeddings(models: Models, tmp_path: Path) -> Models:
    """The tiny model with a folder of embeddings; ``hat`` holds what Qwen embeds for the letters of 'hat'."""
    embed = models.encoder.text.model.get_input_embeddings()
    tokens = models.encoder.tokens([("hat", 1.0)])
    rows = embed(torch.tensor(tokens.qwen)).detach()
    t5 = models.encoder.adapter.embed(torch.tensor(tokens.t5[:-1])).detach()
    save_file({"qwen3_06b": rows, "t5xxl": t5}, tmp_path / "hat.safetensors")
    save_file({"qwen3_06b": rows}, tmp_path / "bare.safetensors")
    torch.save({"emb_params": rows}, tmp_path / "other.pt")
    save_file({"clip_l": torch.zeros(2, 7)}, tmp_path / "wrong.safetensors")
    models.encoder.embeddings = Embeddings(tmp_path)
    return models


def test_vectors_that_are_a_words_own_give_the_words_context(with_embeddings: Models) -> None:
    encoder = with_embeddings.encoder
    learned = encoder.encode([("embedding:hat", 1.0)])
    spelled = encoder.encode([("hat", 1.0)])
    torch.testing.assert_close(learned.rows, spelled.rows)


def test_weights_and_words_around_an_embedding_stay(with_embeddings: Models) -> None:
    encoder = with_embeddings.encoder
    mixed = encoder.encode([("girl, ", 1.0), ("embedding:hat", 1.5), (" day", 0.5)])
    spelled = encoder.encode([("girl, ", 1.0), ("hat", 1.5), (" day", 0.5)])
    torch.testing.assert_close(mixed.rows, spelled.rows)


def test_without_rows_for_the_adapter_an_embedding_acts_through_qwen_alone(with_embeddings: Models) -> None:
    encoder = with_embeddings.encoder
    bare = encoder.encode([("girl ", 1.0), ("embedding:bare", 1.0)])
    plain = encoder.encode([("girl ", 1.0)])
    assert bare.rows.shape == plain.rows.shape
    assert (bare.rows - plain.rows).abs().max() > 1e-3


def test_a_file_with_one_tensor_of_the_right_width_is_taken_whatever_its_name(with_embeddings: Models) -> None:
    encoder = with_embeddings.encoder
    torch.testing.assert_close(
        encoder.encode([("embedding:other", 1.0)]).rows, encoder.encode([("embedding:bare", 1.0)]).rows
    )


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing", r"embedding 'nothing' is not in .*; available: bare, hat, other, wrong"),
        ("../hat", r"embedding '\.\./hat' is not in"),
        ("x" * 300, r"embedding 'x{80}' is not in"),
        ("a\0b", r"is not in"),
        ("wrong", r"wrong\.safetensors: contains clip_l \[2, 7\]; expected 'qwen3_06b' with rows of 32"),
    ],
)
def test_an_embedding_that_is_not_there_or_does_not_fit_is_one_line(
    with_embeddings: Models, name: str, message: str
) -> None:
    with pytest.raises(CheckpointError, match=message):
        with_embeddings.encoder.encode([(f"embedding:{name}", 1.0)])


def test_without_a_folder_or_inside_a_word_it_is_ordinary_text(models: Models, with_embeddings: Models) -> None:
    inside = with_embeddings.encoder.encode([("myembedding:hat", 1.0)])
    with_embeddings.encoder.embeddings = None
    torch.testing.assert_close(inside.rows, models.encoder.encode([("myembedding:hat", 1.0)]).rows)
    assert models.encoder.encode([("embedding:hat", 1.0)]).rows.shape[1] > 4


def test_the_folder_is_found_where_comfyui_keeps_it(tiny: Tiny, tmp_path: Path) -> None:
    assert find_files(tiny.folder).embeddings is None
    (tmp_path / "models" / "embeddings").mkdir(parents=True)
    assert find_files(tmp_path).embeddings == tmp_path / "models" / "embeddings"

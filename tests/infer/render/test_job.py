"""Facts about jobs."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from anima_infer.errors import SettingsError
from anima_infer.files import ModelFiles
from anima_infer.render.job import LoraUse, default_profile


@pytest.mark.parametrize(
    ("text", "path", "strengths"),
    [
        ("a.safetensors", "a.safetensors", (1.0, None)),
        ("a.safetensors:0.8", "a.safetensors", (0.8, None)),
        ("a.safetensors:0.8:0.5", "a.safetensors", (0.8, 0.5)),
        ("C:\\x\\a.safetensors", "C:\\x\\a.safetensors", (1.0, None)),
        ("C:\\x\\a.safetensors:-1", "C:\\x\\a.safetensors", (-1.0, None)),
    ],
)
def test_lora_uses(text: str, path: str, strengths: tuple[float, float | None]) -> None:
    use = LoraUse.parse(text)
    assert (str(use.path), (use.strength, use.text_strength)) == (path, strengths)
    with pytest.raises(SettingsError, match="LoRA strength is 'much'"):
        LoraUse.parse("a.safetensors:much")
    with pytest.raises(SettingsError, match="LoRA strength is 'nan'"):
        LoraUse.parse("a.safetensors:nan")


def test_the_profile_of_a_model_is_told_by_its_name_header_and_depth(tmp_path: Path) -> None:
    def profile(name: str, blocks: int, metadata: dict[str, str] | None = None) -> str:
        weights = {f"net.blocks.{i}.mlp.layer1.weight": torch.zeros(1, 1) for i in range(blocks)}
        save_file(weights, tmp_path / name, metadata)
        return default_profile(ModelFiles(dit=tmp_path / name)).name

    assert profile("anima-turbo-v1.1.safetensors", 28) == "turbo-1.1"
    assert profile("mine.safetensors", 28) == "base-1.0"
    assert profile("mine.safetensors", 28, {"modelspec.title": "RDBT v3"}) == "rdbt"
    assert profile("mine.safetensors", 40) == "2.9b"
    assert profile("anima-base-v1.0.safetensors", 52) == "3.8b"
    (tmp_path / "anima-turbo-v1.0.safetensors").write_bytes(b"")
    assert default_profile(ModelFiles(dit=tmp_path / "anima-turbo-v1.0.safetensors")).name == "turbo-1.0"
    (tmp_path / "own.yaml").write_text("name: own\nextends: turbo-1.1\n")
    files = ModelFiles(dit=tmp_path / "mine.safetensors", profile=tmp_path / "own.yaml")
    assert default_profile(files).name == "own"

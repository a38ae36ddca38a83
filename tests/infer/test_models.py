"""Facts about loading a whole model."""

from __future__ import annotations

from pathlib import Path

import pytest
from safetensors.torch import save_file

from anima_infer.checkpoint import (
    diffusers_dit_name,
    diffusers_vae_name,
)
from anima_infer.errors import CheckpointError
from anima_infer.models import Models
from tests.infer.tiny import Tiny, dit_weights, same, text_weights, vae_weights


def test_the_diffusers_folders(tmp_path: Path, tiny: Tiny, models: Models) -> None:
    weights = dit_weights()
    parts = {
        "transformer": {diffusers_dit_name(n): t for n, t in weights.items() if "llm_adapter" not in n},
        "text_conditioner": {n.removeprefix("llm_adapter."): t for n, t in weights.items() if "llm_adapter" in n},
        "text_encoder": {n.removeprefix("model."): t for n, t in text_weights().items()},
        "vae": {diffusers_vae_name(n): t for n, t in vae_weights().items()},
    }
    for name, tensors in parts.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text("{}")
        half = len(tensors) // 2
        items = list(tensors.items())
        save_file(dict(items[:half]), tmp_path / name / "model-00001-of-00002.safetensors")
        save_file(dict(items[half:]), tmp_path / name / "model-00002-of-00002.safetensors")
    for name, source in (("tokenizer", tiny.files.qwen_tokenizer), ("t5_tokenizer", tiny.files.t5_tokenizer)):
        assert source is not None
        (tmp_path / name).symlink_to(source)
    loaded = Models.from_comfyui(tmp_path, dtype="fp32", device="cpu")
    assert same(loaded.dit, models.dit)
    assert same(loaded.vae, models.vae)
    assert same(loaded.encoder.adapter, models.encoder.adapter)


def test_parts_of_different_sizes(tmp_path: Path, tiny: Tiny) -> None:
    from dataclasses import replace

    from tests.infer.tiny import TEXT

    wide = replace(TEXT, width=64)
    save_file(text_weights(wide), tmp_path / "qwen.safetensors")
    with pytest.raises(CheckpointError, match="the text encoder returns 64"):
        Models.load(replace(tiny.files, text=tmp_path / "qwen.safetensors"), dtype="fp32", device="cpu")


def test_the_hub(monkeypatch: pytest.MonkeyPatch, tiny: Tiny, models: Models) -> None:
    import huggingface_hub

    def offline(*arguments: str) -> str:
        raise OSError("no network")

    monkeypatch.setattr(huggingface_hub, "list_repo_files", offline)
    with pytest.raises(CheckpointError, match=r"download it from huggingface\.co/circlestone"):
        Models.from_hub()

    files = tiny.files
    by_name = {path.name: path for path in (files.dit, files.text, files.vae) if path is not None}

    def listed(place: str) -> list[str]:
        return ["tokenizer.json"] if "circlestone" not in place else [f"some/folder/{name}" for name in by_name]

    def fetched(place: str, path: str) -> str:
        folder = files.t5_tokenizer if "t5" in place else files.qwen_tokenizer
        return str(by_name.get(path.rsplit("/", 1)[-1], (folder or Path()) / "tokenizer.json"))

    monkeypatch.setattr(huggingface_hub, "list_repo_files", listed)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", fetched)
    assert same(Models.from_hub(dtype="fp32", device="cpu").dit, models.dit)
    by_name.pop("qwen_image_vae.safetensors")
    with pytest.raises(CheckpointError, match=r"has no qwen_image_vae\.safetensors"):
        Models.from_hub()

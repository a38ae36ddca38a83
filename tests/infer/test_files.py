"""Facts about finding a model's files."""

from __future__ import annotations

from pathlib import Path

import pytest

from anima_infer.errors import CheckpointError
from anima_infer.files import ModelFiles, default_files, find_files
from anima_prompt.tokens import VARIABLE
from tests.infer.tiny import Tiny


def test_comfyui_folder(tmp_path: Path, tiny: Tiny) -> None:
    files = tiny.files
    places = {
        "models/diffusion_models/anima-base-v1.0.safetensors": files.dit,
        "models/text_encoders/qwen_3_06b_base.safetensors": files.text,
        "models/vae/qwen_image_vae.safetensors": files.vae,
        "comfy/text_encoders/qwen25_tokenizer": files.qwen_tokenizer,
        "comfy/text_encoders/t5_tokenizer": files.t5_tokenizer,
    }
    for name, source in places.items():
        assert source is not None
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(source)
    for root in (tmp_path, tmp_path / "models"):
        found = find_files(root)
        assert found.missing() == [], root
        assert found.dit is not None
        assert found.dit.name == "anima-base-v1.0.safetensors"


def test_what_is_missing_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CheckpointError, match=r"missing: DiT \(anima-base-v1\.0\.safetensors\), text encoder"):
        find_files(tmp_path).require_all("here")
    with pytest.raises(CheckpointError, match="is not a folder"):
        find_files(tmp_path / "nowhere")
    monkeypatch.delenv(VARIABLE, raising=False)
    assert default_files().is_demo
    monkeypatch.setattr("anima_infer.files.demo_folder", lambda: tmp_path)
    with pytest.raises(CheckpointError, match=VARIABLE):
        default_files()
    assert ModelFiles().missing()

"""Facts about jobs."""

from __future__ import annotations

import pytest

from anima_infer.errors import SettingsError
from anima_infer.render.job import LoraUse


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

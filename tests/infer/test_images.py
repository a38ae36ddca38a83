"""Facts about image files."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from anima_infer.images import to_pixels
from anima_infer.models import Models
from anima_prompt.errors import InputError
from anima_prompt.interchange.images import save_image


def test_nothing_half_written(models: Models, tmp_path: Path) -> None:
    image = Image.new("RGB", (8, 8))
    with pytest.raises(InputError, match=r"suffix is '\.gif'"):
        save_image(image, tmp_path / "a.gif")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        save_image(image, tmp_path / "file" / "a.png")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_images_are_cropped_to_whole_latents() -> None:
    pixels = to_pixels(Image.new("RGBA", (70, 33), (255, 0, 0, 0)))
    assert pixels.shape == (1, 3, 32, 64)
    assert pixels[0, :, 0, 0].tolist() == [1, -1, -1]

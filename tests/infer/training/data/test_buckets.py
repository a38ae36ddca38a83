"""Facts about the sizes that images are trained at."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from anima_infer.training.data.buckets import Size, fitted, size_for

SIDES = st.integers(16, 5000)


@given(SIDES, SIDES, st.sampled_from([16, 32, 64]), st.sampled_from([512, 768, 1024]), st.booleans())
def test_sizes_are_multiples_of_the_step_and_fit_the_area(w: int, h: int, step: int, side: int, upscale: bool) -> None:
    size = size_for(Size(w, h), resolution=side, step=step, longest=4, upscale=upscale)
    assert size.width % step == size.height % step == 0
    assert 0 < size.width * size.height <= side * side
    assert max(size) / min(size) <= 4


@pytest.mark.parametrize(
    ("size", "upscale", "expected"),
    [
        ((2048, 2048), False, (1024, 1024)),
        ((1200, 1600), False, (896, 1152)),
        ((700, 500), False, (640, 448)),
        ((700, 500), True, (1216, 832)),
        ((9000, 100), False, (2048, 512)),
        ((40, 40), False, (1024, 1024)),
    ],
)
def test_sizes(size: tuple[int, int], upscale: bool, expected: tuple[int, int]) -> None:
    assert size_for(Size(*size), resolution=1024, step=64, longest=4, upscale=upscale) == expected


def test_an_image_is_cropped_round_its_center() -> None:
    image = Image.new("RGB", (300, 100), "red")
    image.paste("blue", (100, 0, 200, 100))
    middle = fitted(image, Size(96, 96))
    assert middle.size == (96, 96)
    assert middle.getpixel((48, 48)) == (0, 0, 255)
    assert middle.getpixel((5, 48)) == (0, 0, 255)

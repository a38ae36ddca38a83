"""Facts about settings."""

from __future__ import annotations

import pytest

from anima_infer.errors import SettingsError
from anima_infer.sampling.guidance import Guidance
from anima_infer.sampling.settings import RenderSettings


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"width": 17, "height": 9}, "width is 17; expected a multiple of 16 from 64, such as 64"),
        ({"width": 1000}, "such as 992"),
        ({"width": 8192, "height": 8192}, "16.7 megapixels"),
        ({"sampler": "magic"}, "sampler is 'magic'"),
        ({"steps": 0}, "steps is 0"),
        ({"start_step": 5, "steps": 4}, "expected 0 <= start_step"),
    ],
)
def test_bad_settings_are_named(bad: dict[str, object], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        RenderSettings(**bad)  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="guidance scale is inf"):
        Guidance(float("inf"))

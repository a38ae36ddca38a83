"""Facts about schedules."""

from __future__ import annotations

import pytest
import torch

from anima_infer.errors import SettingsError
from anima_infer.sampling.schedule import SCHEDULERS, percent_to_sigma, sigma_table, sigmas_for


@pytest.mark.parametrize("name", SCHEDULERS)
@pytest.mark.parametrize("steps", [1, 2, 7, 30, 200])
def test_schedules_fall_to_zero(name: str, steps: int) -> None:
    sigmas = SCHEDULERS[name](steps, sigma_table())
    assert sigmas.dtype is torch.float32
    assert sigmas[-1] == 0
    assert (sigmas.diff() < 0).all()
    assert 0 < sigmas[0] <= 1


def test_values_at_thirty_steps() -> None:
    """As ComfyUI 0.29.0 has them; the table's rounding makes them differ from diffusers' by up to 0.002."""
    sigmas = sigmas_for(30)
    assert [round(float(sigmas[i]), 6) for i in (0, 1, 15, 29)] == [1.0, 0.988753, 0.75, 0.095506]


def test_denoise_keeps_the_number_of_steps() -> None:
    assert len(sigmas_for(20, denoise=0.5)) == 21
    assert torch.equal(sigmas_for(20, denoise=0.5), sigmas_for(40)[-21:])
    assert len(sigmas_for(20, denoise=0)) == 0
    assert percent_to_sigma(0.5) == 0.75


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"steps": 0}, "steps is 0"),
        ({"steps": 1001}, "expected 1 to 1000"),
        ({"steps": 5, "scheduler": "magic"}, "scheduler is 'magic'"),
        ({"steps": 5, "denoise": 1.5}, "denoise is 1.5"),
        ({"steps": 5, "shift": 0}, "shift is 0"),
        ({"steps": 5, "shift": float("nan")}, "shift is nan"),
    ],
)
def test_bad_schedules_are_named(bad: dict[str, float], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        sigmas_for(**bad)  # type: ignore[arg-type]

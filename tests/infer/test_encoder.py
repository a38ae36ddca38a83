"""Facts about the way from a prompt to its context."""

from __future__ import annotations

import re

import pytest
import torch

from anima_infer.errors import SettingsError
from anima_infer.models import Models


def test_weights_and_empty_prompts_matter(models: Models) -> None:
    plain, heavy = (models.encoder.encode([("hat", w)]) for w in (1.0, 2.0))
    torch.testing.assert_close(heavy.rows[:, :-1], 2 * plain.rows[:, :-1])
    torch.testing.assert_close(heavy.rows[:, -1], plain.rows[:, -1])
    one, two = models.encoder.encode([]), models.encoder.encode([], zero_if_empty=True)
    assert one.rows.shape == two.rows.shape == (1, 1, 48)
    assert (one.rows - two.rows).abs().max() > 1e-3


@pytest.mark.parametrize("weight", [float("nan"), float("inf"), -1e39])
def test_a_weight_that_is_not_finite_is_named(models: Models, weight: float) -> None:
    with pytest.raises(SettingsError, match=re.escape(f"weight of 'red hair' is {weight:g}; write a finite number")):
        models.encoder.encode([("1girl, ", 1.0), (" red hair", weight)])


def test_a_prompt_of_100_000_characters(models: Models) -> None:
    with pytest.raises(SettingsError, match="tokens; at most 20000"):
        models.encoder.encode([("x" * 100_000, 1.0)])
    long = models.encoder.encode([("x" * 700, 1.0)])
    assert long.lengths[0] > 512

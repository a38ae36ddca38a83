"""Facts about compiled networks."""

from __future__ import annotations

import torch

from anima_infer.training import compiling
from tests.infer.tiny import source


def test_a_compiler_that_spoils_gradients_is_found_out() -> None:
    true = [torch.randn(4, 4, generator=source(seed)) for seed in range(3)]
    near = [gradient * 1.05 for gradient in true]
    assert compiling.find_wrong(true, true, near) == []
    assert compiling.find_wrong(true, true, [near[0], torch.zeros(4, 4), near[2] * torch.nan]) == [1, 2]
    noisy = [gradient * 1.2 for gradient in true]
    assert compiling.find_wrong(true, true, noisy) == [0, 1, 2]
    assert compiling.find_wrong(true, near, noisy) == [0, 1, 2]
    assert compiling.find_wrong(true, noisy, noisy) == [], "no further from the truth than without a compiler"

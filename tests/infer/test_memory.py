"""Facts about the memory that an image takes on a device, counted on PyTorch's meta device at the release's size."""

from __future__ import annotations

import pytest
import torch

from anima_infer.model.config import DitConfig
from anima_infer.model.dit import Dit
from anima_infer.placement import Offload
from benchmarks.memory import DEVICE, GIB, Meter, Setup, peaks


def test_the_meter_counts_what_lives() -> None:
    with Meter() as meter:
        one = torch.empty(1024, 1024, device=DEVICE)
        view = one.view(-1)[:10]
        assert meter.now == 4 * 1024**2, "a view is no second tensor"
        two = one + 1
        assert meter.now == 2 * 4 * 1024**2
        del one
        assert meter.now == 2 * 4 * 1024**2, "the view holds it"
        del view, two
        assert meter.now == 0
        assert meter.peak == 2 * 4 * 1024**2
        torch.empty(1024, 1024)
        assert meter.now == 0, "main memory does not count"


@pytest.mark.parametrize(("offload", "most"), [(Offload.PARTS, 4.5), (Offload.BLOCKS, 0.75)])
def test_a_megapixel_fits_a_small_card(offload: Offload, most: float) -> None:
    found = peaks(Setup(offload, strip=16), 1024)
    assert 0.3 < found["DiT"] < most
    assert max(found.values()) < 5.0, "6 GB, less what the driver takes"
    with torch.device("meta"):
        weights = 2 * sum(weight.numel() for weight in Dit(DitConfig()).parameters()) / GIB
    assert (found["DiT"] > weights) == (offload is Offload.PARTS)

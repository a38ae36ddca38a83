"""Facts about training in bfloat16."""

from __future__ import annotations

import pytest
import torch

from anima_infer.training import precision


def test_bfloat16_is_for_products_and_only_where_it_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.ones(1, 2, 4, 8)
    with precision.bfloat16_products():
        assert torch.nn.Linear(8, 8)(x).dtype == torch.bfloat16
    for pays, kind in ((True, torch.bfloat16), (False, torch.float32)):
        monkeypatch.setattr(precision, "is_bfloat16_faster", lambda pays=pays: pays)
        with precision.fastest_precision():
            assert torch.nn.Linear(8, 8)(x).dtype == kind
    assert torch.nn.Linear(8, 8)(x).dtype == torch.float32

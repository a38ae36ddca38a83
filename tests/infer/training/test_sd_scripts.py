"""Noise levels, losses, gradients and runs agree with sd-scripts', where its numbers lie beside the checkout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.infer.training.sd_scripts import CHECKS


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
def test_parity(golden_files: Path, check: Callable[[Path], None]) -> None:
    check(golden_files)

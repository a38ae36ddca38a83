"""Every part agrees with the numbers of ComfyUI 0.29.0 and diffusers, where they lie beside the checkout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.infer.parity import CHECKS


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
def test_parity(golden_files: Path, check: Callable[[Path], None]) -> None:
    check(golden_files)

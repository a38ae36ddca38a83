"""What the inference tests share: a tiny model on disk, and loaded."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from anima_infer.models import Models
from tests.infer.tiny import Tiny, write_model


@pytest.fixture(autouse=True, scope="session")
def few_threads() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    return write_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def models(tiny: Tiny) -> Models:
    return Models.load(tiny.files, dtype="fp32", device="cpu")


@pytest.fixture(scope="session")
def golden_files(shared: Path) -> Path:
    """The folder of the reference implementation's numbers."""
    return shared / "golden"

"""What the inference tests share: a tiny model on disk, and loaded; committed numbers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from anima_infer.models import Models
from tests.infer.tiny import Tiny, write_model

GOLDEN = Path(__file__).parent.parent / "golden"
VALUES = 8
SOURCE = "ComfyUI 0.29.0: output of this project, rewritten only where it agrees with that program"


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


def summarize(tensor: Tensor) -> dict[str, Any]:
    """Return shape, norm and eight values of a tensor, evenly spaced; all values of a short one."""
    flat = tensor.detach().double().flatten()
    places = torch.linspace(0, len(flat) - 1, min(VALUES, len(flat))).round().long()
    return {
        "shape": list(tensor.shape),
        "norm": float(f"{float(flat.norm()):.8g}"),
        "values": [float(f"{float(value):.8g}") for value in flat[places]],
    }


Checks = Sequence[Callable[[Path], None]]


@pytest.fixture
def check_numbers(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Compare tensors with a committed file of numbers, or rewrite it under ``--update-golden``.

    A file is only rewritten where the checks given with it pass, which compare the same code with the numbers of
    the program that ``source`` names.
    """

    def check(
        name: str, cases: Mapping[str, Tensor], *, tolerance: float, about: str, parity: Checks, source: str = SOURCE
    ) -> None:
        path = GOLDEN / f"{name}.json"
        if request.config.getoption("--update-golden"):
            folder: Path = request.getfixturevalue("golden_files")
            for compare in parity:
                compare(folder)
            head = {"about": about, "source": source, "tolerance": tolerance}
            lines = [f" {json.dumps(key)}: {json.dumps(value)}," for key, value in head.items()]
            rows = ",\n".join(f"  {json.dumps(case)}: {json.dumps(summarize(t))}" for case, t in cases.items())
            path.write_text("\n".join(["{", *lines, ' "cases": {', rows, " }", "}", ""]), encoding="utf-8")
        data = json.loads(path.read_text(encoding="utf-8"))
        assert data["cases"].keys() == cases.keys()
        for case, tensor in cases.items():
            expected, found = data["cases"][case], summarize(tensor)
            assert found["shape"] == expected["shape"], case
            assert found["values"] == pytest.approx(expected["values"], abs=tolerance, rel=tolerance), case
            slack = tolerance * max(1.0, tensor.numel() ** 0.5)
            assert found["norm"] == pytest.approx(expected["norm"], abs=slack), case

    return check

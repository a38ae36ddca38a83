"""Sheets, reports, votes and the review are quick to start: they do not import torch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
MODULES = (
    *("cli.main", "cli.grid", "grid.import_images", "grid.measure.effects", "grid.pages.report", "grid.pages.sheet"),
    *("grid.pages.review_server", "grid.store.contents", "grid.votes.results", "grid.votes.votes"),
)


def test_what_needs_no_tensors_does_not_import_torch() -> None:
    code = f"import sys\n{''.join(f'import anima_infer.{name}{chr(10)}' for name in MODULES)}assert 'torch' not in sys.modules"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

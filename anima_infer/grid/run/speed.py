"""Seconds per unit of cost on this machine, so that a plan can say how long it will take: measured, never guessed."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from anima_infer.errors import GridError
from anima_infer.grid.plan.cost import cost_of
from anima_infer.grid.plan.jobs import job_from_dict
from anima_infer.grid.store.files import write_text
from anima_infer.grid.store.manifest import DONE, read_manifest


def measured_rate(folder: Path) -> float | None:
    """Return the seconds per unit of cost in a grid's folder; None if it has no finished cell.

    Raises:
        GridError: the manifest is damaged.
    """
    lines = [line for line in read_manifest(folder) if line["status"] == DONE and line.get("dialect")]
    cost = sum(cost_of(job_from_dict(line)) for line in lines)
    return sum(line["seconds"] for line in lines) / cost if cost else None


def load_rate(name: str) -> float | None:
    """Return the rate that ``save_rate`` saved under a name; None if there is none."""
    rate = _read_rates().get(name)
    return float(rate) if isinstance(rate, int | float) else None


def save_rate(name: str, rate: float) -> None:
    """Save a rate in the user's cache folder; a failure to write is ignored."""
    with suppress(GridError):
        write_text(_path(), json.dumps({**_read_rates(), name: round(rate, 6)}, indent=1) + "\n")


def _read_rates() -> dict[str, object]:
    try:
        data = json.loads(_path().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def _path() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("anima-prompt") / "grid-rates.json"

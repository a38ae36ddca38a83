"""How fast this machine was, so that a plan can say how long it will take. Figures are only ever measured."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from anima_infer.errors import GridError
from anima_infer.grid.plan.cost import cost_of
from anima_infer.grid.plan.jobs import job_from_dict
from anima_infer.grid.store.files import write_text
from anima_infer.grid.store.manifest import DONE, read_manifest


def measured(folder: Path) -> float | None:
    """Return the seconds per unit of work in a grid's folder; None if nothing is finished there.

    Raises:
        GridError: the manifest is damaged.
    """
    lines = [line for line in read_manifest(folder) if line["status"] == DONE and line.get("dialect")]
    work = sum(cost_of(job_from_dict(line)) for line in lines)
    return sum(line["seconds"] for line in lines) / work if work else None


def remembered(model: str) -> float | None:
    """Return the seconds per unit of work of the last run with a model; None if there was none."""
    rate = _read().get(model)
    return float(rate) if isinstance(rate, int | float) else None


def remember(model: str, rate: float) -> None:
    """Keep the rate of a run; where that cannot be written, it is forgotten."""
    with suppress(GridError):
        write_text(_path(), json.dumps({**_read(), model: round(rate, 6)}, indent=1) + "\n")


def _read() -> dict[str, object]:
    try:
        data = json.loads(_path().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def _path() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("anima-prompt") / "grid-rates.json"

"""A folder of small images with captions, and specifications that train on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image

from anima_infer.training.running.session import Session
from anima_infer.training.spec.reader import spec_from_dict
from tests.infer.tiny import Tiny

CAPTIONS = ("1girl, smile, red hair", "1boy, hat. He waves.", "1girl, blue hair, night, a, b", "scenery")


def write_images(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for index, caption in enumerate(CAPTIONS):
        size = (64, 48) if index % 2 else (48, 64)
        image = Image.effect_noise(size, 60).convert("RGB")
        image.paste((40 * index, 90, 200), (4, 4, 30, 30))
        image.save(folder / f"{index}.png")
        (folder / f"{index}.txt").write_text(caption, encoding="utf-8")
    return folder


def spec_of(tiny: Tiny, folder: Path, *, write: bool = True, **sections: Any) -> dict[str, Any]:
    """Return a specification: images in ``folder / images``, results in ``folder / out``."""
    images = folder / "images"
    if write and not images.exists():
        write_images(images)
    spec: dict[str, Any] = {
        "model": {"folder": str(tiny.folder), "device": "cpu"},
        "data": {"folders": [{"path": "images"}], "resolution": 64, "step": 16},
        "output": {"folder": "out", "dtype": "fp32"},
        "schedule": {"steps": 4, "batch": 2},
        "method": {"rank": 2},
        "optimizer": {"rate": 1e-3},
    }
    for section, options in sections.items():
        spec[section] = {**spec.get(section, {}), **options} if isinstance(options, dict) else options
    return spec


def open_session(tiny: Tiny, folder: Path, **sections: Any) -> Session:
    return Session.open(spec_from_dict(spec_of(tiny, folder, **sections), folder=folder))

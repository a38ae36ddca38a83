"""Jobs as plain types, for manifests and other machines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from anima_infer.render.job import Job, LoraUse
from anima_infer.sampling.guidance import Guidance
from anima_infer.sampling.settings import RenderSettings
from anima_prompt.dialects import Dialect


def job_to_dict(job: Job) -> dict[str, Any]:
    """Return a job as plain types; :func:`job_from_dict` is the inverse."""
    settings = asdict(job.settings)
    guidance = settings.pop("guidance")
    guidance.pop("apg")
    return {
        "prompt": job.prompt,
        "negative": job.negative,
        "seed": job.seed,
        "dialect": job.dialect.value,
        "zero_if_empty": job.zero_if_empty,
        "settings": {**settings, "guidance_scale": guidance.pop("scale"), **guidance},
        "loras": [{"path": str(use.path), "strength": use.strength, "text": use.text_strength} for use in job.loras],
    }


def job_from_dict(data: Mapping[str, Any]) -> Job:
    """Return a job from plain types."""
    settings = dict(data["settings"])
    low, high = settings.pop("interval")
    guidance = Guidance(settings.pop("guidance_scale"), settings.pop("zero_star"), None, (low, high))
    loras = tuple(LoraUse(Path(use["path"]), use["strength"], use["text"]) for use in data["loras"])
    return Job(
        data["prompt"],
        data["negative"],
        RenderSettings(guidance=guidance, **settings),
        data["seed"],
        loras,
        Dialect(data["dialect"]),
        data["zero_if_empty"],
    )

"""What a result says of its training: fields of sd-scripts and ModelSpec, and the whole specification."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from anima_infer.training.data.prepared import Sample
from anima_infer.training.running.state import spec_record
from anima_infer.training.spec.definition import TrainSpec

_MODULES = {"lora": "networks.lora_anima", "loha": "networks.loha", "lokr": "networks.lokr"}


def result_metadata(
    spec: TrainSpec, samples: Sequence[Sample], *, step: int, steps: int, base: Mapping[str, str], data: str
) -> dict[str, str]:
    """Return the metadata of a result.

    Args:
        spec: of the training.
        samples: that it sees.
        step: that the result was saved after.
        steps: of the whole training.
        base: name and SHA-256 of the model's file (``name``, ``sha256``).
        data: digest of the data.
    """
    method, timesteps, schedule = spec.method, spec.timesteps, spec.schedule
    now = datetime.now(UTC)
    fields: dict[str, Any] = {
        "ss_base_model_version": "anima",
        "ss_sd_model_name": base["name"],
        "ss_new_sd_model_hash": base["sha256"],
        "ss_output_name": spec.output.name,
        "ss_training_finished_at": f"{now.timestamp():.0f}",
        "ss_num_train_images": len(samples),
        "ss_steps": step,
        "ss_max_train_steps": steps,
        "ss_learning_rate": spec.optimizer.rate,
        "ss_optimizer": spec.optimizer.kind,
        "ss_lr_scheduler": schedule.kind,
        "ss_gradient_accumulation_steps": schedule.accumulate,
        "ss_gradient_checkpointing": spec.memory.checkpointing,
        "ss_max_grad_norm": spec.optimizer.clip,
        "ss_seed": spec.seed,
        "ss_timestep_sampling": timesteps.method,
        "ss_sigmoid_scale": timesteps.scale,
        "ss_discrete_flow_shift": timesteps.shift,
        "ss_weighting_scheme": timesteps.weighting,
        "ss_loss_type": spec.loss.distance,
        "ss_caption_dropout_rate": spec.data.captions.dropout,
        "ss_caption_tag_dropout_rate": spec.data.captions.tag_dropout,
        "ss_tag_frequency": json.dumps(tag_frequency(samples), ensure_ascii=False),
        "modelspec.sai_model_spec": "1.0.1",
        "modelspec.architecture": "anima" if method.kind == "full" else f"anima/{method.kind}",
        "modelspec.implementation": "https://huggingface.co/circlestone-labs/Anima",
        "modelspec.title": spec.output.name,
        "modelspec.resolution": "x".join([str(spec.data.resolution[0])] * 2),
        "modelspec.date": now.isoformat(timespec="seconds"),
        "modelspec.prediction_type": "flow",
        "anima_train.spec": json.dumps(spec_record(spec), ensure_ascii=False),
        "anima_train.data_sha256": data,
    }
    if method.kind in _MODULES:
        fields |= {
            "ss_network_module": _MODULES[method.kind],
            "ss_network_dim": method.rank,
            "ss_network_alpha": method.alpha or method.rank,
            "ss_network_dropout": method.dropout,
        }
    return {name: str(value) for name, value in fields.items()}


def tag_frequency(samples: Sequence[Sample]) -> dict[str, dict[str, int]]:
    """Return how often each piece between commas occurs in the captions of a folder; repeats do not count."""
    counts: dict[str, Counter[str]] = {}
    seen = set()
    for sample in samples:
        image = sample.image
        if image.path in seen:
            continue
        seen.add(image.path)
        tags = [tag.strip() for tag in image.caption.replace("\n", ",").split(",")]
        counts.setdefault(image.folder.path.name, Counter()).update(tag for tag in tags if tag)
    return {folder: dict(found.most_common()) for folder, found in counts.items()}

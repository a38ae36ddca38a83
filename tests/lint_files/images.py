"""Pictures and workflows as A1111 and ComfyUI write them, made on the spot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from PIL import Image, PngImagePlugin

PARAMETERS = (
    "1girl, looking_at_viewer, red hair\nNegative prompt: blurry\n"
    "Steps: 30, Sampler: Euler a, CFG scale: 14, Seed: 7, Size: 1024x1024, Model: anima-base-v1.0"
)


def graph(positive: str, negative: str, **sampler: Any) -> dict[str, Any]:
    """Return the smallest ComfyUI API workflow that renders."""
    figures = {"seed": 1, "steps": 30, "cfg": 4.5, "sampler_name": "er_sde", "scheduler": "simple", "denoise": 1}
    return {
        "1": {"class_type": "UNETLoader", "inputs": {"unet_name": "anima-base-v1.0.safetensors"}},
        "2": {"class_type": "CLIPLoader", "inputs": {"clip_name": "qwen_3_06b_base.safetensors"}},
        "3": {"class_type": "CLIPTextEncode", "inputs": {"text": positive, "clip": ["2", 0]}},
        "4": {"class_type": "CLIPTextEncode", "inputs": {"text": negative, "clip": ["2", 0]}},
        "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 1024, "height": 1024, "batch_size": 1}},
        "6": {
            "class_type": "KSampler",
            "inputs": {
                "model": ["1", 0],
                "positive": ["3", 0],
                "negative": ["4", 0],
                "latent_image": ["5", 0],
                **figures,
                **sampler,
            },
        },
    }


def save(path: Path, *, parameters: str | None = None, workflow: dict[str, Any] | None = None) -> Path:
    """Save an 8x8 picture with metadata where the front ends put it."""
    picture = Image.new("RGB", (8, 8), "teal")
    if path.suffix == ".png":
        info = PngImagePlugin.PngInfo()
        if parameters is not None:
            info.add_itxt("parameters", parameters)
        if workflow is not None:
            info.add_text("prompt", json.dumps(workflow))
        picture.save(path, pnginfo=info)
        return path
    exif = Image.Exif()
    if parameters is not None:
        exif.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + parameters.encode("utf-16-be")
    if workflow is not None:
        exif[0x0110] = "prompt:" + json.dumps(workflow)
    picture.save(path, exif=exif)
    return path

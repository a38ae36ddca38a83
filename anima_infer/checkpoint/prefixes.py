"""What stands before the names of the networks' weights in the files of different programs."""

from __future__ import annotations

PREFIXES = ("model.diffusion_model.", "diffusion_model.", "model.model.", "net.", "")
"""What stands before the DiT's names, in the order in which it is tried."""
TEXT_PREFIXES = (
    "text_encoders.qwen3_06b.transformer.model.",
    "cond_stage_model.qwen3_06b.transformer.model.",
    "cond_stage_model.transformer.model.",
    "cond_stage_model.model.",
    "text_encoders.transformer.model.",
    "model.",
    "",
)
VAE_PREFIXES = ("vae.", "first_stage_model.", "")
ADAPTER = "llm_adapter."

LAYER_PREFIXES = tuple(
    dict.fromkeys(
        prefix
        for prefix in (
            *PREFIXES,
            *(name.removesuffix("model.") for name in TEXT_PREFIXES),
            *TEXT_PREFIXES,
            *VAE_PREFIXES,
        )
        if prefix
    )
)
"""What the names of layers in a file's description may lack."""

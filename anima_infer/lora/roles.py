"""Suffixes of tensors in LoRA files: which role a tensor has in its module, and which algorithm it belongs to."""

from __future__ import annotations

import json
from collections.abc import Mapping

ROLES: dict[str, tuple[str, ...]] = {  # role to the suffixes that it has in files, sd-scripts' first
    "down": (
        ".lora_down.weight",
        ".lora_A.weight",
        ".lora_A.default.weight",
        "_lora.down.weight",
        ".lora.down.weight",
        ".lora_linear_layer.down.weight",
        ".lora_A",
    ),
    "up": (
        ".lora_up.weight",
        ".lora_B.weight",
        ".lora_B.default.weight",
        "_lora.up.weight",
        ".lora.up.weight",
        ".lora_linear_layer.up.weight",
        ".lora_B",
    ),
    "alpha": (".alpha",),
    "dora_scale": (".dora_scale",),
    "magnitude": (
        ".lora_magnitude_vector.weight",
        ".lora_magnitude_vector",
        ".lora_magnitude_vector.default.weight",
        ".magnitude",
    ),
    **{name: (f".{name}",) for name in ("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b", "hada_t1", "hada_t2")},
    **{
        name: (f".{name}",)
        for name in ("lokr_w1", "lokr_w1_a", "lokr_w1_b", "lokr_w2", "lokr_w2_a", "lokr_w2_b", "lokr_t2")
    },
    "diff": (".diff", ".w_norm"),
    "diff_b": (".diff_b", ".b_norm"),
    "set_weight": (".set_weight",),
    "mid": (".lora_mid.weight",),
    "reshape_weight": (".reshape_weight",),
}
_SUFFIXES = sorted(
    ((suffix, role) for role, suffixes in ROLES.items() for suffix in suffixes), key=lambda pair: -len(pair[0])
)
_ALGORITHMS = {  # what a file of another algorithm contains
    "GLoRA": (".a1.weight", ".a2.weight", ".b1.weight", ".b2.weight"),
    "BOFT": (".boft_R", ".boft_s", ".boft_R.default", ".boft_s.default"),
    "OFT": (".oft_blocks", ".oft_diag", ".oft_R", ".oft_R.weight", ".oft_r", ".oft_s"),
    "T-LoRA": tuple(
        f".{start}{leaf}"
        for start in ("", "base_")
        for leaf in ("q_layer.weight", "p_layer.weight", "lambda_layer", "q_layer", "p_layer")
    ),
    "(IA)^3": (".ia3_l", ".on_input"),
    "VeRA": (".vera_lambda_b", ".vera_lambda_d"),
}
_BY_SUFFIX = {suffix: name for name, suffixes in _ALGORITHMS.items() for suffix in suffixes}
_BY_HEADER = {
    "glora": "GLoRA",
    "boft": "BOFT",
    "oft": "OFT",
    "diag-oft": "OFT",
    "ia3": "(IA)^3",
    **dict.fromkeys(("tlora", "t-lora", "t_lora"), "T-LoRA"),
}


def split_name(name: str) -> tuple[str, str] | None:
    """Return module and role of a tensor's name in a LoRA file; None if the name has another form.

    >>> split_name("diffusion_model.blocks.0.mlp.layer1.lora_A.weight")
    ('diffusion_model.blocks.0.mlp.layer1', 'down')
    """
    return next(((name[: -len(suffix)], role) for suffix, role in _SUFFIXES if name.endswith(suffix)), None)


def other_algorithm(shapes: Mapping[str, tuple[int, ...]], metadata: Mapping[str, str]) -> str | None:
    """Return the name of the algorithm that a file needs and that is not supported; None if there is none.

    Four axes in ``oft_blocks`` are BOFT's, three OFT's (as ComfyUI tells them apart).

    >>> other_algorithm({"lora_unet_blocks_0_mlp_layer1.oft_blocks": (4, 8, 8)}, {})
    'OFT'
    """
    for name, shape in shapes.items():
        if name.startswith("lllite_") or ".lllite_" in name:
            return "ControlNet-LLLite"
        algorithm = next((found for suffix, found in _BY_SUFFIX.items() if name.endswith(suffix)), None)
        if algorithm is not None:
            return "BOFT" if name.endswith(".oft_blocks") and len(shape) == 4 else algorithm
    return _BY_HEADER.get(_header_algorithm(metadata))


def _header_algorithm(metadata: Mapping[str, str]) -> str:
    """Return the algorithm that the trainer's arguments in a header name, lower case."""
    try:
        arguments = json.loads(metadata.get("ss_network_args", "{}"))
    except ValueError:
        return ""
    algorithm = str(arguments.get("algo", "")).lower() if isinstance(arguments, dict) else ""
    module = metadata.get("ss_network_module", "").lower().rpartition(".")[2]
    return algorithm if algorithm in _BY_HEADER else module.removesuffix("_anima")

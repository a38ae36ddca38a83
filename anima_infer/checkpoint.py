"""Weight files: what is in them, which part of the model they are, and one tensor at a time into a network.

Knows the release's layout, all-in-one files, the diffusers folders, and fp8 with scales. Files are memory-mapped; a
tensor is read, scaled and cast by itself, so that loading needs little more memory than the network.

Source: what ComfyUI 0.29.0 computes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from anima_infer.adapter import Adapter
from anima_infer.config import AdapterConfig, DitConfig, VaeConfig
from anima_infer.dit import Dit
from anima_infer.errors import CheckpointError, InferError
from anima_infer.vae import Vae, collapsed
from anima_infer.whole import written_whole

Network = TypeVar("Network", bound=nn.Module)

PREFIXES = ("model.diffusion_model.", "diffusion_model.", "model.model.", "net.", "")
"""Where the DiT's names start, in the order in which they are tried."""

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
MARKS = {
    "dit": "blocks.0.mlp.layer1.weight",
    "adapter": "blocks.0.cross_attn.o_proj.weight",
    "text": "layers.0.post_attention_layernorm.weight",
    "vae": "decoder.middle.0.residual.0.gamma",
}
_LEFTOVERS = ("inv_freq", "_extra_state", "accum_", "pos_embedder.", "model_sampling.", "scaled_fp8", "lm_head.")
_SCALES = (
    "weight_scale",
    "weight_scale_2",
    "input_scale",
    "scale_weight",
    "scale_input",
    "comfy_quant",
    "pre_quant_scale",
)
_SHOWN = 5

STRANGERS: tuple[tuple[str, str], ...] = (
    ("decoder.upsamples.0.upsamples.0.residual.2.weight", "the Wan 2.2 VAE; Anima needs qwen_image_vae.safetensors"),
    ("model.layers.0.self_attn.q_proj.bias", "a Qwen2.5 text encoder; Anima needs qwen_3_06b_base.safetensors"),
    ("visual.patch_embed.proj.weight", "a vision-language text encoder; Anima needs qwen_3_06b_base.safetensors"),
    ("model.diffusion_model.input_blocks.0.0.weight", "a Stable Diffusion or SDXL checkpoint"),
    ("conditioner.embedders.0.transformer.text_model.embeddings.position_ids", "an SDXL checkpoint"),
    ("double_blocks.0.img_attn.qkv.weight", "a Flux model"),
    ("transformer_blocks.0.attn.add_q_proj.weight", "a Qwen-Image or SD3 transformer"),
    ("decoder.mid.block_1.conv1.weight", "a Stable Diffusion VAE; Anima needs qwen_image_vae.safetensors"),
    ("decoder.mid_block.attentions.0.to_q.weight", "a Stable Diffusion VAE; Anima needs qwen_image_vae.safetensors"),
    ("joint_blocks.0.context_block.attn.qkv.weight", "an SD3 model"),
)
LORA_MARKS = (".lora_down.weight", ".lora_A.weight", ".lora_up.weight", ".hada_w1_a", ".lokr_w1", ".lokr_w1_a")


class WeightFile:
    """A file of named tensors, or several that belong together; nothing is read but names and shapes."""

    def __init__(self, paths: Iterable[Path]) -> None:
        """Open the files.

        Raises:
            CheckpointError: a file is missing, damaged, or no weight file.
        """
        self.paths = tuple(paths)
        self.path = self.paths[0]
        self._tensors: dict[str, Callable[[], Tensor]] = {}
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.metadata: dict[str, str] = {}
        for path in self.paths:
            self._open(path)

    @classmethod
    def of(cls, path: str | Path) -> WeightFile:
        """Open a file, or all weight files of a folder in the diffusers layout.

        Raises:
            CheckpointError: there is none.
        """
        path = Path(path).expanduser()
        if path.is_dir():
            found = sorted(path.glob("*.safetensors"))
            if not found:
                raise CheckpointError(f"{path}: holds no .safetensors file; give the folder of one part of the model")
            return cls(found)
        return cls([path])

    def _open(self, path: Path) -> None:
        if not path.is_file():
            raise CheckpointError(f"{path}: does not exist; check the path, or run 'anima-infer models where'")
        if path.suffix in (".pt", ".pth", ".bin", ".ckpt"):
            self._open_pickle(path)
        else:
            self._open_safetensors(path)

    def _open_safetensors(self, path: Path) -> None:
        from safetensors import SafetensorError, safe_open

        try:
            handle: Any = safe_open(path, framework="pt")
            names = list(handle.keys())
        except (SafetensorError, OSError, ValueError) as error:
            reason = " ".join(str(error).split())
            raise CheckpointError(
                f"{path}: cannot be read as safetensors ({reason}); the download may be incomplete, fetch it again"
            ) from None
        self.metadata |= handle.metadata() or {}
        for name in names:
            self.shapes[name] = tuple(handle.get_slice(name).get_shape())
            self._tensors[name] = lambda name=name: handle.get_tensor(name)  # type: ignore[misc]

    def _open_pickle(self, path: Path) -> None:
        try:
            state = torch.load(path, map_location="cpu", mmap=True, weights_only=True)
        except Exception as error:  # noqa: BLE001  zip, pickle and torch all have errors of their own
            reason = " ".join(str(error).split())[:120]
            raise CheckpointError(
                f"{path}: cannot be read ({reason}); only files of plain tensors are opened, prefer safetensors"
            ) from None
        state = state.get("state_dict", state) if isinstance(state, dict) else {}
        for name, tensor in state.items():
            if isinstance(tensor, Tensor):
                self.shapes[name] = tuple(tensor.shape)
                self._tensors[name] = lambda tensor=tensor: tensor  # type: ignore[misc]

    def __contains__(self, name: str) -> bool:
        """Say whether a tensor is there."""
        return name in self._tensors

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter(self._tensors)

    def raw(self, name: str) -> Tensor:
        """Return a tensor as it is stored."""
        return self._tensors[name]()

    def tensor(self, name: str) -> Tensor:
        """Return a tensor, fp8 multiplied by its scale.

        Raises:
            CheckpointError: it is quantised in a way that is not known.
        """
        tensor = self.raw(name)
        stem = name.removesuffix("weight")
        if f"{stem}comfy_quant" in self:
            kind = json.loads(bytes(self.raw(f"{stem}comfy_quant").tolist())).get("format", "")
            if not kind.startswith("float8"):
                raise CheckpointError(f"{self.path}: '{name}' is quantised as '{kind}'; expected float8, bf16 or fp16")
        for scale in ("weight_scale", "scale_weight"):
            if name.endswith(".weight") and stem + scale in self:
                tensor = tensor.float() * self.raw(stem + scale).float()
                if stem + "weight_scale_2" in self:
                    tensor = tensor * self.raw(stem + "weight_scale_2").float()
                return tensor
        if tensor.dtype not in (torch.float32, torch.float16, torch.bfloat16) and not tensor.is_floating_point():
            raise CheckpointError(f"{self.path}: '{name}' has type {tensor.dtype}; expected a floating-point type")
        return tensor


@dataclass(frozen=True, slots=True)
class Part:
    """The weights of one network in a file: names without their prefix."""

    file: WeightFile
    names: Mapping[str, str]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes by the names that the network has."""
        return {ours: self.file.shapes[theirs] for ours, theirs in self.names.items()}

    def tensor(self, name: str) -> Tensor:
        """Return a tensor by the name that the network has."""
        return self.file.tensor(self.names[name])


def kind_of(file: WeightFile) -> str:
    """Return what a file seems to be, in words; for error messages and ``models check``."""
    parts = [kind for kind in MARKS if _prefix(file, kind) is not None]
    if "adapter" in parts and f"{_prefix(file, 'adapter')}x_embedder.proj.1.weight" in file:
        parts.remove("adapter")
    if not any(name.startswith(("decoder.middle", "vae.", "first_stage")) for name in file) and "vae" in parts:
        parts.remove("vae")
    for mark, what in STRANGERS:
        if mark in file:
            return what
    if any(mark in name for mark in LORA_MARKS for name in file):
        return "a LoRA, which goes on top of a model"
    names = {
        "dit": "an Anima DiT",
        "adapter": "an Anima adapter",
        "text": "a Qwen3 text encoder",
        "vae": "a Qwen-Image VAE",
    }
    return " with ".join(names[part] for part in parts) if parts else "no part of Anima that is known"


def _prefix(file: WeightFile, kind: str) -> str | None:
    """Return what stands before the names of a part, None if the part is not there."""
    prefixes = {"dit": PREFIXES, "text": TEXT_PREFIXES, "vae": VAE_PREFIXES}.get(kind)
    if kind == "adapter":
        prefixes = (*(f"{prefix}{ADAPTER}" for prefix in PREFIXES), "")
    assert prefixes is not None
    return next((prefix for prefix in prefixes if prefix + MARKS[kind] in file), None)


def part_of(file: WeightFile, kind: str) -> Part:
    """Return one part of a file.

    Raises:
        CheckpointError: it is not there; the message says what the file seems to be.
    """
    for mark, what in STRANGERS:
        if mark in file:
            raise CheckpointError(f"{file.path}: this is {what}")
    prefix = _prefix(file, kind)
    if prefix is None:
        renamed = _diffusers_part(file, kind)
        if renamed is not None:
            return renamed
        wanted = {"dit": "the DiT", "adapter": "the adapter", "text": "the text encoder", "vae": "the VAE"}[kind]
        raise CheckpointError(f"{file.path}: holds no weights of {wanted}; it seems to be {kind_of(file)}")
    names = {name[len(prefix) :]: name for name in file if name.startswith(prefix)}
    if kind == "dit":
        names = {ours: theirs for ours, theirs in names.items() if not ours.startswith(ADAPTER)}
    if kind == "vae":
        names = {ours: theirs for ours, theirs in names.items() if ours.startswith(("encoder.", "decoder.", "conv"))}
    return Part(file, {ours: theirs for ours, theirs in names.items() if _is_weight(ours)})


def _is_weight(name: str) -> bool:
    return not any(mark in name for mark in _LEFTOVERS) and not name.endswith(_SCALES)


# --- names of the diffusers layout -----------------------------------------------------------------------------------

_DIT_RENAMES = (
    ("t_embedder.1", "time_embed.t_embedder"),
    ("t_embedding_norm", "time_embed.norm"),
    ("blocks", "transformer_blocks"),
    *(
        (f"adaln_modulation_{branch}.{i}", f"norm{n}.linear_{i}")
        for n, branch in ((1, "self_attn"), (2, "cross_attn"), (3, "mlp"))
        for i in (1, 2)
    ),
    ("self_attn", "attn1"),
    ("cross_attn", "attn2"),
    *((f"{letter}_proj", f"to_{letter}") for letter in "qkv"),
    ("output_proj", "to_out.0"),
    ("q_norm", "norm_q"),
    ("k_norm", "norm_k"),
    ("mlp.layer1", "ff.net.0.proj"),
    ("mlp.layer2", "ff.net.2"),
    ("x_embedder.proj.1", "patch_embed.proj"),
    ("final_layer.adaln_modulation.1", "norm_out.linear_1"),
    ("final_layer.adaln_modulation.2", "norm_out.linear_2"),
    ("final_layer.linear", "proj_out"),
)


def diffusers_dit_name(name: str) -> str:
    """Return the name that diffusers gives a weight of the DiT.

    >>> diffusers_dit_name("blocks.3.adaln_modulation_mlp.2.weight")
    'transformer_blocks.3.norm3.linear_2.weight'
    """
    for ours, theirs in _DIT_RENAMES:
        name = name.replace(ours, theirs)
    return name


_VAE_RENAMES = (
    ("residual.0.", "norm1."),
    ("residual.2.", "conv1."),
    ("residual.3.", "norm2."),
    ("residual.6.", "conv2."),
    ("shortcut.", "conv_shortcut."),
    ("middle.0.", "mid_block.resnets.0."),
    ("middle.1.", "mid_block.attentions.0."),
    ("middle.2.", "mid_block.resnets.1."),
    ("head.0.", "norm_out."),
    ("head.2.", "conv_out."),
)


def diffusers_vae_name(name: str) -> str:
    """Return the name that diffusers gives a weight of the VAE.

    >>> diffusers_vae_name("decoder.upsamples.3.resample.1.weight")
    'decoder.up_blocks.0.upsamplers.0.resample.1.weight'
    """
    root, _, rest = name.partition(".")
    if root in ("conv1", "conv2"):
        return f"{'quant_conv' if root == 'conv1' else 'post_quant_conv'}.{rest}"
    for ours, theirs in _VAE_RENAMES:
        rest = (
            rest.replace(ours, theirs) if rest.startswith(ours) or ours.startswith(("residual", "shortcut")) else rest
        )
    if rest.startswith("conv1."):
        rest = "conv_in." + rest.removeprefix("conv1.")
    if rest.startswith("downsamples."):
        rest = "down_blocks." + rest.removeprefix("downsamples.")
    if rest.startswith("upsamples."):
        _, index, tail = rest.split(".", 2)
        level, place = divmod(int(index), 4)
        kind = "upsamplers.0" if place == 3 else f"resnets.{place}"
        rest = f"up_blocks.{level}.{kind}.{tail}"
    return f"{root}.{rest}"


def _diffusers_part(file: WeightFile, kind: str) -> Part | None:
    """Return a part whose names are those of diffusers, None if they are not."""
    if kind == "dit" and "patch_embed.proj.weight" in file:
        blocks = 1 + max(int(n.split(".")[1]) for n in file if n.startswith("transformer_blocks."))
        sizes = DitConfig(blocks=blocks, width=256, heads=2, context_width=8, adaln_width=8, mlp_width=8)
        with torch.device("meta"):
            ours = list(Dit(sizes).state_dict())
        return Part(file, _known(file, {name: diffusers_dit_name(name) for name in ours}))
    if kind == "vae" and "post_quant_conv.weight" in file:
        with torch.device("meta"):
            ours = list(Vae(VaeConfig(width=8)).state_dict())
        return Part(file, _known(file, {name: diffusers_vae_name(name) for name in ours}))
    return None


def _known(file: WeightFile, names: Mapping[str, str]) -> dict[str, str]:
    return {ours: theirs for ours, theirs in names.items() if theirs in file}


# --- into a network --------------------------------------------------------------------------------------------------


def fill(
    network: Network,
    part: Part,
    *,
    dtype: torch.dtype,
    device: torch.device,
    live: bool = False,
    stored: torch.dtype | None = None,
) -> Network:
    """Put weights into a network that was made on the meta device, one tensor at a time.

    Args:
        network: without weights.
        part: where they are.
        dtype: in which the network computes.
        device: where it lives.
        live: whether the live slices of 3-D kernels are taken first (the VAE).
        stored: type in which the blocks' big matrices are kept, if another one.

    Raises:
        CheckpointError: weights are missing, unexpected, of another shape, or not finite.
    """
    wanted = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    given = {name for name in part.names if not (live and ".time_conv." in name)}
    _compare(part, set(wanted), given)
    for name, shape in wanted.items():
        tensor = part.tensor(name)
        if live:
            tensor = next(iter(collapsed({name: tensor}).values()))
        if tuple(tensor.shape) != shape:
            raise CheckpointError(
                f"{part.file.path}: '{part.names[name]}' has shape {tuple(tensor.shape)}; expected {shape}"
            )
        big = stored is not None and name.startswith("blocks.") and len(shape) == 2 and "adaln" not in name
        tensor = tensor.to(device=device, dtype=stored if big else dtype)
        if not torch.isfinite(tensor.sum(dtype=torch.float32)):
            raise CheckpointError(
                f"{part.file.path}: '{part.names[name]}' holds values that are not finite; fetch the file again"
            )
        _set(network, name, tensor)
    for module in network.modules():  # buffers that are computed, not loaded
        for name, buffer in list(module.named_buffers(recurse=False)):
            if buffer.device.type == "meta":
                raise CheckpointError(f"{part.file.path}: buffer '{name}' was not set")
            setattr(module, name, buffer.to(device))
    return network.eval().requires_grad_(requires_grad=False)


def _set(network: nn.Module, name: str, tensor: Tensor) -> None:
    owner, _, leaf = name.rpartition(".")
    module = network.get_submodule(owner)
    module.register_parameter(leaf, nn.Parameter(tensor, requires_grad=False))


def _compare(part: Part, wanted: set[str], given: set[str]) -> None:
    missing, extra = sorted(wanted - given), sorted(given - wanted)
    if not missing and not extra:
        return
    pieces = [
        f"{len(names)} {what} ({_some(names)})"
        for what, names in (("missing", missing), ("unexpected", extra))
        if names
    ]
    raise CheckpointError(
        f"{part.file.path}: weights do not fit: {'; '.join(pieces)}; the file seems to be {kind_of(part.file)}"
    )


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown}, ..."


def load_dit(file: WeightFile, *, dtype: torch.dtype, device: torch.device, stored: torch.dtype | None = None) -> Dit:
    """Return the DiT of a file; ``stored`` is the type in which its big matrices are kept.

    Raises:
        CheckpointError: it is not there, or does not fit.
    """
    part = part_of(file, "dit")
    with torch.device("meta"):
        network = Dit(DitConfig.of(part.shapes))
    return fill(network, part, dtype=dtype, device=device, stored=stored)


def load_adapter(file: WeightFile, *, dtype: torch.dtype, device: torch.device) -> Adapter:
    """Return the adapter of a file.

    Raises:
        CheckpointError: it is not there, or does not fit.
    """
    part = part_of(file, "adapter")
    with torch.device("meta"):
        network = Adapter(AdapterConfig.of(part.shapes))
    return fill(network, part, dtype=dtype, device=device)


def load_vae(file: WeightFile, *, dtype: torch.dtype, device: torch.device) -> Vae:
    """Return the VAE of a file as a 2-D network, channels last.

    Raises:
        CheckpointError: it is not there, or does not fit.
    """
    part = part_of(file, "vae")
    config = VaeConfig.of(part.shapes)
    with torch.device("meta"):
        network = Vae(config)
    fresh = Vae(VaeConfig(width=8, latent_channels=config.latent_channels))
    network.mean, network.std = fresh.mean, fresh.std
    return fill(network, part, dtype=dtype, device=device, live=True).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def write_weights(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> None:
    """Write a safetensors file, whole or not at all.

    Raises:
        InferError: it cannot be written.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    whole = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
    try:
        with written_whole(path) as beside:
            beside.touch()
            rights = beside.stat().st_mode  # the user's usual ones; save_file makes files that nobody else may read
            save_file(whole, beside, dict(metadata) if metadata else None)
            beside.chmod(rights)
    except (OSError, SafetensorError) as error:
        raise InferError(f"{path}: cannot be written ({' '.join(str(error).split())}); free some space") from None

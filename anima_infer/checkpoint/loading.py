"""Networks from weight files, one tensor at a time."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor, nn

from anima_infer.checkpoint.file import WeightFile
from anima_infer.checkpoint.parts import CheckpointPart, describe_file, find_part
from anima_infer.errors import CheckpointError
from anima_infer.model.adapter import Adapter
from anima_infer.model.config import AdapterConfig, DitConfig, TextConfig, VaeConfig
from anima_infer.model.dit import Dit
from anima_infer.model.text import TextEncoder
from anima_infer.model.vae import Vae, collapse_time

Network = TypeVar("Network", bound=nn.Module)
_SHOWN = 5


def load_dit(
    file: WeightFile, *, dtype: torch.dtype, device: torch.device, storage_dtype: torch.dtype | None = None
) -> Dit:
    """Return the DiT of a file.

    Args:
        file: that contains it.
        dtype: to compute in.
        device: to load onto.
        storage_dtype: to keep the blocks' large matrices in; ``dtype`` by default.

    Raises:
        CheckpointError: the file has no DiT, or one that does not fit.
    """
    part = find_part(file, "dit")
    with torch.device("meta"):
        network = Dit(DitConfig.from_shapes(part.shapes))
    return _fill(network, part, dtype=dtype, device=device, storage_dtype=storage_dtype)


def load_adapter(file: WeightFile, *, dtype: torch.dtype, device: torch.device) -> Adapter:
    """Return the adapter of a file.

    Raises:
        CheckpointError: the file has no adapter, or one that does not fit.
    """
    part = find_part(file, "adapter")
    with torch.device("meta"):
        network = Adapter(AdapterConfig.from_shapes(part.shapes))
    return _fill(network, part, dtype=dtype, device=device)


def load_text_encoder(file: WeightFile, *, dtype: torch.dtype, device: torch.device) -> TextEncoder:
    """Return the text encoder of a file.

    Raises:
        CheckpointError: the file has no text encoder, or one that does not fit.
    """
    part = find_part(file, "text")
    with torch.device("meta"):
        network = TextEncoder(TextConfig.from_shapes(part.shapes))
    model = network.model
    model.rotary_emb = type(model.rotary_emb)(config=model.config)  # its table is computed, not loaded
    _fill(model, part, dtype=dtype, device=device)
    return network.eval()


def load_vae(file: WeightFile, *, dtype: torch.dtype, device: torch.device) -> Vae:
    """Return the VAE of a file as a 2-D network, channels last.

    Raises:
        CheckpointError: the file has no VAE, or one that does not fit.
    """
    part = find_part(file, "vae")
    config = VaeConfig.from_shapes(part.shapes)
    with torch.device("meta"):
        network = Vae(config)
    computed = Vae(VaeConfig(width=8, latent_channels=config.latent_channels))
    network.mean, network.std = computed.mean, computed.std
    return _fill(network, part, dtype=dtype, device=device, collapse=True).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _fill(
    network: Network,
    part: CheckpointPart,
    *,
    dtype: torch.dtype,
    device: torch.device,
    collapse: bool = False,
    storage_dtype: torch.dtype | None = None,
) -> Network:
    """Set the weights of a network that was built on the meta device, one tensor at a time.

    Args:
        network: without weights.
        part: that contains the weights.
        dtype: to compute in.
        device: to load onto.
        collapse: whether 3-D kernels are reduced to their live time slice (the VAE).
        storage_dtype: to keep the blocks' large matrices in; ``dtype`` by default.

    Raises:
        CheckpointError: weights are missing, unexpected, of another shape, or not finite.
    """
    shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    _compare(part, set(shapes), {name for name in part.names if not (collapse and ".time_conv." in name)})
    for name, shape in shapes.items():
        tensor = part.tensor(name)
        if collapse:
            tensor = next(iter(collapse_time({name: tensor}).values()))
        if tuple(tensor.shape) != shape:
            raise CheckpointError(
                f"{part.file.path}: '{part.names[name]}' has shape {tuple(tensor.shape)}; expected {shape}"
            )
        is_large = name.startswith("blocks.") and len(shape) == 2 and "adaln" not in name
        tensor = tensor.to(device=device, dtype=storage_dtype if storage_dtype and is_large else dtype)
        if not torch.isfinite(tensor.sum(dtype=torch.float32)):
            raise CheckpointError(
                f"{part.file.path}: '{part.names[name]}' contains values that are not finite; download the file again"
            )
        _set(network, name, tensor)
    _move_buffers(network, part, device)
    return network.eval().requires_grad_(requires_grad=False)


def _set(network: nn.Module, name: str, tensor: Tensor) -> None:
    owner, _, leaf = name.rpartition(".")
    module = network.get_submodule(owner)
    module.register_parameter(leaf, nn.Parameter(tensor, requires_grad=False))


def _move_buffers(network: nn.Module, part: CheckpointPart, device: torch.device) -> None:
    """Move the buffers, which are computed and not loaded."""
    for module in network.modules():
        for name, buffer in list(module.named_buffers(recurse=False)):
            if buffer.device.type == "meta":
                raise CheckpointError(f"{part.file.path}: buffer '{name}' was not set")
            setattr(module, name, buffer.to(device))


def _compare(part: CheckpointPart, expected: set[str], found: set[str]) -> None:
    """Check that a part has exactly the expected weights."""
    differences = [
        f"{len(names)} {word} ({_shown(names)})"
        for word, names in (("missing", sorted(expected - found)), ("unexpected", sorted(found - expected)))
        if names
    ]
    if differences:
        raise CheckpointError(
            f"{part.file.path}: weights do not fit: {'; '.join(differences)}; "
            f"the file seems to be {describe_file(part.file)}"
        )


def _shown(names: list[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown}, ..."

"""Weights into a network, one tensor at a time."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor, nn

from anima_infer.checkpoint.file import WeightFile
from anima_infer.checkpoint.parts import Part, kind_of, part_of
from anima_infer.errors import CheckpointError
from anima_infer.model.adapter import Adapter
from anima_infer.model.config import AdapterConfig, DitConfig, TextConfig, VaeConfig
from anima_infer.model.dit import Dit
from anima_infer.model.text import TextEncoder
from anima_infer.model.vae import Vae, collapsed

Network = TypeVar("Network", bound=nn.Module)


_SHOWN = 5


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


def load_text_encoder(file: WeightFile, *, dtype: torch.dtype, device: torch.device) -> TextEncoder:
    """Return the text encoder of a file.

    Raises:
        CheckpointError: it is not there, or does not fit.
    """
    part = part_of(file, "text")
    config = TextConfig.of(part.shapes)
    with torch.device("meta"):
        network = TextEncoder(config)
    model = network.model
    model.rotary_emb = type(model.rotary_emb)(config=model.config)  # its table is computed, not loaded
    fill(model, part, dtype=dtype, device=device)
    return network.eval()

"""Networks from weight files, one tensor at a time."""

from __future__ import annotations

from collections.abc import Mapping
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
    part, network = _prepared_dit(file)
    return _fill(network, part, dtype=dtype, device=device, storage_dtype=storage_dtype)


def load_adapter(file: WeightFile, *, dtype: torch.dtype, device: torch.device) -> Adapter:
    """Return the adapter of a file.

    Raises:
        CheckpointError: the file has no adapter, or one that does not fit.
    """
    part, network = _prepared_adapter(file)
    return _fill(network, part, dtype=dtype, device=device)


def load_text_encoder(file: WeightFile, *, dtype: torch.dtype, device: torch.device) -> TextEncoder:
    """Return the text encoder of a file.

    Raises:
        CheckpointError: the file has no text encoder, or one that does not fit.
    """
    part = find_part(file, "text")
    with torch.device("meta"):
        network = TextEncoder(_config(part, TextConfig))
    model = network.model
    model.rotary_emb = type(model.rotary_emb)(config=model.config)  # its table is computed, not loaded
    _fill(model, part, dtype=dtype, device=device)
    return network.eval()


def load_vae(file: WeightFile, *, dtype: torch.dtype, device: torch.device) -> Vae:
    """Return the VAE of a file as a 2-D network, channels last.

    Raises:
        CheckpointError: the file has no VAE, or one that does not fit.
    """
    part, network = _prepared_vae(file)
    computed = Vae(VaeConfig(width=8, latent_channels=network.config.latent_channels))
    network.mean, network.std = computed.mean, computed.std
    return _fill(network, part, dtype=dtype, device=device, collapse=True).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def check_parts(*, dit: WeightFile, adapter: WeightFile, text: WeightFile, vae: WeightFile) -> None:
    """Check names, shapes and formats of all parts, and that they fit together; no weight is read.

    Raises:
        CheckpointError: a file does not contain its part, or does not fit it.
    """
    dit_config = check_part(dit, "dit")
    adapter_config = check_part(adapter, "adapter")
    check_part(vae, "vae")
    text_config = check_part(text, "text")
    assert isinstance(dit_config, DitConfig)
    assert isinstance(adapter_config, AdapterConfig)
    assert isinstance(text_config, TextConfig)
    if text_config.width != adapter_config.source_width:
        raise CheckpointError(
            f"{text.path}: does not fit {adapter.path}: the text encoder returns {text_config.width} values a token, "
            f"the adapter reads {adapter_config.source_width}"
        )
    if adapter_config.target_width != dit_config.context_width:
        raise CheckpointError(
            f"{adapter.path}: does not fit {dit.path}: the adapter returns "
            f"{adapter_config.target_width} values a row, the DiT reads {dit_config.context_width}"
        )


def check_part(file: WeightFile, name: str) -> DitConfig | AdapterConfig | TextConfig | VaeConfig:
    """Return the sizes of one part of a file, after a check of names, shapes and formats; no weight is read.

    Args:
        file: that contains it.
        name: ``dit``, ``adapter``, ``text`` or ``vae``.

    Raises:
        CheckpointError: the file does not contain the part, or does not fit it.
    """
    if name == "text":
        part = find_part(file, "text")
        config = _config(part, TextConfig)
        _check_shapes(config.weight_shapes(), part)
        return config
    network: Dit | Adapter | Vae
    if name == "dit":
        part, network = _prepared_dit(file)
    elif name == "adapter":
        part, network = _prepared_adapter(file)
    else:
        part, network = _prepared_vae(file)
    _check_shapes(_shapes(network), part, collapse=name == "vae")
    return network.config


def check_values(file: WeightFile, name: str) -> None:
    """Check that the weights of one part are finite; they are read one at a time.

    Raises:
        CheckpointError: one is not, or the file does not contain the part.
    """
    part = find_part(file, name)
    for weight in part.names:
        if not (name == "vae" and ".time_conv." in weight):
            tensor = part.tensor(weight)
            _check_finite(part, weight, _collapsed(weight, tensor) if name == "vae" else tensor)


Config = TypeVar("Config", DitConfig, AdapterConfig, TextConfig, VaeConfig)


def _config(part: CheckpointPart, kind: type[Config]) -> Config:
    shapes = part.shapes
    try:
        return kind.from_shapes(shapes)
    except CheckpointError as error:
        raise CheckpointError(f"{part.file.path}: {error}") from None


def _prepared_dit(file: WeightFile) -> tuple[CheckpointPart, Dit]:
    part = find_part(file, "dit")
    with torch.device("meta"):
        return part, Dit(_config(part, DitConfig))


def _prepared_adapter(file: WeightFile) -> tuple[CheckpointPart, Adapter]:
    part = find_part(file, "adapter")
    with torch.device("meta"):
        return part, Adapter(_config(part, AdapterConfig))


def _prepared_vae(file: WeightFile) -> tuple[CheckpointPart, Vae]:
    part = find_part(file, "vae")
    with torch.device("meta"):
        return part, Vae(_config(part, VaeConfig))


def _shapes(network: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}


def _check_shapes(shapes: Mapping[str, tuple[int, ...]], part: CheckpointPart, *, collapse: bool = False) -> None:
    """Check that a part has weights of these names and shapes, and no others.

    Raises:
        CheckpointError: weights are missing, unexpected, or of another shape.
    """
    _compare(part, set(shapes), {name for name in part.names if not (collapse and ".time_conv." in name)})
    for name, shape in shapes.items():
        stored = part.names[name]
        found = part.file.weight_shape(stored)
        if collapse:
            found = tuple(_collapsed(name, torch.empty(found, device="meta")).shape)
        layer = part.file.quantization.layers.get(stored)
        padding = 1 if layer is None else layer[1].padding
        if len(found) != len(shape) or not all(0 <= a - b < padding for a, b in zip(found, shape, strict=True)):
            raise CheckpointError(
                f"{part.file.path}: '{stored}' has shape {list(found)}; expected {list(shape)}; the file is damaged or "
                "for another model"
            )


def _collapsed(name: str, tensor: Tensor) -> Tensor:
    """Return a weight of the VAE for images."""
    return next(iter(collapse_time({name: tensor}).values()))


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
    shapes = _shapes(network)
    _check_shapes(shapes, part, collapse=collapse)
    for name, shape in shapes.items():
        tensor = part.tensor(name, shape)
        if collapse:
            tensor = _collapsed(name, tensor)
        _check_finite(part, name, tensor)
        is_large = name.startswith("blocks.") and len(shape) == 2 and "adaln" not in name
        cast = tensor.to(device=device, dtype=storage_dtype if storage_dtype and is_large else dtype)
        if cast.dtype is torch.float16 and not _is_finite(cast):
            raise CheckpointError(
                f"{part.file.path}: '{part.names[name]}' has values up to {float(tensor.float().abs().max()):g}, but "
                "fp16 ends at 65504; pass --dtype bf16 or fp32"
            )
        tensor = cast
        _set(network, name, tensor)
    _move_buffers(network, part, device)
    return network.eval().requires_grad_(requires_grad=False)


def _check_finite(part: CheckpointPart, name: str, tensor: Tensor) -> None:
    if not _is_finite(tensor):
        raise CheckpointError(
            f"{part.file.path}: '{part.names[name]}' contains values that are not finite; download the file again"
        )


def _is_finite(tensor: Tensor) -> bool:
    """Return whether all values are finite; the sum tells, unless it overflows itself."""
    total = tensor.float().sum() if tensor.dtype.itemsize == 1 else tensor.sum(dtype=torch.float32)
    return bool(torch.isfinite(total)) or bool(torch.isfinite(tensor.float()).all())


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

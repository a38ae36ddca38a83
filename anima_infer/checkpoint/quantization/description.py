"""Which layers of a file are quantized, and how: read whole, and checked, before a weight is used.

Three places describe layers: the header's ``_quantization_metadata``, a tensor ``LAYER.comfy_quant``, and in old files
the tensor ``scaled_fp8``. Layer by layer the header wins over the marker. Source: ComfyUI 0.29.0.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import torch
from torch import Tensor

from anima_infer.checkpoint.header import unique_pairs
from anima_infer.checkpoint.quantization.formats import KNOWN_ROLES, SCALE_ROLES, Format, find_format
from anima_infer.checkpoint.quantization.layers import LayerError, LayerOptions, StoredLayer
from anima_infer.checkpoint.quantization.scaled import EMBEDDING, FP8

METADATA_KEY = "_quantization_metadata"
_LEGACY = "scaled_fp8"
_MOST_MARKER_BYTES = 65536
_FLOATS = ("F64", "F32", "BF16", "F16")


@dataclass(frozen=True, slots=True)
class TensorTable:
    """The tensors of a file: dtypes and shapes by name, and a function that reads one."""

    dtypes: Mapping[str, str]
    shapes: Mapping[str, tuple[int, ...]]
    read: Callable[[str], Tensor]


@dataclass(frozen=True, slots=True)
class Quantization:
    """The quantized layers of a file.

    Attributes:
        layers: each with its format, by the name of its weight.
        notes: what a user should know of the file, a line each.
    """

    layers: Mapping[str, tuple[StoredLayer, Format]]
    notes: tuple[str, ...] = ()

    def shape(self, weight: str) -> tuple[int, int] | None:
        """Return the shape of a quantized weight with its format's padding; None if it is not quantized."""
        if weight not in self.layers:
            return None
        layer, form = self.layers[weight]
        return form.shape(layer)

    def decode(self, weight: str) -> Tensor:
        """Return a quantized weight in float32, with its format's padding.

        Raises:
            LayerError: values are not finite, or scales are negative.
        """
        layer, form = self.layers[weight]
        roles = ("weight", *sorted(form.roles & layer.shapes.keys()))
        try:
            decoded = form.decode({role: layer.read(role) for role in roles}, layer.options)
        except LayerError as error:
            raise LayerError(f"'{layer.name}': {error}") from None
        if not torch.isfinite(decoded).all():
            raise LayerError(f"'{weight}' contains values that are not finite; download the file again")
        return decoded


def read_quantization(table: TensorTable, headers: Iterable[str], prefixes: Iterable[str]) -> Quantization:
    """Return the quantized layers of a file, all checked.

    Args:
        table: of the file's tensors.
        headers: the texts of ``_quantization_metadata``, one per file of the model.
        prefixes: that the header's names of layers may lack.

    Raises:
        LayerError: a description is malformed, or a layer does not fit its description.
    """
    roles = _roles_by_layer(table.shapes)
    described = _markers(table) | _from_headers(table, tuple(headers), tuple(prefixes))
    layers: dict[str, tuple[StoredLayer, Format]] = {}
    problems: list[LayerError] = []
    for name, description in described.items():
        try:
            layer = _stored_layer(table, name, roles.get(name, {}), description)
            layers[f"{name}.weight"] = (layer, find_format(layer))
            _check_scale_values(layer)
        except LayerError as error:
            problems.append(error)
    if problems:
        _fail(problems)
    plain, problems = _undescribed(table, roles, set(described))
    if problems:
        _fail(problems)
    return Quantization(layers | plain, tuple(_notes(plain)))


def _fail(problems: list[LayerError]) -> NoReturn:
    count = len(problems) - 1
    more = f" (and {count} more problem{'' if count == 1 else 's'} of this kind)" if count else ""
    raise LayerError(f"{problems[0]}{more}")


def _roles_by_layer(names: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return the tensors of each layer: names by role."""
    roles: dict[str, dict[str, str]] = {}
    for name in names:
        layer, _, role = name.rpartition(".")
        if role in KNOWN_ROLES and layer:
            roles.setdefault(layer, {})[role] = name
    return roles


@dataclass(frozen=True, slots=True)
class _Description:
    options: LayerOptions
    source: str
    is_legacy: bool = False


def _stored_layer(table: TensorTable, name: str, roles: Mapping[str, str], described: _Description) -> StoredLayer:
    roles = dict(roles)
    if "weight" not in roles:
        raise LayerError(
            f"'{name}.weight' is missing, which {described.source} describes as {described.options.format}"
        )
    if described.is_legacy:
        if "weight_scale" in roles:
            raise LayerError(f"'{name}' has both scale_weight and weight_scale; expected one of them")
        if "scale_weight" in roles:
            roles["weight_scale"] = roles.pop("scale_weight")
        elif not name.endswith(EMBEDDING):
            raise LayerError(f"'{name}.scale_weight' is missing, which a file with the tensor '{_LEGACY}' needs")
    elif "scale_weight" in roles and "weight_scale" not in roles:
        raise LayerError(
            f"'{name}.weight_scale' is missing; 'scale_weight' is its old name, which is read only in files with the "
            f"tensor '{_LEGACY}' and no description of this layer"
        )
    return _layer(table, name, roles, described.options)


def _layer(table: TensorTable, name: str, roles: Mapping[str, str], options: LayerOptions) -> StoredLayer:
    return StoredLayer(
        name,
        options,
        {role: table.dtypes[stored] for role, stored in roles.items()},
        {role: table.shapes[stored] for role, stored in roles.items()},
        lambda role: table.read(roles[role]),
    )


# --- the three places ------------------------------------------------------------------------------------------------


def _markers(table: TensorTable) -> dict[str, _Description]:
    described = {}
    for name in table.shapes:
        layer, _, role = name.rpartition(".")
        if role == "comfy_quant":
            options = LayerOptions.parse(layer, _read_json(f"'{name}'", _marker_text(table, name)))
            described[layer] = _Description(options, f"'{name}'")
    return described


def _marker_text(table: TensorTable, name: str) -> str:
    dtype, shape = table.dtypes[name], table.shapes[name]
    if dtype != "U8" or len(shape) != 1 or not 0 < shape[0] <= _MOST_MARKER_BYTES:
        raise LayerError(f"'{name}' has dtype {dtype} and shape {list(shape)}; expected the bytes of a JSON object, U8")
    try:
        return bytes(table.read(name).tolist()).decode("utf-8")
    except UnicodeDecodeError:
        raise LayerError(f'\'{name}\' is not UTF-8; expected a JSON object such as {{"format": "nvfp4"}}') from None


def _read_json(source: str, text: str) -> Any:
    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is not JSON")

    try:
        return json.loads(text, object_pairs_hook=unique_pairs, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:100]
        raise LayerError(f'{source} is not JSON ({reason}); expected an object such as {{"format": "nvfp4"}}') from None


def _from_headers(table: TensorTable, headers: tuple[str, ...], prefixes: tuple[str, ...]) -> dict[str, _Description]:
    if not headers:
        return _legacy(table)
    described: dict[str, _Description] = {}
    for text in headers:
        data = _read_json(f"{METADATA_KEY} in the header", text)
        layers = data.get("layers") if isinstance(data, dict) else None
        if not isinstance(layers, dict):
            raise LayerError(f"{METADATA_KEY} in the header has no object 'layers'; expected the formats by layer")
        for key, value in layers.items():
            layer = _find_layer(table.shapes, key, prefixes)
            description = _Description(LayerOptions.parse(key, value), f"the header's {METADATA_KEY}")
            if described.setdefault(layer, description) != description:
                raise LayerError(f"'{layer}' is described twice in the header, and differently; save the file again")
    return described


def _find_layer(names: Mapping[str, Any], key: str, prefixes: tuple[str, ...]) -> str:
    candidates = [key, *(prefix + key for prefix in prefixes)]
    return next((layer for layer in candidates if f"{layer}.weight" in names), key)


def _legacy(table: TensorTable) -> dict[str, _Description]:
    """Return the layers of an old fp8 file: in fp8 or with ``scale_weight``, below the prefix of ``scaled_fp8``."""
    names = table.shapes
    prefixes = tuple(name.removesuffix(_LEGACY) for name in names if name == _LEGACY or name.endswith(f".{_LEGACY}"))
    if not prefixes:
        return {}
    scaled = [name for name in names if name.endswith(".scale_weight")]
    stored = [name for name in names if name.endswith(".weight") and table.dtypes[name] in FP8 and len(names[name]) > 1]
    description = _Description(LayerOptions("float8_e4m3fn"), f"the tensor '{_LEGACY}'", is_legacy=True)
    return {name.rpartition(".")[0]: description for name in (*scaled, *stored) if name.startswith(prefixes)}


# --- scales without a description ------------------------------------------------------------------------------------


def _undescribed(
    table: TensorTable, roles: Mapping[str, Mapping[str, str]], described: set[str]
) -> tuple[dict[str, tuple[StoredLayer, Format]], list[LayerError]]:
    """Return the layers that have a scale but no description, where there is only one way to read them; and errors."""
    layers: dict[str, tuple[StoredLayer, Format]] = {}
    problems: list[LayerError] = []
    for name, stored in roles.items():
        if name in described or stored.keys().isdisjoint(SCALE_ROLES):
            continue
        try:
            layer = _plain_layer(table, name, stored)
            if layer is not None:
                layers[f"{name}.weight"] = (layer, find_format(layer))
                _check_scale_values(layer)
        except LayerError as error:
            problems.append(error)
    return layers, problems


def _plain_layer(table: TensorTable, name: str, stored: Mapping[str, str]) -> StoredLayer | None:
    """Return a layer that is read as values times scale; None if its scale is 1.

    Raises:
        LayerError: there is more than one way to read it.
    """
    found = sorted(stored.keys() & SCALE_ROLES)
    scale = found[0]
    if "weight" not in stored:
        raise LayerError(f"'{name}.{scale}' is a scale, but '{name}.weight' is missing")
    if len(found) > 1 or scale not in ("weight_scale", "scale_weight"):
        raise LayerError(
            f"'{name}' has {' and '.join(found)} but no description of its format; pass a file that ComfyUI saved"
        )
    dtype = table.dtypes[stored["weight"]]
    if dtype in _FLOATS:
        if table.shapes[stored[scale]] in ((), (1,)) and float(table.read(stored[scale]).float()) == 1:
            return None
        raise LayerError(
            f"'{name}.weight' has dtype {dtype} and the scale '{scale}' but no description, so that nobody can tell "
            "whether it is scaled already; pass a file that ComfyUI saved"
        )
    if dtype not in ("F8_E4M3", "F8_E5M2", "I8"):
        raise LayerError(
            f"'{name}.weight' has dtype {dtype} and a scale but no description of its format; "
            "pass a file that ComfyUI saved"
        )
    options = LayerOptions("int8_tensorwise" if dtype == "I8" else "float8_e4m3fn")
    return _layer(table, name, {"weight": stored["weight"], "weight_scale": stored[scale]}, options)


def _notes(layers: Mapping[str, tuple[StoredLayer, Format]]) -> list[str]:
    notes = []
    for is_int8 in (True, False):
        names = [layer.name for layer, _ in layers.values() if (layer.options.format == "int8_tensorwise") is is_int8]
        if names:
            kind = "int8, not rotated" if is_int8 else "fp8"
            several = "" if len(names) == 1 else ", ..."
            words = "layer" if len(names) == 1 else "layers"
            verb = "has" if len(names) == 1 else "have"
            notes.append(
                f"{len(names)} {words} ('{names[0]}'{several}) {verb} a scale but no description of the format; "
                f"read as {kind}, value times scale (ComfyUI ignores such a scale); check the first image"
            )
    return notes


def _check_scale_values(layer: StoredLayer) -> None:
    """Check the scales per tensor or row; those per block are checked when the weight is decoded."""
    rows = layer.shapes["weight"][0]
    for role in sorted(layer.shapes.keys() & SCALE_ROLES):
        if layer.dtypes[role] not in _FLOATS or torch.Size(layer.shapes[role]).numel() > max(rows, 1):
            continue
        values = layer.read(role).float()
        if not torch.isfinite(values).all():
            raise LayerError(f"'{layer.name}.{role}' contains values that are not finite; download the file again")
        if role != "pre_quant_scale" and (values < 0).any():
            lowest = float(values.min())
            raise LayerError(f"'{layer.name}.{role}' contains the negative scale {lowest:g}; download the file again")

"""One quantized layer of a file: what describes it, and the tensors that it is stored in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from anima_infer.errors import CheckpointError

DEFAULT_ROTATION_GROUP = 256


class LayerError(CheckpointError):
    """A quantized layer is malformed; the text starts with the name of the tensor or the layer."""


@dataclass(frozen=True, slots=True)
class LayerOptions:
    """The description of a layer, as far as the values of its weight depend on it.

    Attributes:
        format: name of the format.
        rotated: whether the rows were rotated before quantization (``convrot``).
        rotation_group: columns that are rotated together.
    """

    format: str
    rotated: bool = False
    rotation_group: int = DEFAULT_ROTATION_GROUP

    @classmethod
    def parse(cls, layer: str, value: Any) -> LayerOptions:
        """Read the JSON value that describes a layer; unknown keys are ignored.

        Raises:
            LayerError: it is not an object, has no format, or a value has the wrong type.
        """
        if not isinstance(value, dict):
            raise LayerError(f"the description of '{layer}' is {_kind(value)}; expected a JSON object with 'format'")
        params = value.get("params", {})
        if not isinstance(params, dict):
            raise LayerError(f"'params' in the description of '{layer}' is {_kind(params)}; expected an object")
        merged = {**params, **value}
        name = merged.get("format")
        if not isinstance(name, str):
            found = "missing" if name is None else _kind(name)
            raise LayerError(f"'format' in the description of '{layer}' is {found}; expected the name of a format")
        rotated = merged.get("convrot", False)
        if not isinstance(rotated, bool):
            raise LayerError(f"'convrot' in the description of '{layer}' is {_kind(rotated)}; expected true or false")
        group = merged.get("convrot_groupsize", DEFAULT_ROTATION_GROUP)
        if type(group) is not int:
            raise LayerError(f"'convrot_groupsize' of '{layer}' is {_kind(group)}; expected a whole number")
        return cls(name, rotated, group)


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), f"the number {value}")


@dataclass(frozen=True, slots=True)
class StoredLayer:
    """A layer in a file.

    Attributes:
        name: of the layer, as the file has it.
        options: its description.
        dtypes: of its tensors, by role (``weight``, ``weight_scale``, ...), named as in the header of safetensors.
        shapes: of its tensors, by role.
        read: returns a tensor by role.
    """

    name: str
    options: LayerOptions
    dtypes: Mapping[str, str]
    shapes: Mapping[str, tuple[int, ...]]
    read: Callable[[str], Tensor]

    def require(self, role: str, dtypes: tuple[str, ...], *, axes: int | None = None) -> tuple[int, ...]:
        """Return the shape of a tensor.

        Args:
            role: of the tensor.
            dtypes: that it may have.
            axes: that it must have; None for any number.

        Raises:
            LayerError: it is missing, or has another dtype or number of axes.
        """
        if role not in self.shapes:
            raise LayerError(f"'{self.name}.{role}' is missing, which {self.options.format} needs")
        if self.dtypes[role] not in dtypes:
            raise LayerError(
                f"'{self.name}.{role}' has dtype {self.dtypes[role]}; {self.options.format} needs {' or '.join(dtypes)}"
            )
        shape = self.shapes[role]
        if axes is not None and len(shape) != axes:
            raise LayerError(f"'{self.name}.{role}' has shape {list(shape)}; expected {axes} axes")
        return shape

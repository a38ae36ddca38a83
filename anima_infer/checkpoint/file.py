"""Files of named tensors: reading and writing; knows no network."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any
from zipfile import is_zipfile

import torch
from torch import Tensor

from anima_infer.checkpoint.header import FileHeader, read_header
from anima_infer.checkpoint.prefixes import LAYER_PREFIXES
from anima_infer.checkpoint.quantization import METADATA_KEY, LayerError, Quantization, TensorTable, read_quantization
from anima_infer.checkpoint.signatures import PICKLE, foreign_format
from anima_infer.errors import CheckpointError, CheckpointWarning, InferError
from anima_prompt.atomic import atomic_path

PICKLE_SUFFIXES = (".pt", ".pth", ".bin", ".ckpt")
_DTYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.float8_e4m3fn: "F8_E4M3",
    torch.float8_e5m2: "F8_E5M2",
    torch.int8: "I8",
    torch.uint8: "U8",
}
"""Names of dtypes in the header of safetensors."""
FLOAT_DTYPES = ("F64", "F32", "BF16", "F16", "F8_E4M3", "F8_E5M2")
"""Dtypes of weights that are not quantized, or only cast."""


class WeightFile:
    """A file of named tensors, or several that belong together; opening reads names and shapes alone."""

    def __init__(self, paths: Iterable[Path]) -> None:
        """Open the files.

        Raises:
            CheckpointError: a file is missing, damaged, or not a weight file.
        """
        self.paths = tuple(paths)
        self.path = self.paths[0]
        self._tensors: dict[str, Callable[[], Tensor]] = {}
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.dtypes: dict[str, str] = {}
        self.metadata: dict[str, str] = {}
        self._descriptions: list[str] = []
        for path in self.paths:
            self._open(path)

    @classmethod
    def open(cls, path: str | Path) -> WeightFile:
        """Open a file, or all weight files of a folder in the diffusers layout.

        Raises:
            CheckpointError: there is no such file, or no weight file in the folder.
        """
        path = Path(os.path.expanduser(path))  # noqa: PTH111  Path.expanduser fails where nobody has that name
        if os.path.isdir(path):  # noqa: PTH112  Path.is_dir fails on a name that is too long
            files = sorted(path.glob("*.safetensors"))
            if not files:
                raise CheckpointError(
                    f"{path}: the folder contains no .safetensors file; pass the folder of one part of the model"
                )
            return cls(files)
        return cls([path])

    def _open(self, path: Path) -> None:
        if not os.path.isfile(path):  # noqa: PTH113  as above
            raise CheckpointError(_not_a_file(path))
        try:
            foreign = foreign_format(path)
        except OSError as error:
            raise CheckpointError(
                f"{path}: cannot be read ({error.strerror or error}); check the file's permissions"
            ) from None
        if foreign is None:
            self._open_safetensors(path, read_header(path))
        elif foreign == PICKLE and path.suffix.lower() in PICKLE_SUFFIXES:
            self._open_pickle(path)
        elif foreign == PICKLE:
            raise CheckpointError(
                f"{path}: is {PICKLE}, not a safetensors file; rename it to .pt, or convert it to safetensors"
            )
        else:
            raise CheckpointError(f"{path}: is {foreign}")

    def _open_safetensors(self, path: Path, header: FileHeader) -> None:
        from safetensors import SafetensorError, safe_open

        try:
            handle: Any = safe_open(path, framework="pt")
        except (SafetensorError, OSError, ValueError) as error:
            reason = " ".join(str(error).split())
            raise CheckpointError(
                f"{path}: cannot be read as safetensors ({reason}); the download may be incomplete, download it again"
            ) from None
        self.metadata |= header.metadata
        if METADATA_KEY in header.metadata:
            self._descriptions.append(header.metadata[METADATA_KEY])
        for name, entry in header.entries.items():
            self._add(path, name, entry.shape, entry.dtype, lambda name=name: handle.get_tensor(name))  # type: ignore[misc]

    def _open_pickle(self, path: Path) -> None:
        try:
            state = torch.load(path, map_location="cpu", mmap=is_zipfile(path), weights_only=True)
        except Exception as error:  # noqa: BLE001  zip, pickle and torch all have errors of their own
            reason = " ".join(str(error).split())[:120]
            raise CheckpointError(
                f"{path}: cannot be read ({reason}); only files of plain tensors are opened, prefer safetensors"
            ) from None
        state = state.get("state_dict", state) if isinstance(state, dict) else {}
        state = state if isinstance(state, dict) else {}
        tensors = {str(name): tensor for name, tensor in state.items() if isinstance(tensor, Tensor)}
        if not tensors:
            raise CheckpointError(f"{path}: is {PICKLE} without named tensors; pass a file with the model's weights")
        for name, tensor in tensors.items():
            dtype = _DTYPES.get(tensor.dtype, str(tensor.dtype).removeprefix("torch."))
            self._add(path, name, tuple(tensor.shape), dtype, lambda tensor=tensor: tensor)  # type: ignore[misc]

    def _add(self, path: Path, name: str, shape: tuple[int, ...], dtype: str, read: Callable[[], Tensor]) -> None:
        if name in self._tensors:
            raise CheckpointError(
                f"{path}: '{name}' is also in another file of the folder; keep one version of the model in a folder"
            )
        self.shapes[name], self.dtypes[name], self._tensors[name] = shape, dtype, read

    def __contains__(self, name: str) -> bool:
        """Return whether the file has a tensor of that name."""
        return name in self._tensors

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter(self._tensors)

    def raw(self, name: str) -> Tensor:
        """Return a tensor as it is stored."""
        return self._tensors[name]()

    @cached_property
    def quantization(self) -> Quantization:
        """Which weights are quantized, and how; the whole description is read and checked the first time.

        Raises:
            CheckpointError: the description is malformed, or names a format that is not supported.
        """
        table = TensorTable(self.dtypes, self.shapes, self.raw)
        try:
            quantization = read_quantization(table, self._descriptions, LAYER_PREFIXES)
        except LayerError as error:
            raise CheckpointError(f"{self.path}: {error}") from None
        for note in quantization.notes:
            warnings.warn(f"{self.path}: {note}", CheckpointWarning, stacklevel=2)
        return quantization

    def weight_shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a tensor once it is decoded, with the padding of its format."""
        return self.quantization.shape(name) or self.shapes[name]

    def tensor(self, name: str, shape: tuple[int, ...] | None = None) -> Tensor:
        """Return a tensor; a quantized weight is decoded in float32.

        Args:
            name: of the tensor.
            shape: that the network needs; padding of the format that goes beyond it is cut off.

        Raises:
            CheckpointError: it is quantized in an unknown format, or has no floating-point dtype.
        """
        if name in self.quantization.layers:
            try:
                tensor = self.quantization.decode(name)
            except LayerError as error:
                raise CheckpointError(f"{self.path}: {error}") from None
            return tensor if shape is None else self._cut(name, tensor, shape)
        self.check_dtype(name)
        return self.raw(name)

    def check_dtype(self, name: str) -> None:
        """Check that a tensor that is not quantized has a floating-point dtype.

        Raises:
            CheckpointError: it does not.
        """
        if self.dtypes[name] not in FLOAT_DTYPES:
            raise CheckpointError(
                f"{self.path}: '{name}' has dtype {self.dtypes[name]} and no description of a format; expected a "
                "floating-point dtype, or a quantized file that ComfyUI saved"
            )

    def _cut(self, name: str, tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
        layer, form = self.quantization.layers[name]
        padding = [stored - needed for stored, needed in zip(tensor.shape, shape, strict=False)]
        if len(shape) != tensor.ndim or not all(0 <= extra < form.padding for extra in padding):
            return tensor
        rows, columns = shape
        if tensor[rows:].any() or tensor[:, columns:].any():
            raise CheckpointError(
                f"{self.path}: '{name}' has values beyond the weight's shape {list(shape)}, where "
                f"{layer.options.format} has zeros; the file is for another model"
            )
        return tensor[:rows, :columns].contiguous()


def _not_a_file(path: Path) -> str:
    if os.path.islink(path):  # noqa: PTH114  Path.is_link fails on a name that is too long
        return f"{path}: is a link to a file that does not exist; link the file again, or pass the file itself"
    if os.path.exists(path):  # noqa: PTH110  as above
        return f"{path}: is not a regular file; pass a .safetensors file of the model"
    return f"{path}: does not exist; check the path, or run 'anima-infer models check FOLDER'"


def write_weights(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> None:
    """Write a safetensors file, atomically.

    Raises:
        InferError: it cannot be written.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    contiguous = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
    try:
        with atomic_path(path) as temporary:
            temporary.touch()
            permissions = (
                temporary.stat().st_mode
            )  # the default ones; save_file's files are readable by the owner alone
            save_file(contiguous, temporary, dict(metadata) if metadata else None)
            temporary.chmod(permissions)
    except (OSError, SafetensorError) as error:
        raise InferError(f"{path}: cannot be written ({' '.join(str(error).split())}); free some space") from None

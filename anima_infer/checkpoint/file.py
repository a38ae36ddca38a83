"""Files of named tensors: reading and writing; knows no network."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from anima_infer.errors import CheckpointError, InferError
from anima_prompt.atomic import atomic_path


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
        self.metadata: dict[str, str] = {}
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
            raise CheckpointError(f"{path}: does not exist; check the path, or run 'anima-infer models check FOLDER'")
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
                f"{path}: cannot be read as safetensors ({reason}); the download may be incomplete, download it again"
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
        """Return whether the file has a tensor of that name."""
        return name in self._tensors

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter(self._tensors)

    def raw(self, name: str) -> Tensor:
        """Return a tensor as it is stored."""
        return self._tensors[name]()

    def tensor(self, name: str) -> Tensor:
        """Return a tensor; fp8 is multiplied by its scale.

        Raises:
            CheckpointError: it is quantized in an unknown format.
        """
        tensor = self.raw(name)
        stem = name.removesuffix("weight")
        if f"{stem}comfy_quant" in self:
            quantization = json.loads(bytes(self.raw(f"{stem}comfy_quant").tolist())).get("format", "")
            if not quantization.startswith("float8"):
                raise CheckpointError(
                    f"{self.path}: '{name}' is quantized as '{quantization}'; expected float8, bf16 or fp16"
                )
        for scale in ("weight_scale", "scale_weight"):
            if name.endswith(".weight") and stem + scale in self:
                tensor = tensor.float() * self.raw(stem + scale).float()
                if stem + "weight_scale_2" in self:
                    tensor = tensor * self.raw(stem + "weight_scale_2").float()
                return tensor
        if tensor.dtype not in (torch.float32, torch.float16, torch.bfloat16) and not tensor.is_floating_point():
            raise CheckpointError(f"{self.path}: '{name}' has dtype {tensor.dtype}; expected a floating-point dtype")
        return tensor


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

"""Files of named tensors; knows no network."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from anima_infer.atomic import written_whole
from anima_infer.errors import CheckpointError, InferError


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
        path = Path(os.path.expanduser(path))  # noqa: PTH111  Path.expanduser fails where nobody has that name
        if os.path.isdir(path):  # noqa: PTH112  Path.is_dir fails on a name that is too long
            found = sorted(path.glob("*.safetensors"))
            if not found:
                raise CheckpointError(f"{path}: holds no .safetensors file; give the folder of one part of the model")
            return cls(found)
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

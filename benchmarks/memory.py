"""How much of a device's memory an image takes, counted without the device.

    python benchmarks/memory.py                     # 1024 x 1024 at full size, every way of offloading
    python benchmarks/memory.py --size 1536

The whole way runs on PyTorch's meta device, where tensors have shapes and no numbers: every one that a device would hold
is counted while it lives. Weights that wait stay on the CPU side, untouched. Left out: the driver's own memory (a third
to half a GiB for CUDA), kernels' workspaces, and what the allocator keeps in reserve. Attention counts as kernels that
never write the square of its tokens.
"""

from __future__ import annotations

import argparse
import sys
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from anima_infer.model.adapter import Adapter
from anima_infer.model.config import AdapterConfig, DitConfig, TextConfig, VaeConfig
from anima_infer.model.dit import Dit
from anima_infer.model.inputs import Conditioning
from anima_infer.model.text import TextEncoder
from anima_infer.model.vae import Vae
from anima_infer.placement import Offload, Placement
from anima_infer.sampling import denoise as pipeline
from anima_infer.sampling.guidance import Guidance
from anima_infer.sampling.settings import RenderSettings

DEVICE = torch.device("meta")
GIB = 2**30
TOKENS = 120
"""Of the prompt; the release sees at most 512."""


_ASKED = tuple(getattr(torch.ops.aten, name).default for name in ("_local_scalar_dense", "is_nonzero", "item"))
"""Operations that ask for a number; here all is finite, and no prompt is packed with others."""


class Meter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the bytes of tensors on the meta device while they live."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = self.peak = 0
        self._live: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation and count what it made."""
        if func is torch.ops.aten.scaled_dot_product_attention.default:
            made = torch.empty_like(args[0])
        elif func in _ASKED and args[0].device == DEVICE:
            return True
        else:
            made = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(made):
            if isinstance(leaf, Tensor) and leaf.device == DEVICE:
                self._born(leaf.untyped_storage())
        return made

    def _born(self, storage: torch.UntypedStorage) -> None:
        key, size = storage._cdata, storage.nbytes()  # noqa: SLF001  what tells storages apart
        if key not in self._live:
            self._live.add(key)
            self.now += size
            self.peak = max(self.peak, self.now)
            weakref.finalize(storage, self._gone, key, size)

    def _gone(self, key: int, size: int) -> None:
        self._live.discard(key)
        self.now -= size


@dataclass(frozen=True, slots=True)
class Setup:
    """How an image is made: what is offloaded, how the blocks' matrices are stored, rows of a strip of the VAE."""

    offload: Offload
    stored: torch.dtype = torch.bfloat16
    strip: int | None = None

    def __str__(self) -> str:
        """Return what is typed to have it so."""
        words = [f"--offload {self.offload}"] if self.offload is not Offload.NONE else []
        words += ["--dtype fp8"] if self.stored is not torch.bfloat16 else []
        words += [f"--strip {self.strip}"] if self.strip else []
        return " ".join(words) or "(defaults)"


SETUPS = (
    Setup(Offload.NONE),
    Setup(Offload.PARTS),
    Setup(Offload.PARTS, strip=16),
    Setup(Offload.PARTS, torch.float8_e4m3fn, 16),
    Setup(Offload.BLOCKS, strip=16),
)


class Networks:
    """The four networks at the release's size; their weights hold no numbers."""

    def __init__(self, setup: Setup) -> None:
        """Make them, on the device or waiting beside it."""
        place = DEVICE if setup.offload is Offload.NONE else torch.device("cpu")
        with torch.device("meta"):
            self.text, self.adapter = TextEncoder(TextConfig()), Adapter(AdapterConfig()).bfloat16()
            self.dit, self.vae = Dit(DitConfig()).bfloat16(), Vae(VaeConfig()).bfloat16()
        for name, module in self.dit.blocks.named_modules():  # as checkpoint.fill chooses them
            if isinstance(module, nn.Linear) and "adaln" not in name:
                module.weight = nn.Parameter(module.weight.to(setup.stored), requires_grad=False)
        for network in (self.text, self.adapter, self.dit, self.vae):
            network.requires_grad_(requires_grad=False)
            network.to_empty(device=place)  # memory that is asked for and never touched


def peaks(setup: Setup, size: int, *, guidance: float = 4.0, steps: int = 2) -> dict[str, float]:
    """Return the most GiB that are alive at once on the device in each part of making an image."""
    meter = Meter()
    found: dict[str, float] = {}

    def noted(part: str) -> None:
        found[part], meter.peak = meter.peak / GIB, meter.now

    with meter, torch.inference_mode():
        networks, placement = Networks(setup), Placement(setup.offload, DEVICE)
        meter.peak = meter.now
        ids = torch.zeros(1, TOKENS, dtype=torch.long, device=DEVICE)
        with placement.using(networks.text, networks.adapter):
            rows = networks.adapter(networks.text(ids), ids)
        noted("text")
        context, settings = (
            Conditioning(rows, (TOKENS,)),
            RenderSettings(size, size, steps, "euler", guidance=Guidance(guidance)),
        )
        with placement.using(networks.dit):
            latents = pipeline.denoise(networks.dit, [context], [context], settings, [0])
        noted("DiT")
        with placement.using(networks.vae):
            networks.vae.decode(latents, strip=setup.strip)
        noted("VAE")
    return found


def main() -> None:
    """Print a line for every way of offloading."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=1024)
    options = parser.parse_args()
    print("| options | text encoder | DiT | VAE | most |\n|---|---|---|---|---|")
    for setup in SETUPS:
        found = peaks(setup, options.size)
        figures = " | ".join(f"{value:.2f}" for value in (*found.values(), max(found.values())))
        print(f"| `{setup}` | {figures} |", flush=True)


if __name__ == "__main__":
    main()

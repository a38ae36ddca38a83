"""Text encoder, adapter, DiT and VAE of the tiny configuration give the committed numbers."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from anima_infer.model.inputs import Conditioning, stack
from anima_infer.model.layers import rope_2d, sinusoid
from anima_infer.models import Models
from tests.infer import parity
from tests.infer.arithmetic import numbers

TOLERANCE = 2e-5
"""Float32: two implementations of the same mathematics differ by 1e-6 on networks of this size."""


def conditioning(name: str, rows: int) -> Conditioning:
    return Conditioning(numbers(name, (1, rows, 48)), (rows,))


@torch.inference_mode()
def test_text_encoder_and_adapter(models: Models, check_numbers: Callable[..., None]) -> None:
    text, adapter = models.encoder.text, models.encoder.adapter
    ids, t5 = torch.tensor([[5, 17, 300, 2, 44]]), torch.tensor([[9, 3, 77, 1]])
    hidden = text(ids)
    source, ids_of_two = numbers("source", (2, 6, 32)), torch.tensor([[9, 3, 77, 1], [8, 1, 0, 0]])
    source_mask = torch.tensor([[True] * 6, [True] * 2 + [False] * 4])
    mask = torch.tensor([[True] * 4, [True] * 2 + [False] * 2])
    blank = torch.zeros(1, 1, dtype=torch.bool)
    weighted = models.encoder.encode([("1girl, ", 1.0), ("red hair", 1.3)])
    cases = {
        "text encoder": hidden,
        "text encoder, embeddings": text(ids, embeddings=numbers("embeddings", (1, 5, 32))),
        "adapter": adapter(hidden, t5),
        "adapter, masks": adapter(source, ids_of_two, source_mask=source_mask, mask=mask),
        "adapter, no source": adapter(torch.zeros(1, 1, 32), t5, source_mask=blank),
        "adapter, embeddings": adapter(hidden, t5, embeddings=numbers("rows", (1, 4, 48))),
        "a weighted prompt": weighted.rows,
    }
    check_numbers(
        "text_encoder",
        cases,
        tolerance=TOLERANCE,
        about="weights of tests/infer/tiny.py",
        parity=[parity.check_text_encoder, parity.check_adapter, parity.check_adapter_with_masks],
    )


@torch.inference_mode()
def test_dit(models: Models, check_numbers: Callable[..., None]) -> None:
    dit = models.dit

    def velocity(name: str, shape: tuple[int, int, int], sigma: float, *prompts: Conditioning) -> Tensor:
        batch, height, width = shape
        x = numbers(name, (batch, 16, height, width))
        return dit(x, dit.compute_modulation(torch.tensor([sigma])), dit.compute_keys_values(stack(prompts)))

    short, long = conditioning("short", 5), conditioning("long", 600)
    x = numbers("levels", (2, 16, 8, 8))
    two_levels = dit.compute_modulation(torch.tensor([0.3, 0.9]))
    cases = {
        "8 x 8": velocity("8 x 8", (1, 8, 8), 0.5, short),
        "6 x 10": velocity("6 x 10", (1, 6, 10), 1.0, short),
        "7 x 9": velocity("7 x 9", (1, 7, 9), 0.1, short),
        "600 rows": velocity("8 x 8", (1, 8, 8), 0.5, long),
        "two prompts": velocity("two", (2, 8, 8), 0.5, short, conditioning("other", 9)),
        "two images share a prompt": velocity("two", (2, 8, 8), 0.5, short),
        "two noise levels": dit(x, two_levels, dit.compute_keys_values(short)),
        "positions, cos": rope_2d(5, 7, 128).cos,
        "positions, sin": rope_2d(5, 7, 128).sin,
        "sinusoid": sinusoid(torch.tensor([0.0, 0.3, 1.0]), 64),
    }
    check_numbers("dit", cases, tolerance=TOLERANCE, about="weights of tests/infer/tiny.py", parity=[parity.check_dit])


@torch.inference_mode()
def test_vae(models: Models, check_numbers: Callable[..., None]) -> None:
    vae = models.vae
    cases = {}
    for height, width in ((32, 48), (64, 40)):
        pixels = numbers("pixels", (1, 3, height, width)).clamp(-1, 1)
        cases[f"encode {height} x {width}"] = vae.encode(pixels)
        cases[f"decode {height} x {width}"] = vae.decode(numbers("latents", (1, 16, height // 8, width // 8)))
    check_numbers("vae", cases, tolerance=TOLERANCE, about="weights of tests/infer/tiny.py", parity=[parity.check_vae])

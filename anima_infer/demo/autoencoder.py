"""The VAE of the demo model: training, and normalization of its latents."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from anima_infer.demo.sizes import VAE, Compiler, Log, initialize
from anima_infer.model.vae import MEAN, STD, Vae
from anima_infer.training.compiling import reason_not_to_compile
from anima_infer.training.optimizer import Learner, TrainingSchedule
from anima_infer.training.run import resume_run, save_run

LATENT_NOISE = 0.05
"""Noise on the latents while the decoder is polished: the DiT's latents are never exact either."""

EncodeDecode = tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]
"""Two functions: from images to features, and from raw latents to images."""


def new_vae(seed: int = 0) -> Vae:
    """Return an initialized VAE; its posterior starts narrow, or training would collapse at once."""
    vae = Vae(VAE)
    initialize(vae, torch.Generator().manual_seed(seed))
    with torch.no_grad():
        vae.conv1.bias[VAE.latent_channels :] = -6.0  # type: ignore[index]
    return vae.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _decoded(vae: Vae, z: Tensor) -> Tensor:
    """Return the images of raw latents."""
    return vae.decoder.finish(vae.decoder.start(vae.conv2(z)))


def compiled_vae(vae: Vae, x: Tensor, compiler: Compiler = torch.compile) -> tuple[EncodeDecode, str]:
    """Return encoder and decoder of a VAE, compiled if the gradients stay correct, and "" or the reason not to compile.

    Args:
        vae: to train; the functions use its weights.
        x: images to compare gradients on, (B, 3, H, W) in [-1, 1].
        compiler: returns a compiled function for a function.
    """
    plain: EncodeDecode = vae.encoder, partial(_decoded, vae)
    weights = list(vae.parameters())

    def gradients(ways: Callable[[], EncodeDecode]) -> list[Tensor]:
        encode, decode = ways()
        made = decode(vae.conv1(encode(x))[:, : VAE.latent_channels])
        return list(torch.autograd.grad(_image_loss(made, x), weights))

    fast: list[EncodeDecode] = []

    def compiled() -> EncodeDecode:
        fast.append((compiler(plain[0]), compiler(plain[1])))
        return fast[0]

    usual = partial(gradients, lambda: plain)
    reason = reason_not_to_compile(usual, usual, partial(gradients, compiled))
    return (plain if reason else fast[0]), reason


def train_vae(
    vae: Vae,
    data: Tensor,
    schedule: TrainingSchedule,
    state: Path,
    log: Log,
    *,
    save_every: int = 250,
    ways: EncodeDecode | None = None,
) -> None:
    """Train the VAE: absolute and squared error, the error of edges, and the KL divergence of the posterior.

    ``ways`` are the functions of ``compiled_vae``.
    """
    encode, decode = ways or (vae.encoder, partial(_decoded, vae))
    source = torch.Generator().manual_seed(1)
    learner = Learner(vae.parameters(), schedule)
    resume_run(state, [vae], learner, source)
    began, first = time.perf_counter(), learner.step
    channels = VAE.latent_channels
    while learner.step < schedule.steps:
        pick = torch.randint(len(data), (schedule.batch,), generator=source)
        x = (data[pick].float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)
        moments = vae.conv1(encode(x))
        mean, spread = moments[:, :channels], (0.5 * moments[:, channels:].clamp(-12, 4)).exp()
        z = mean + spread * torch.randn(mean.shape, generator=source)
        made = decode(z)
        kl = 0.5 * (mean.square() + spread.square() - 1 - 2 * spread.log()).mean()
        loss = learner.learn(_image_loss(made, x) + 1e-5 * kl)
        step = learner.step
        if step % 50 == 0:
            rate = (step - first) / (time.perf_counter() - began)
            log(f"vae {step}/{schedule.steps} loss {loss:.4f} psnr {_psnr(made, x):.2f} {rate:.2f} it/s")
        if step % save_every == 0 or step == schedule.steps:
            save_run(state, [vae], learner, source)


def _psnr(made: Tensor, x: Tensor) -> float:
    """Return the peak signal-to-noise ratio of images in [-1, 1], in dB."""
    return -10 * math.log10(float((made.detach().clamp(-1, 1) - x).square().mean()) / 4)


def _image_loss(made: Tensor, x: Tensor) -> Tensor:
    """Return the sum of absolute error, squared error and absolute error of the edges."""
    loss = (made - x).abs().mean() + (made - x).square().mean()
    for axis in (-1, -2):
        loss = loss + (made.diff(dim=axis) - x.diff(dim=axis)).abs().mean()
    return loss


def polish_decoder(vae: Vae, data: Tensor, latents: Tensor, schedule: TrainingSchedule, log: Log) -> None:
    """Train the decoder alone; the latents, and networks that were trained on them, stay valid."""
    source = torch.Generator().manual_seed(7)
    learner = Learner([*vae.conv2.parameters(), *vae.decoder.parameters()], schedule)
    mean, std = (torch.tensor(values[: VAE.latent_channels]).view(1, -1, 1, 1) for values in (MEAN, STD))
    while learner.step < schedule.steps:
        pick = torch.randint(len(data), (schedule.batch,), generator=source)
        x = (data[pick].float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)
        z = latents[pick].float()
        z = (z + LATENT_NOISE * torch.randn(z.shape, generator=source)) * std + mean
        made = _decoded(vae, z)
        learner.learn(_image_loss(made, x))
        if learner.step % 50 == 0:
            log(f"decoder {learner.step}/{schedule.steps} psnr {_psnr(made, x):.2f}")


@torch.inference_mode()
def normalize_latents(vae: Vae, data: Tensor) -> None:
    """Scale the latents so that the release's mean and deviation normalize them; the images stay the same.

    The affine map of each channel is merged into the 1 x 1 convolutions before and after the latents.
    """
    channels = VAE.latent_channels
    means = [
        vae.conv1(vae.encoder(data[i : i + 64].float() / 127.5 - 1))[:, :channels] for i in range(0, len(data), 64)
    ]
    z = torch.cat(means).transpose(0, 1).flatten(1)
    m, s = z.mean(1), z.std(1)
    mean, std = torch.tensor(MEAN[:channels]), torch.tensor(STD[:channels])
    assert vae.conv1.bias is not None
    assert vae.conv2.bias is not None
    inward, outward = vae.conv1.weight, vae.conv2.weight
    inward[:channels] *= (std / s).view(-1, 1, 1, 1)
    vae.conv1.bias[:channels] = (vae.conv1.bias[:channels] - m) / s * std + mean
    vae.conv2.bias += (outward[:, :, 0, 0] * (m - mean * s / std)).sum(1)
    outward *= (s / std).view(1, -1, 1, 1)


@torch.inference_mode()
def encode_images(vae: Vae, data: Tensor) -> Tensor:
    """Return the latents of images, (N, 16, 8, 8), float16."""
    parts = [vae.encode(data[i : i + 128].float() / 127.5 - 1).half() for i in range(0, len(data), 128)]
    return torch.cat(parts)

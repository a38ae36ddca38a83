"""The Qwen-Image VAE (Wan 2.1 architecture) for single images: a 2-D network.

The release has causal 3-D convolutions. With one frame their past is zero padding, so that only the last time slice
of each kernel is ever multiplied with anything, and the temporal resampling is never reached. ``collapse_time`` takes
those slices once at load: 44.6 of 127 million weights stay, and the result is that of the 3-D network to its own float
noise.

Pixels are in [-1, 1]; latents are normalized by the mean and deviation of the release.

Source: ComfyUI 0.29.0 (what it computes).
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anima_infer.model.config import VaeConfig

MEAN = (
    *(-0.7571, -0.7089, -0.9113, 0.1075, -0.1745, 0.9653, -0.1517, 1.5508),
    *(0.4134, -0.0715, 0.5517, -0.3632, -0.1922, -0.9497, 0.2503, -0.2921),
)


STD = (
    *(2.8184, 1.4541, 2.3275, 2.6558, 1.2196, 1.7708, 2.6052, 2.0743),
    *(3.2687, 2.1526, 2.8652, 1.5579, 1.6382, 1.1253, 2.8251, 1.9160),
)
"""Mean and deviation of each latent channel. Source: the release; Wan 2.1 has the same."""

SCALE = 8
"""Pixels per latent along each side."""

TINY = 1e-12
"""Smallest length that a norm divides by."""

MULTIPLIERS = (1, 2, 4, 4)


RES_BLOCKS = 2
TAIL = 8
"""Decoder layers before this one see the whole image in ``decode``; later ones may run in strips."""

TAIL_HALO = 10
"""Rows at the tail's own scale that a strip needs on either side: 6 for 3 blocks of two convolutions at this scale, and
4 for the upsampling's convolution, 3 blocks and the head (8 rows at twice the size)."""


HEAD_HALO = 8
"""Pixel rows that a strip of the encoder needs on either side: five convolutions and a row for the halving; even."""


class ChannelNorm(nn.Module):
    """``x / |x| * sqrt(C) * weight`` over the channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.empty(channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Return B x C x H x W."""
        length = torch.linalg.vector_norm(x, dim=1, keepdim=True).clamp_min(TINY)  # B x 1 x H x W
        return x * (x.shape[1] ** 0.5 / length) * self.gamma


class ResBlock(nn.Module):
    """Two convolutions, each after norm and SiLU, and a shortcut."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            ChannelNorm(inputs),
            nn.SiLU(),
            nn.Conv2d(inputs, outputs, 3, padding=1),
            ChannelNorm(outputs),
            nn.SiLU(),
            nn.Identity(),  # the release has dropout here
            nn.Conv2d(outputs, outputs, 3, padding=1),
        )
        self.shortcut = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Return B x outputs x H x W."""
        return self.residual(x) + self.shortcut(x)


class SpatialAttention(nn.Module):
    """Attention over all positions, one head."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = ChannelNorm(channels)
        self.to_qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.proj = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return B x C x H x W."""
        q, k, v = self.to_qkv(self.norm(x)).flatten(2).transpose(1, 2)[:, None].chunk(3, dim=-1)  # B x 1 x HW x C
        mixed = F.scaled_dot_product_attention(q.contiguous(), k.contiguous(), v.contiguous())
        return x + self.proj(mixed[:, 0].transpose(1, 2).unflatten(2, x.shape[-2:]))


class Resample(nn.Module):
    """Halve or double the size; the convolution is at index 1, as the release names it."""

    def __init__(self, inputs: int, outputs: int, *, up: bool) -> None:
        super().__init__()
        self.up = up
        conv = nn.Conv2d(inputs, outputs, 3, padding=1) if up else nn.Conv2d(inputs, outputs, 3, stride=2)
        self.resample = nn.Sequential(nn.Identity(), conv)

    def forward(self, x: Tensor) -> Tensor:
        """Double by repeating, or pad right and bottom by one and take every second."""
        x = F.interpolate(x, scale_factor=2.0, mode="nearest-exact") if self.up else F.pad(x, (0, 1, 0, 1))
        return self.resample[1](x)


def _middle(channels: int) -> nn.Sequential:
    return nn.Sequential(ResBlock(channels, channels), SpatialAttention(channels), ResBlock(channels, channels))


def _head(channels: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(ChannelNorm(channels), nn.SiLU(), nn.Conv2d(channels, outputs, 3, padding=1))


class Encoder(nn.Module):
    """Pixels to 2 x 16 channels at an eighth of the size."""

    def __init__(self, config: VaeConfig) -> None:
        super().__init__()
        widths = [config.width * factor for factor in (1, *MULTIPLIERS)]
        self.conv1 = nn.Conv2d(config.channels, widths[0], 3, padding=1)
        layers: list[nn.Module] = []
        for index, (inputs, outputs) in enumerate(pairwise(widths)):
            layers += [ResBlock(inputs if i == 0 else outputs, outputs) for i in range(RES_BLOCKS)]
            if index < len(MULTIPLIERS) - 1:
                layers.append(Resample(outputs, outputs, up=False))
        self.downsamples = nn.Sequential(*layers)
        self.middle = _middle(widths[-1])
        self.head = _head(widths[-1], 2 * config.latent_channels)

    def start(self, x: Tensor) -> Tensor:
        """Run the widest layers, which see no further than ``HEAD_HALO`` rows: B x C x H/2 x W/2."""
        return self.downsamples[: RES_BLOCKS + 1](self.conv1(x))

    def finish(self, x: Tensor) -> Tensor:
        """Run the rest, which sees the whole image: B x 32 x H/8 x W/8."""
        return self.head(self.middle(self.downsamples[RES_BLOCKS + 1 :](x)))

    def forward(self, x: Tensor) -> Tensor:
        """Return B x 32 x H/8 x W/8."""
        return self.finish(self.start(x))


class Decoder(nn.Module):
    """16 channels to pixels at eight times the size."""

    def __init__(self, config: VaeConfig) -> None:
        super().__init__()
        widths = [config.width * factor for factor in (MULTIPLIERS[-1], *reversed(MULTIPLIERS))]
        self.conv1 = nn.Conv2d(config.latent_channels, widths[0], 3, padding=1)
        self.middle = _middle(widths[0])
        layers: list[nn.Module] = []
        for index, (before, outputs) in enumerate(pairwise(widths)):
            inputs = before // 2 if index else before  # upsampling halved the channels
            layers += [ResBlock(inputs if i == 0 else outputs, outputs) for i in range(RES_BLOCKS + 1)]
            if index < len(MULTIPLIERS) - 1:
                layers.append(Resample(outputs, outputs // 2, up=True))
        self.upsamples = nn.Sequential(*layers)
        self.head = _head(widths[-1], config.channels)

    def start(self, z: Tensor) -> Tensor:
        """Run the layers that see the whole image, up to half its size: B x 2C x 4H x 4W."""
        return self.upsamples[:TAIL](self.middle(self.conv1(z)))

    def finish(self, x: Tensor) -> Tensor:
        """Run the rest, which sees no further than ``TAIL_HALO`` rows."""
        return self.head(self.upsamples[TAIL:](x))


class Vae(nn.Module):
    """Images to latents and back."""

    mean: Tensor
    std: Tensor

    def __init__(self, config: VaeConfig) -> None:
        """Build the network; ``load_state_dict(collapse_time(weights))`` sets the weights."""
        super().__init__()
        self.config = config
        z = config.latent_channels
        self.encoder = Encoder(config)
        self.conv1 = nn.Conv2d(2 * z, 2 * z, 1)
        self.conv2 = nn.Conv2d(z, z, 1)
        self.decoder = Decoder(config)
        self.register_buffer("mean", torch.tensor(MEAN[:z]).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD[:z]).view(1, -1, 1, 1), persistent=False)

    @property
    def dtype(self) -> torch.dtype:
        """The dtype that the network computes in."""
        return self.conv2.weight.dtype

    def encode(self, pixels: Tensor, *, strip: int | None = None) -> Tensor:
        """Return normalized latents, the posterior's mean.

        Args:
            pixels: B x 3 x H x W in [-1, 1]; sides multiples of 8.
            strip: latent rows that the first, widest layers see at a time; less memory, the same latents. None for all.

        Returns:
            B x 16 x H/8 x W/8, float32.
        """
        x = _match_memory_format(pixels.to(self.dtype), self.encoder.conv1)
        moments = self.conv1(self.encoder.finish(self._start_in_strips(x, strip)))
        return (moments[:, : self.config.latent_channels].float() - self.mean) / self.std

    def _start_in_strips(self, x: Tensor, strip: int | None) -> Tensor:
        rows = x.shape[-2]
        if strip is None or 8 * strip + 2 * HEAD_HALO >= rows:
            return self.encoder.start(x)
        strips = []
        for top in range(0, rows, 8 * strip):
            bottom = min(rows, top + 8 * strip)
            above, below = max(0, top - HEAD_HALO), min(rows, bottom + HEAD_HALO)
            half = self.encoder.start(x[..., above:below, :])
            strips.append(half[..., (top - above) // 2 : (bottom - above) // 2, :])
        return torch.cat(strips, dim=-2)

    def decode(self, latents: Tensor, *, strip: int | None = None) -> Tensor:
        """Return pixels, not clamped.

        Args:
            latents: B x 16 x H x W, normalized.
            strip: latent rows that the last, widest layers see at a time; less memory, the same image. None for all.

        Returns:
            B x 3 x 8H x 8W, float32.
        """
        z = (latents.float() * self.std + self.mean).to(self.dtype)
        x = self.decoder.start(self.conv2(_match_memory_format(z, self.decoder.conv1)))
        rows = x.shape[-2]
        if strip is None or 4 * strip + 2 * TAIL_HALO >= rows:
            return self.decoder.finish(x).float()
        strips = []
        for top in range(0, rows, 4 * strip):
            bottom = min(rows, top + 4 * strip)
            above, below = max(0, top - TAIL_HALO), min(rows, bottom + TAIL_HALO)
            pixels = self.decoder.finish(x[..., above:below, :])
            strips.append(pixels[..., 2 * (top - above) : 2 * (bottom - above), :].float())
        return torch.cat(strips, dim=-2)


def _match_memory_format(x: Tensor, like: nn.Conv2d) -> Tensor:
    """Return a tensor in channels-last order if the weights are."""
    if like.weight.is_contiguous(memory_format=torch.channels_last):
        return x.contiguous(memory_format=torch.channels_last)
    return x


def collapse_time(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights of the 2-D network: the live (last) time slice of every kernel."""
    collapsed = {}
    for name, weight in weights.items():
        if ".time_conv." in name:
            continue
        if name.endswith(".gamma"):
            collapsed[name] = weight.reshape(-1, 1, 1)
        elif weight.ndim == 5:
            collapsed[name] = weight[:, :, -1].contiguous()
        else:
            collapsed[name] = weight
    return collapsed


@torch.inference_mode()
def decode_each(vae: Vae, latents: Tensor, *, strip: int | None = None) -> list[Tensor]:
    """Return pixels in [-1, 1], (3, 8H, 8W) for each image; one at a time is decoded, which takes less memory."""
    device = vae.conv2.weight.device
    return [vae.decode(item[None].to(device), strip=strip)[0].cpu() for item in latents]

"""Images of fixed prompts and seeds while training: the base model's beside those of the trained one."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from anima_infer.checkpoint import WeightFile, load_vae
from anima_infer.errors import SettingsError
from anima_infer.files import ModelFiles
from anima_infer.images import to_image
from anima_infer.model.inputs import Conditioning
from anima_infer.model.vae import decode_each
from anima_infer.render.job import default_profile, settings_from_profile
from anima_infer.sampling.denoise import denoise
from anima_infer.sampling.settings import RenderSettings
from anima_infer.training.data.prepared import CaptionEncoder, Encoding, open_tokenizers
from anima_infer.training.methods.attaching import Changed, strength
from anima_infer.training.networks import EncodedCaption, TrainingNetworks
from anima_infer.training.spec.definition import PreviewOptions
from anima_prompt.interchange.images import save_image
from anima_prompt.numbers import SIZE, parse_size
from anima_prompt.syntax import weighted_segments

GAP = 8
"""Pixels between images."""


@dataclass(frozen=True, slots=True)
class EncodedPrompt:
    """A prompt, and the weights of its rows, (len(t5),)."""

    caption: EncodedCaption
    weights: Tensor


def preview_settings(options: PreviewOptions, files: ModelFiles) -> tuple[RenderSettings, str]:
    """Return sampling settings and negative prompt: the release's, with the options' changes.

    Raises:
        SettingsError: the size is not one, or a setting is out of range.
    """
    profile, size = default_profile(files), None
    if options.size is not None:
        size = parse_size(options.size)
        if size is None:
            raise SettingsError(f"previews.size is '{options.size}'; expected {SIZE}")
    changes = {} if size is None else {"width": size[0], "height": size[1]}
    settings = settings_from_profile(profile, steps=options.steps, guidance_scale=options.guidance_scale, **changes)
    return settings, ", ".join(profile.negative) if options.negative is None else options.negative


def encode_prompts(texts: Sequence[str], encoding: Encoding) -> list[EncodedPrompt]:
    """Return prompts encoded up to what is trained; the networks are loaded for this and freed again."""
    tokenizers, encoder = open_tokenizers(encoding), CaptionEncoder(encoding)
    encoded = []
    for text in texts:
        tokens = tokenizers.encode([(segment.text, float(segment.weight)) for segment in weighted_segments(text)])
        entry = encoder.entry(tokens.qwen, tokens.t5)
        caption = EncodedCaption(tuple(tokens.t5), entry.get("context"), entry.get("hidden"), tuple(tokens.qwen))
        encoded.append(EncodedPrompt(caption, torch.tensor(tokens.weights)))
    return encoded


class Previews:
    """Renders and writes previews; the VAE is in memory only meanwhile."""

    def __init__(self, options: PreviewOptions, encoding: Encoding, networks: TrainingNetworks, folder: Path) -> None:
        """Encode the prompts.

        Raises:
            SettingsError: a setting is out of range.
        """
        self.options, self.encoding, self.networks, self.folder = options, encoding, networks, folder
        self.settings, negative = preview_settings(options, encoding.files)
        self.prompts = encode_prompts([*options.prompts, negative], encoding)
        self._base: list[Image.Image] | None = None

    def __call__(self, step: int) -> None:
        """Write the previews after a step: a row for each prompt, the base model's image left of the trained one's.

        Raises:
            InferError: the image cannot be written.
        """
        networks = self.networks.trained
        for network in networks:
            network.eval()
        try:
            if self._base is None and any(isinstance(m, Changed) for network in networks for m in network.modules()):
                with ExitStack() as stack:
                    for network in networks:
                        stack.enter_context(strength(network, 0))
                    self._base = self._render()
            images = self._render()
        finally:
            for network in networks:
                network.train()
        rows = [[trained] for trained in images] if self._base is None else list(zip(self._base, images, strict=True))
        save_image(_sheet(rows), self.folder / f"{step:06}.png")

    @torch.no_grad()
    def _render(self) -> list[Image.Image]:
        *prompts, negative = [self._conditioning(prompt) for prompt in self.prompts]
        seeds = [self.options.seed + index for index in range(len(prompts))]
        latents = [
            denoise(self.networks.dit, [prompt], [negative], self.settings, [seed])
            for prompt, seed in zip(prompts, seeds, strict=True)
        ]
        files, dit = self.encoding.files, self.networks.dit
        assert files.vae is not None
        vae = load_vae(WeightFile.open(files.vae), dtype=dit.dtype, device=self.encoding.device)
        return [to_image(pixels) for pixels in decode_each(vae, torch.cat(latents))]

    def _conditioning(self, prompt: EncodedPrompt) -> Conditioning:
        context = self.networks.contexts([prompt.caption])
        weights = prompt.weights[None, :, None].to(context.rows)
        return replace(context, rows=context.rows * weights)


def _sheet(rows: Sequence[Sequence[Image.Image]]) -> Image.Image:
    """Return images in rows and columns on white."""
    width, height = rows[0][0].size
    columns = len(rows[0])
    sheet = Image.new("RGB", (columns * (width + GAP) - GAP, len(rows) * (height + GAP) - GAP), "white")
    for y, row in enumerate(rows):
        for x, image in enumerate(row):
            sheet.paste(image, (x * (width + GAP), y * (height + GAP)))
    return sheet

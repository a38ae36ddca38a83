"""Images of fixed prompts and seeds while training: the base model's beside those of the trained one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from anima_infer.checkpoint import WeightFile, load_text_encoder, load_vae
from anima_infer.errors import SettingsError
from anima_infer.files import ModelFiles
from anima_infer.images import to_image
from anima_infer.model.inputs import Conditioning
from anima_infer.model.vae import decode_each
from anima_infer.render.job import default_profile, settings_from_profile
from anima_infer.sampling.denoise import denoise
from anima_infer.sampling.settings import RenderSettings
from anima_infer.training.methods.attaching import strength
from anima_infer.training.networks import TrainingNetworks
from anima_infer.training.spec.definition import PreviewOptions
from anima_prompt.interchange.images import save_image
from anima_prompt.numbers import SIZE, parse_size
from anima_prompt.syntax import weighted_segments
from anima_prompt.tokens import Tokenizers

GAP = 8
"""Pixels between images."""


@dataclass(frozen=True, slots=True)
class EncodedPrompt:
    """A prompt before the adapter, which may be trained."""

    t5: Tensor
    weights: Tensor
    hidden: Tensor


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


def encode_prompts(texts: Sequence[str], files: ModelFiles, device: torch.device) -> list[EncodedPrompt]:
    """Return prompts as the text encoder reads them; the encoder is loaded for this and freed again."""
    assert files.text is not None and files.qwen_tokenizer is not None and files.t5_tokenizer is not None
    tokenizers = Tokenizers.from_folders(files.qwen_tokenizer, files.t5_tokenizer)
    encoder = load_text_encoder(WeightFile.open(files.text), dtype=torch.float32, device=device)
    encoded = []
    for text in texts:
        tokens = tokenizers.encode([(segment.text, float(segment.weight)) for segment in weighted_segments(text)])
        with torch.no_grad():
            hidden = encoder(torch.tensor([tokens.qwen], device=device))
        ids = torch.tensor([tokens.t5], device=device)
        encoded.append(EncodedPrompt(ids, torch.tensor(tokens.weights, device=device), hidden))
    return encoded


class Previews:
    """Renders and writes previews; the VAE is in memory only meanwhile."""

    def __init__(
        self, options: PreviewOptions, files: ModelFiles, networks: TrainingNetworks, folder: Path, device: torch.device
    ) -> None:
        """Encode the prompts.

        Raises:
            SettingsError: a setting is out of range.
        """
        self.options, self.files, self.networks, self.folder, self.device = options, files, networks, folder, device
        self.settings, negative = preview_settings(options, files)
        self.prompts = encode_prompts([*options.prompts, negative], files, device)
        self._base: list[Image.Image] | None = None

    def __call__(self, step: int) -> None:
        """Write the previews after a step: a row for each prompt, the base model's image left of the trained one's.

        Raises:
            InferError: the image cannot be written.
        """
        networks = (self.networks.dit, self.networks.adapter)
        for network in networks:
            network.eval()
        try:
            if self._base is None and any(True for _ in _changed(self.networks)):
                with strength(networks[0], 0), strength(networks[1], 0):
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
        assert self.files.vae is not None
        vae = load_vae(WeightFile.open(self.files.vae), dtype=self.networks.dit.dtype, device=self.device)
        return [to_image(pixels) for pixels in decode_each(vae, torch.cat(latents))]

    def _conditioning(self, prompt: EncodedPrompt) -> Conditioning:
        rows = self.networks.adapter(prompt.hidden, prompt.t5)
        return Conditioning(rows * prompt.weights[None, :, None].to(rows.dtype), (rows.shape[1],))


def _changed(networks: TrainingNetworks) -> Sequence[torch.nn.Module]:
    from anima_infer.training.methods.attaching import Changed

    return [m for network in (networks.dit, networks.adapter) for m in network.modules() if isinstance(m, Changed)]


def _sheet(rows: Sequence[Sequence[Image.Image]]) -> Image.Image:
    """Return images in rows and columns on white."""
    width, height = rows[0][0].size
    columns = len(rows[0])
    sheet = Image.new("RGB", (columns * (width + GAP) - GAP, len(rows) * (height + GAP) - GAP), "white")
    for y, row in enumerate(rows):
        for x, image in enumerate(row):
            sheet.paste(image, (x * (width + GAP), y * (height + GAP)))
    return sheet

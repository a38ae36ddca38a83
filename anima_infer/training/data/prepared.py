"""Encoding of images and captions, and the samples that training reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from anima_infer.checkpoint import WeightFile, load_text_encoder, load_vae
from anima_infer.errors import TrainingError
from anima_infer.files import ModelFiles
from anima_infer.images import to_pixels
from anima_infer.training.data.buckets import Size, fitted
from anima_infer.training.data.cache import Cache, file_digest, key_of
from anima_infer.training.data.captions import draw_texts
from anima_infer.training.data.images import TrainingImage, unreadable
from anima_infer.training.data.order import mixed
from anima_infer.training.losses import shrink_mask
from anima_infer.training.networks import EncodedCaption
from anima_infer.training.spec.definition import CaptionOptions
from anima_prompt.tokens import T5_END, Tokenizers

Notify = Callable[[str, int, int], None]
"""Progress callback: what is encoded, how many are done, how many there are."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What training reads of an image."""

    image: TrainingImage
    texts: tuple[str, ...]
    latents: str
    """Key of the latents in the cache."""

    flipped: str | None
    captions: tuple[str, ...]
    """Keys of the encoded captions, in the order of the texts."""


@dataclass(frozen=True, slots=True)
class CutCaption:
    """A text that has more tokens than the limit."""

    path: Path
    tokens: int


@dataclass(frozen=True, slots=True)
class PreparedData:
    """Samples, and the cache that contains what they name."""

    samples: tuple[Sample, ...]
    cache: Cache

    def latents(self, key: str) -> tuple[Tensor, Tensor | None]:
        """Return latents (16, h, w) and their mask (1, h, w), float32.

        Raises:
            TrainingError: the entry vanished.
        """
        entry = self._entry(key)
        return entry["latents"], entry.get("mask")

    def caption(self, key: str) -> EncodedCaption:
        """Return an encoded caption.

        Raises:
            TrainingError: the entry vanished.
        """
        entry = self._entry(key)
        return EncodedCaption(tuple(entry["t5"].tolist()), entry.get("hidden"), tuple(entry["qwen"].tolist()))

    def _entry(self, key: str) -> dict[str, Tensor]:
        entry = self.cache.read(key)
        if entry is None:
            raise TrainingError(
                f"{self.cache.path(key)}: is missing or damaged; run 'anima-infer train prepare', then resume"
            )
        return entry


@dataclass(frozen=True, slots=True)
class Encoding:
    """How images and captions are encoded."""

    files: ModelFiles
    device: torch.device
    dtype: torch.dtype
    vae_strip: int | None = None
    text_limit: int = 512
    with_hidden: bool = True
    """Whether captions are stored as hidden states; False where the text encoder is trained."""


def plan_samples(
    images: Sequence[TrainingImage], captions: CaptionOptions, encoding: Encoding, *, seed: int
) -> list[Sample]:
    """Return the samples of images with the keys of their entries; encodes nothing."""
    files = encoding.files
    vae = _digest(files.vae)
    text = [_digest(files.text), *(_digest(tokenizer_file(f)) for f in (files.qwen_tokenizer, files.t5_tokenizer))]
    digests = {path: file_digest(path) for image in images for path in (image.path, image.mask) if path is not None}
    samples = []
    for image in images:
        mask = (digests[image.mask] if image.mask else None, image.folder.alpha_mask)
        parts = (digests[image.path], *image.size, vae, str(encoding.dtype), mask)
        texts = draw_texts(image.caption, captions, seed=mixed(seed, "texts", image.path.name, image.caption))
        keys = tuple(key_of("text", one, *text, encoding.text_limit, encoding.with_hidden) for one in texts)
        flipped = key_of("image", "flipped", *parts) if image.folder.flip else None
        samples.append(Sample(image, texts, key_of("image", *parts), flipped, keys))
    return samples


def _digest(path: Path | None) -> str:
    assert path is not None
    return file_digest(path)


def tokenizer_file(folder: Path | None) -> Path:
    """Return the file of a tokenizer's folder that its ids depend on."""
    assert folder is not None
    candidates = [folder / name for name in ("tokenizer.json", "vocab.json", "spiece.model")]
    return next((path for path in candidates if path.is_file()), candidates[0])


def prepare(
    samples: Sequence[Sample], encoding: Encoding, cache: Cache, *, notify: Notify = lambda *_: None
) -> PreparedData:
    """Encode what the cache lacks, image by image; an interrupted run goes on where it stopped.

    VAE and text encoder are loaded only where something is missing, one after the other, and freed at the end.

    Raises:
        TrainingError: an image cannot be read, or an entry cannot be written.
        CheckpointError: VAE or text encoder cannot be loaded.
    """
    _encode_images(samples, encoding, cache, notify)
    _encode_texts(samples, encoding, cache, notify)
    return PreparedData(tuple(samples), cache)


def _encode_images(samples: Sequence[Sample], encoding: Encoding, cache: Cache, notify: Notify) -> None:
    wanted = {
        key: (sample.image, key == sample.flipped)
        for sample in samples
        for key in (sample.latents, sample.flipped)
        if key is not None
    }
    missing = {key: value for key, value in wanted.items() if not cache.has(key)}
    if not missing:
        return
    assert encoding.files.vae is not None
    vae = load_vae(WeightFile.open(encoding.files.vae), dtype=encoding.dtype, device=encoding.device)
    for number, (key, (image, is_flipped)) in enumerate(missing.items(), start=1):
        pixels, mask = read_image(image, is_flipped=is_flipped)
        with torch.inference_mode():
            latents = vae.encode(pixels.to(encoding.device), strip=encoding.vae_strip)[0].float().cpu()
        cache.write(key, {"latents": latents} | ({} if mask is None else {"mask": mask}))
        notify("images", number, len(missing))


def read_image(image: TrainingImage, *, is_flipped: bool = False) -> tuple[Tensor, Tensor | None]:
    """Return an image at its training size (1, 3, H, W) in [-1, 1], and its mask (1, H / 8, W / 8).

    Raises:
        TrainingError: image or mask cannot be read.
    """
    picture = _opened(image.path, image.size, is_flipped=is_flipped)
    mask = None
    if image.mask is not None:
        mask = _opened(image.mask, image.size, is_flipped=is_flipped).convert("L")
    elif image.folder.alpha_mask and "A" in picture.convert("RGBA").getbands():
        mask = picture.convert("RGBA").getchannel("A")
    return to_pixels(picture), None if mask is None else _latent_mask(mask)


def _opened(path: Path, size: Size, *, is_flipped: bool) -> Image.Image:
    try:
        with Image.open(path) as file:
            image = fitted(
                file.convert("RGBA" if "A" in file.getbands() or "transparency" in file.info else "RGB"), size
            )
    except (OSError, ValueError, SyntaxError) as error:
        raise TrainingError(unreadable(path, error)) from None
    return ImageOps.mirror(image) if is_flipped else image


def _latent_mask(mask: Image.Image) -> Tensor:
    values = torch.from_numpy(np.asarray(mask, dtype=np.float32) / 255)[None]
    return shrink_mask(values, mask.height // 8, mask.width // 8)[0]


def _encode_texts(samples: Sequence[Sample], encoding: Encoding, cache: Cache, notify: Notify) -> None:
    files, tokenizers = encoding.files, _tokenizers(encoding)
    assert files.text is not None
    texts = {key: text for sample in samples for key, text in zip(sample.captions, sample.texts, strict=True)}
    encoder = None
    missing = [key for key in texts if not cache.has(key)]
    for done, key in enumerate(missing, start=1):
        text = texts[key]
        tokens = tokenizers.encode([(text, 1.0)] if text else [])
        entry = _ids(tokens.qwen, tokens.t5, encoding.text_limit)
        if encoding.with_hidden:
            if encoder is None:
                encoder = load_text_encoder(WeightFile.open(files.text), dtype=torch.float32, device=encoding.device)
            with torch.inference_mode():
                entry["hidden"] = encoder(entry["qwen"][None].to(encoding.device))[0].to(encoding.dtype).cpu()
        cache.write(key, entry)
        notify("captions", done, len(missing))


def count_tokens(samples: Sequence[Sample], encoding: Encoding) -> Iterator[CutCaption]:
    """Yield the texts that have more tokens than the limit."""
    if not encoding.text_limit:
        return
    tokenizers = _tokenizers(encoding)
    for path, text in {(sample.image.path, text): None for sample in samples for text in sample.texts}:
        tokens = tokenizers.encode([(text, 1.0)] if text else [])
        longest = max(len(tokens.qwen), len(tokens.t5))
        if longest > encoding.text_limit:
            yield CutCaption(path, longest)


def _tokenizers(encoding: Encoding) -> Tokenizers:
    files = encoding.files
    assert files.qwen_tokenizer is not None and files.t5_tokenizer is not None
    return Tokenizers.from_folders(files.qwen_tokenizer, files.t5_tokenizer)


def _ids(qwen: Sequence[int], t5: Sequence[int], limit: int) -> dict[str, Tensor]:
    """Return ids cut at a limit; T5's list keeps its end."""
    if limit and len(t5) > limit:
        t5 = [*t5[: limit - 1], T5_END]
    if limit:
        qwen = qwen[:limit]
    return {"qwen": torch.tensor(qwen, dtype=torch.long), "t5": torch.tensor(t5, dtype=torch.long)}


def keys_of(samples: Sequence[Sample]) -> list[str]:
    """Return the keys of all entries that samples need."""
    return [key for sample in samples for key in (sample.latents, sample.flipped, *sample.captions) if key is not None]


def counted(samples: Sequence[Sample]) -> Mapping[Size, int]:
    """Return how many images there are of each size, the most frequent first."""
    counts: dict[Size, int] = {}
    for sample in samples:
        counts[sample.image.size] = counts.get(sample.image.size, 0) + 1
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))

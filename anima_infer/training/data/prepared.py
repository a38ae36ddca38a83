"""Encoding of images and captions, and the samples that training reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from anima_infer.checkpoint import WeightFile, load_adapter, load_text_encoder, load_vae
from anima_infer.errors import TrainingError
from anima_infer.files import ModelFiles
from anima_infer.images import to_pixels
from anima_infer.training.data.buckets import Size, fitted
from anima_infer.training.data.cache import Cache, file_digest, key_of
from anima_infer.training.data.captions import draw_texts
from anima_infer.training.data.images import TrainingImage, unreadable
from anima_infer.training.data.order import mixed
from anima_infer.training.losses import shrink_mask
from anima_infer.training.networks import EncodedCaption, empty_caption, encode_captions
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
    empty: str | None = None
    """Key of the empty caption, where captions are encoded by the adapter too."""

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
        t5, qwen = tuple(entry["t5"].tolist()), tuple(entry["qwen"].tolist())
        return EncodedCaption(t5, entry.get("context"), entry.get("hidden"), qwen)

    def empty_caption(self, width: int) -> EncodedCaption:
        """Return the empty caption, encoded as far as the others."""
        return empty_caption(width) if self.empty is None else self.caption(self.empty)

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
    stage: Literal["ids", "hidden", "context"] = "context"
    """How far captions are encoded: up to what is trained. ``context`` is what the DiT reads."""


def plan_samples(
    images: Sequence[TrainingImage], captions: CaptionOptions, encoding: Encoding, *, seed: int
) -> list[Sample]:
    """Return the samples of images with the keys of their entries; encodes nothing."""
    files = encoding.files
    vae = _digest(files.vae)
    text = [_digest(tokenizer_file(folder)) for folder in (files.qwen_tokenizer, files.t5_tokenizer)]
    if encoding.stage != "ids":
        text.append(_digest(files.text))
    if encoding.stage == "context":
        text.append(_digest(files.adapter or files.dit))
    digests = {path: file_digest(path) for image in images for path in (image.path, image.mask) if path is not None}
    samples = []
    for image in images:
        mask = (digests[image.mask] if image.mask else None, image.folder.alpha_mask)
        parts = (digests[image.path], *image.size, vae, str(encoding.dtype), mask)
        texts = draw_texts(image.caption, captions, seed=mixed(seed, "texts", image.path.name, image.caption))
        keys = tuple(key_of("text", one, *text, encoding.text_limit, str(encoding.dtype)) for one in texts)
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
    return PreparedData(tuple(samples), cache, empty_key(encoding))


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
    texts = {key: text for sample in samples for key, text in zip(sample.captions, sample.texts, strict=True)}
    missing = [key for key in texts if not cache.has(key)]
    empty = empty_key(encoding)
    lacks_empty = empty is not None and not cache.has(empty)
    if missing or lacks_empty:
        tokenizers, encoder = open_tokenizers(encoding), CaptionEncoder(encoding)
        for done, key in enumerate(missing, start=1):
            tokens = tokenizers.encode([(texts[key], 1.0)] if texts[key] else [])
            cache.write(key, encoder.entry(*_cut(tokens.qwen, tokens.t5, encoding.text_limit)))
            notify("captions", done, len(missing))
        if empty is not None and lacks_empty:
            cache.write(empty, encoder.entry([], [T5_END]))


class CaptionEncoder:
    """Text encoder and adapter, loaded as far as captions are encoded."""

    def __init__(self, encoding: Encoding) -> None:
        """Load what is needed.

        Raises:
            CheckpointError: a file is missing, damaged or of another model.
        """
        self.stage, self.device, self.dtype, files = encoding.stage, encoding.device, encoding.dtype, encoding.files
        if self.stage != "ids":
            assert files.text is not None
            self.text = load_text_encoder(WeightFile.open(files.text), dtype=torch.float32, device=self.device)
        if self.stage == "context":
            path = files.adapter or files.dit
            assert path is not None
            self.adapter = load_adapter(WeightFile.open(path), dtype=self.dtype, device=self.device)

    @torch.inference_mode()
    def entry(self, qwen: Sequence[int], t5: Sequence[int]) -> dict[str, Tensor]:
        """Return a caption as the cache keeps it; no ids of Qwen mean no hidden state."""
        entry = {"qwen": torch.tensor(qwen, dtype=torch.long), "t5": torch.tensor(t5, dtype=torch.long)}
        if self.stage == "ids":
            return entry
        hidden = torch.zeros(0, self.text.model.config.hidden_size, device=self.device)
        if qwen:
            hidden = self.text(entry["qwen"][None].to(self.device))[0]
        if self.stage == "hidden":
            return entry | {"hidden": hidden.to(self.dtype).cpu()}
        return entry | {"context": encode_captions(self.adapter, [t5], [hidden])[0].cpu()}


def empty_key(encoding: Encoding) -> str | None:
    """Return the key of the empty caption; None where it needs no entry."""
    if encoding.stage != "context":
        return None
    return key_of("text", "empty", _digest(encoding.files.adapter or encoding.files.dit), str(encoding.dtype))


def _cut(qwen: Sequence[int], t5: Sequence[int], limit: int) -> tuple[Sequence[int], Sequence[int]]:
    """Return ids cut at a limit; T5's list keeps its end."""
    if limit and len(t5) > limit:
        t5 = [*t5[: limit - 1], T5_END]
    return (qwen[:limit] if limit else qwen), t5


def count_tokens(samples: Sequence[Sample], encoding: Encoding) -> Iterator[CutCaption]:
    """Yield the texts that have more tokens than the limit."""
    if not encoding.text_limit:
        return
    tokenizers = open_tokenizers(encoding)
    for path, text in {(sample.image.path, text): None for sample in samples for text in sample.texts}:
        tokens = tokenizers.encode([(text, 1.0)] if text else [])
        longest = max(len(tokens.qwen), len(tokens.t5))
        if longest > encoding.text_limit:
            yield CutCaption(path, longest)


def open_tokenizers(encoding: Encoding) -> Tokenizers:
    """Return the tokenizers of a model."""
    files = encoding.files
    assert files.qwen_tokenizer is not None and files.t5_tokenizer is not None
    return Tokenizers.from_folders(files.qwen_tokenizer, files.t5_tokenizer)


def keys_of(samples: Sequence[Sample]) -> list[str]:
    """Return the keys of all entries that samples need."""
    return [key for sample in samples for key in (sample.latents, sample.flipped, *sample.captions) if key is not None]


def counted(samples: Sequence[Sample]) -> Mapping[Size, int]:
    """Return how many images there are of each size, the most frequent first."""
    counts: dict[Size, int] = {}
    for sample in samples:
        counts[sample.image.size] = counts.get(sample.image.size, 0) + 1
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))

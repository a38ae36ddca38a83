"""From a specification to a training that is ready to run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from anima_infer.files import ModelFiles, default_files, find_files
from anima_infer.placement import parse_device, parse_dtype
from anima_infer.training.data.cache import Cache
from anima_infer.training.data.images import TrainingImage, find_images
from anima_infer.training.data.prepared import Encoding, Notify, PreparedData, Sample, keys_of, plan_samples, prepare
from anima_infer.training.running.building import build, trains_text
from anima_infer.training.running.trainer import Preview, Trainer
from anima_infer.training.spec.definition import TrainSpec


@dataclass(frozen=True, slots=True)
class Session:
    """What a specification names, found and checked, before anything is loaded."""

    spec: TrainSpec
    files: ModelFiles
    device: torch.device
    dtype: torch.dtype
    cache: Cache
    images: tuple[TrainingImage, ...]
    validation: tuple[TrainingImage, ...]

    @classmethod
    def open(cls, spec: TrainSpec) -> Session:
        """Find model, images and captions.

        Raises:
            CheckpointError: a part of the model is missing.
            TrainingError: images or captions are missing or cannot be read.
            SettingsError: device or dtype is unknown.
        """
        model = spec.model
        files = default_files() if model.folder is None else find_files(model.folder)
        files = files.require_all(model.folder or "the model")
        if model.checkpoint is not None:
            files = files.with_checkpoint(model.checkpoint)
        folder = spec.validation.folder
        return cls(
            spec,
            files,
            parse_device(model.device),
            parse_dtype(model.dtype, model.device),
            Cache(spec.data.cache or spec.output.folder / "cache"),
            tuple(find_images(spec.data)),
            () if folder is None else tuple(find_images(spec.data, [folder])),
        )

    def encoding(self) -> Encoding:
        """Return how images and captions are encoded."""
        return Encoding(
            self.files,
            self.device,
            self.dtype,
            vae_strip=self.spec.memory.vae_strip or None,
            text_limit=self.spec.data.captions.text_limit,
            with_hidden=not trains_text(self.spec.method),
        )

    def samples(self) -> tuple[list[Sample], list[Sample]]:
        """Return the samples of training and validation with the keys of their entries."""
        captions, encoding = self.spec.data.captions, self.encoding()
        trained, measured = (
            plan_samples(images, captions, encoding, seed=self.spec.seed) for images in (self.images, self.validation)
        )
        return trained, measured

    def prepare(self, notify: Notify = lambda *_: None) -> tuple[PreparedData, PreparedData | None]:
        """Encode what the cache lacks and drop what no sample needs; return data of training and validation.

        Raises:
            TrainingError: an image cannot be read, or an entry cannot be written.
            CheckpointError: VAE or text encoder cannot be loaded.
        """
        trained, measured = self.samples()
        data = prepare([*trained, *measured], self.encoding(), self.cache, notify=notify)
        if self.spec.data.cache is None:  # a folder of the user's may serve several trainings
            self.cache.prune(keys_of(data.samples))
        first = PreparedData(tuple(trained), self.cache)
        return first, PreparedData(tuple(measured), self.cache) if measured else None

    def trainer(
        self,
        data: PreparedData,
        validation: PreparedData | None,
        preview: Callable[[Trainer], Preview] | None = None,
    ) -> Trainer:
        """Load the networks and return a trainer at step 0.

        Raises:
            CheckpointError: a file is missing, damaged or of another model.
            SettingsError: targets, optimizer or attention cannot be used.
        """
        trained = build(self.spec, self.files, device=self.device, dtype=self.dtype)
        trainer = Trainer(
            self.spec, self.files, trained, data, device=self.device, dtype=self.dtype, validation=validation
        )
        if preview is not None:
            trainer.preview = preview(trainer)
        return trainer

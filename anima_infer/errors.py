"""Errors of this package, a branch of the tree in ``anima_prompt.errors``: one line each, for the user."""

from __future__ import annotations

from anima_prompt.errors import AnimaPromptError


class InferError(AnimaPromptError):
    """Base of the errors that this package raises on purpose."""


class CheckpointError(InferError):
    """A weight file is missing, damaged, of another model, or incomplete."""


class LoraError(InferError):
    """A LoRA file is damaged, of another model, or names modules that the model does not have."""


class SettingsError(InferError):
    """A setting is outside what the model or the sampler can do."""


class GridError(InferError):
    """A grid's specification, folder or manifest is wrong."""


class TrainingError(InferError):
    """Training data, a training's state, or its results cannot be read, written or used."""

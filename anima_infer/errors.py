"""Errors that users see: one line that names the thing, what is wrong with it, what is allowed and the next step."""

from __future__ import annotations


class InferError(Exception):
    """Anything that a user can put right."""


class CheckpointError(InferError):
    """A weight file is missing, damaged, of another model, or incomplete."""


class LoraError(InferError):
    """A LoRA file is damaged, of another model, or names modules that the model does not have."""


class SettingsError(InferError):
    """A setting is outside what the model or the sampler can do."""


class GridError(InferError):
    """A grid's specification, folder or manifest is wrong."""


class CheckpointWarning(UserWarning):
    """A weight file is read in the only way that makes sense, but says too little to be sure."""

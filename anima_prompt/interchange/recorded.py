"""What a reader finds in an image or a workflow: prompts, settings, and what it could not read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from anima_prompt.dialects import Dialect, ForeignDialect


@dataclass(frozen=True, slots=True)
class NotRead:
    """A text that comes from a node that cannot be read: the node, its class, and what the text is for."""

    node: str
    kind: str
    role: str

    def __str__(self) -> str:
        return f"text comes from node {self.node} ({self.kind}), not read"


@dataclass(frozen=True, slots=True)
class Recorded:
    """A prompt found in an image or workflow.

    Attributes:
        prompt: the text; None where it could not be read.
        negative: the negative prompt; None where nothing is known of it.
        settings: figures by our names (steps, guidance_scale, sampler, scheduler, shift, width, height, seed), as text.
        model: file name of the checkpoint, empty if unknown.
        role: ``positive`` or ``region``: what ``prompt`` is for.
        place: where in the file it stood, for people (``node 6``).
        source: the program or format that wrote it.
        dialect: that the texts are written in; None if the format does not say.
        not_read: texts that could not be read.
    """

    prompt: str | None
    negative: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    model: str = ""
    role: str = "positive"
    place: str = ""
    source: str = ""
    dialect: Dialect | ForeignDialect | None = None
    not_read: tuple[NotRead, ...] = ()

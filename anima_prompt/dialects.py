"""The front ends whose prompt syntax we read and print.

Knows which markup each front end understands; knows nothing of how the markup is parsed.
Source: shared facts on prompting, sections 2.1-2.3 and 2.5 (engine sources read 2026-11-21).
"""

from __future__ import annotations

from enum import StrEnum

from anima_prompt.errors import DialectError


class Dialect(StrEnum):
    """A front end's reading of weights, escapes and brackets.

    ``comfyui``: explicit weight replaces, bare nesting multiplies by 1.1; no square brackets, no LoRA references.
    ``a1111`` (Forge Neo): nested weights multiply, ``[x]`` divides by 1.1, schedules, alternation, LoRA references.
    ``invokeai``: ``(t)``, ``(t:w)``, nesting and escapes as its pull request 9506 adds them; use ``plain`` before it.
    ``plain`` (diffusers pipelines): every character is literal.
    """

    COMFYUI = "comfyui"
    A1111 = "a1111"
    INVOKEAI = "invokeai"
    PLAIN = "plain"

    @classmethod
    def of(cls, name: str | Dialect) -> Dialect:
        """Return the dialect called ``name``.

        Raises:
            DialectError: no dialect has that name.

        >>> Dialect.of("comfyui")
        <Dialect.COMFYUI: 'comfyui'>
        """
        try:
            return cls(name)
        except ValueError:
            allowed = ", ".join(d.value for d in cls)
            raise DialectError(f"dialect is '{name}'; expected one of {allowed}") from None

    @property
    def label(self) -> str:
        """The front end's name in messages."""
        return _LABELS[self]

    @property
    def reads_weights(self) -> bool:
        """Whether parentheses are markup, and a backslash before one an escape."""
        return self is not Dialect.PLAIN

    @property
    def reads_brackets(self) -> bool:
        """Whether ``[x]``, ``[a:b:0.5]``, ``[a|b]`` and ``<lora:x:1>`` are markup and not literal text."""
        return self is Dialect.A1111

    @property
    def nested_weights_multiply(self) -> bool:
        """Whether ``((a:1.2):1.5)`` is 1.8; elsewhere the innermost explicit weight wins."""
        return self is Dialect.A1111


_LABELS = {
    Dialect.COMFYUI: "ComfyUI",
    Dialect.A1111: "Forge Neo",
    Dialect.INVOKEAI: "InvokeAI",
    Dialect.PLAIN: "plain pipelines such as diffusers",
}


class ForeignDialect(StrEnum):
    """A weight syntax that is read and converted, never written.

    ``novelai``: ``{x}`` multiplies by 1.05, ``[x]`` divides by it, ``1.3::x::`` is a number; parentheses are letters.
    ``compel`` (InvokeAI, diffusers): ``word++`` and ``(words)--`` multiply by 1.1 and 0.9, ``(words)1.3`` by a number.

    Source: the documentation of NovelAI (prompt mixing and emphasis) and of compel (syntax), read 2026-11.
    """

    NOVELAI = "novelai"
    COMPEL = "compel"

    @classmethod
    def named(cls, name: str) -> ForeignDialect | None:
        """Return the dialect of that name; None for an unknown name."""
        return cls(name) if name in tuple(cls) else None

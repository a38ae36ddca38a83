"""Prompt engineering for the Anima text-to-image model.

>>> prompt = Prompt.parse("1girl, masterpiece, long_hair, (smile:1.2), @wlop")
>>> prompt.to_text()
'masterpiece, 1girl, @wlop, long hair, (smile:1.2)'
>>> prompt.set_weight("smile", 2).to_text("a1111")
'masterpiece, 1girl, @wlop, long hair, (smile:2)'
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anima_prompt.compose import Blend, PromptBuilder, blend, describe_character
    from anima_prompt.diagnostics import Diagnostic, Severity
    from anima_prompt.dialects import Dialect
    from anima_prompt.errors import (
        AnimaPromptError,
        DataFileError,
        DialectError,
        InputError,
        LockError,
        PackageError,
        ProfileError,
        PromptError,
        PromptFileError,
        StoreError,
    )
    from anima_prompt.interchange.promptfile import PromptFile, parse_prompt_file, read_prompt_file
    from anima_prompt.interchange.schema import prompt_schema
    from anima_prompt.lint import Document, Linter, Settings
    from anima_prompt.names import name_to_text, text_to_name
    from anima_prompt.profiles import Profile, load_profile, profile_names
    from anima_prompt.prompt import (
        Conversion,
        Prompt,
        Sentence,
        Tag,
        convert,
        format_text,
        print_prompt,
        read,
    )
    from anima_prompt.sections import Section
    from anima_prompt.syntax import Segment, parse, print_tree, weighted_segments
    from anima_prompt.vocabulary import Vocabulary
    from anima_prompt.vocabulary.relations import Relations

__version__ = "0.1.0"

_HOMES = {
    "anima_prompt.compose": ("Blend", "PromptBuilder", "blend", "describe_character"),
    "anima_prompt.diagnostics": ("Diagnostic", "Severity"),
    "anima_prompt.dialects": ("Dialect",),
    "anima_prompt.errors": (
        "AnimaPromptError",
        "DataFileError",
        "DialectError",
        "InputError",
        "LockError",
        "PackageError",
        "ProfileError",
        "PromptError",
        "PromptFileError",
        "StoreError",
    ),
    "anima_prompt.interchange.promptfile": ("PromptFile", "parse_prompt_file", "read_prompt_file"),
    "anima_prompt.interchange.schema": ("prompt_schema",),
    "anima_prompt.lint.document": ("Document", "Settings"),
    "anima_prompt.lint.linter": ("Linter",),
    "anima_prompt.names": ("name_to_text", "text_to_name"),
    "anima_prompt.profiles": ("Profile", "load_profile", "profile_names"),
    "anima_prompt.prompt": (
        "Conversion",
        "Prompt",
        "Sentence",
        "Tag",
        "convert",
        "format_text",
        "print_prompt",
        "read",
    ),
    "anima_prompt.sections": ("Section",),
    "anima_prompt.syntax": ("Segment", "parse", "print_tree", "weighted_segments"),
    "anima_prompt.vocabulary": ("Vocabulary",),
    "anima_prompt.vocabulary.relations": ("Relations",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}
"""Names are imported when they are first used (PEP 562), so that importing the package costs next to nothing."""


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'anima_prompt' has no attribute '{name}'")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


__all__ = [
    "AnimaPromptError",
    "Blend",
    "Conversion",
    "DataFileError",
    "Diagnostic",
    "Dialect",
    "DialectError",
    "Document",
    "InputError",
    "Linter",
    "LockError",
    "PackageError",
    "Profile",
    "ProfileError",
    "Prompt",
    "PromptBuilder",
    "PromptError",
    "PromptFile",
    "PromptFileError",
    "Relations",
    "Section",
    "Segment",
    "Sentence",
    "Settings",
    "Severity",
    "StoreError",
    "Tag",
    "Vocabulary",
    "blend",
    "convert",
    "describe_character",
    "format_text",
    "load_profile",
    "name_to_text",
    "parse",
    "parse_prompt_file",
    "print_prompt",
    "print_tree",
    "profile_names",
    "prompt_schema",
    "read",
    "read_prompt_file",
    "text_to_name",
    "weighted_segments",
]

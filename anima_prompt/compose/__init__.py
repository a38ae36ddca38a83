"""Make prompts in code: a fluent builder, and the ways to blend tags with sentences."""

from anima_prompt.compose.blend import Blend, blend, describe_character
from anima_prompt.compose.builder import PromptBuilder

__all__ = ["Blend", "PromptBuilder", "blend", "describe_character"]

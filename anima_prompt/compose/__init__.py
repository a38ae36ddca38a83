"""Make prompts in code: a fluent builder, and the ways to blend tags with sentences."""

from anima_prompt.compose.blend import Blend, blend
from anima_prompt.compose.builder import PromptBuilder
from anima_prompt.compose.describe import describe_character

__all__ = ["Blend", "PromptBuilder", "blend", "describe_character"]

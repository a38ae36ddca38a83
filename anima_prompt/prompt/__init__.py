"""The structured prompt and its ways in and out: read, print, convert, format."""

from anima_prompt.prompt.convert import Conversion, convert
from anima_prompt.prompt.formatter import format_text
from anima_prompt.prompt.items import Placed
from anima_prompt.prompt.model import Prompt, print_prompt
from anima_prompt.prompt.printer import Printed
from anima_prompt.prompt.reader import Reading, read
from anima_prompt.prompt.tag import Place, PromptRole, Sentence, Tag, Weight

__all__ = [
    "Conversion",
    "Place",
    "Placed",
    "Printed",
    "Prompt",
    "PromptRole",
    "Reading",
    "Sentence",
    "Tag",
    "Weight",
    "convert",
    "format_text",
    "print_prompt",
    "read",
]

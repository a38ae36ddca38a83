"""Prompts in and out of files."""

from anima_prompt.interchange.promptfile import PromptFile, parse_prompt_file, read_prompt_file
from anima_prompt.interchange.schema import prompt_schema
from anima_prompt.interchange.textfile import join_negative, read_text, split_negative, write_text

__all__ = [
    "PromptFile",
    "join_negative",
    "parse_prompt_file",
    "prompt_schema",
    "read_prompt_file",
    "read_text",
    "split_negative",
    "write_text",
]

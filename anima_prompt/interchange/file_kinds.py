"""Which files have prompts, by their endings, and the error for a file without one."""

from anima_prompt.errors import InputError

TEXTS = (".txt", ".caption", ".prompt")
STRUCTURED = (".yaml", ".yml", ".json")
RECORDS = (".jsonl", ".ndjson")
IMAGES = (".png", ".webp", ".jpg", ".jpeg", ".jfif", ".avif", ".gif")


class NoPromptError(InputError):
    """A file has no prompt: an image without metadata, a file of another program.

    A named file is reported; a search of a folder skips it.
    """


class DamagedImageError(NoPromptError):
    """An image cannot be read."""

"""Which files have prompts, by their endings, and what is said of one that has none."""

from anima_prompt.errors import InputError

TEXTS = (".txt", ".caption", ".prompt")
STRUCTURED = (".yaml", ".yml", ".json")
RECORDS = (".jsonl", ".ndjson")
IMAGES = (".png", ".webp", ".jpg", ".jpeg", ".jfif", ".avif", ".gif")


class NoPromptError(InputError):
    """A file has no prompt: an image without metadata, a file of another program.

    Whoever named the file is told; a search of a folder passes over it.
    """


class DamagedImageError(NoPromptError):
    """An image cannot be read."""

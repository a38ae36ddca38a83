"""Every error that the library raises on purpose.

Knows nothing of files, prompts or terminals. Each message is one line that names the thing, the value, what is
allowed and the next step; the command line prints it as it is and exits with 2.
"""


class AnimaPromptError(Exception):
    """Base of all errors raised on purpose; catch it to catch them all."""


class InputError(AnimaPromptError):
    """A file or stream cannot be read as text: missing, too large, binary, wrong encoding."""


class DataFileError(AnimaPromptError):
    """A vocabulary pack or profile file breaks its schema. The message lists every bad row."""


class StoreError(AnimaPromptError):
    """The vocabulary's file is missing, damaged, of another version, or cannot be written."""


class LockError(AnimaPromptError):
    """Another process is writing to the same place."""


class PackageError(AnimaPromptError):
    """An optional package is not installed, or an installed one cannot be imported."""


class PromptFileError(AnimaPromptError):
    """A YAML or JSON prompt file breaks its schema. The message has ``file:line:column``."""


class PromptError(AnimaPromptError, ValueError):
    """A prompt cannot be built as asked: unknown section, empty tag, weight that is not a number."""


class ProfileError(AnimaPromptError):
    """A profile is unknown or a custom one is malformed."""


class DialectError(AnimaPromptError, ValueError):
    """A dialect name is unknown."""

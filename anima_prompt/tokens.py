"""Token ids as the model's two tokenizers make them: Qwen's byte-level BPE and T5's pieces.

Knows tokenizer files and weighted segments; knows nothing of tensors. Needs the package ``tokenizers``. Source: what
ComfyUI 0.29.0 computes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anima_prompt.errors import InputError
from anima_prompt.extras import package_error
from anima_prompt.safe_paths import expand_home, is_file
from anima_prompt.surrogates import reject_surrogates

if TYPE_CHECKING:
    from tokenizers import Tokenizer

QWEN_EMPTY = 151643
"""What Qwen reads where there is nothing to read: ``<|endoftext|>``."""

T5_END = 1
_QWEN_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


TRAINED_ROWS = 512
"""T5 ids that training saw at most; ComfyUI reads more, other programs cut."""

VARIABLE = "ANIMA_MODELS"
"""Environment variable that names the folder of the model's files."""

_FOLDERS = {
    "qwen": ("qwen25_tokenizer", "tokenizer", "tokenizers/qwen3", "qwen3", "qwen"),
    "t5": ("t5_tokenizer", "tokenizer_2", "tokenizers/t5", "t5"),
}


def find_folders(root: Path) -> tuple[Path | None, Path | None]:
    """Return the folders of Qwen's and T5's tokenizers below a folder of ComfyUI, of diffusers, or a plain one."""
    holders = [root, root / "comfy" / "text_encoders", root.parent, root.parent / "comfy" / "text_encoders"]
    found = [
        next((holder / name for holder in holders for name in names if _is_tokenizer(holder / name)), None)
        for names in _FOLDERS.values()
    ]
    return found[0], found[1]


def _is_tokenizer(folder: Path) -> bool:
    return is_file(folder / "tokenizer.json") or is_file(folder / "vocab.json")


@dataclass(frozen=True, slots=True)
class Tokens:
    """A prompt as numbers.

    Attributes:
        qwen: ids for the text encoder; never empty.
        t5: ids for the adapter, the end token last.
        weights: one for every T5 id.
    """

    qwen: tuple[int, ...]
    t5: tuple[int, ...]
    weights: tuple[float, ...]


class Tokenizers:
    """Both tokenizers."""

    def __init__(self, qwen: Tokenizer, t5: Tokenizer) -> None:
        """Hold them; ``from_folders`` reads them."""
        self._qwen, self._t5 = qwen, t5
        self._empty = qwen.token_to_id("<|endoftext|>")

    @classmethod
    def from_folders(cls, qwen: Path, t5: Path) -> Tokenizers:
        """Read both from folders as ComfyUI and diffusers lay them out.

        Raises:
            InputError: a folder holds no tokenizer, or a damaged one.
        """
        return cls(_read(qwen), _read(t5))

    @classmethod
    def find(cls, folder: str | Path | None = None) -> Tokenizers:
        """Read both from wherever they are below a folder, or below the one that the environment names.

        Raises:
            InputError: no folder is named, or one of the two is not there.
        """
        named = folder or os.environ.get(VARIABLE)
        if not named:
            raise InputError(f"no tokenizers are named; give the folder of ComfyUI or of the model, or set {VARIABLE}")
        qwen, t5 = find_folders(expand_home(named))
        if qwen is None or t5 is None:
            gone = "qwen25_tokenizer" if qwen is None else "t5_tokenizer"
            raise InputError(f"{named}: holds no {gone}; both come with ComfyUI, in comfy/text_encoders")
        return cls.from_folders(qwen, t5)

    def count(self, text: str) -> tuple[int, int]:
        """Return how many Qwen and T5 ids a text has by itself, without the end token."""
        tokens = self.encode([(text, 1.0)]) if text else None
        return (0, 0) if tokens is None else (len(tokens.qwen), len(tokens.t5) - 1)

    def encode(self, segments: Iterable[tuple[str, float]]) -> Tokens:
        """Return the ids of weighted segments.

        Each segment is tokenized by itself, as ComfyUI does, so that weights change ids at their edges. Qwen reads no
        weights; T5's end token has weight 1.

        Raises:
            InputError: a text contains half a surrogate pair.
        """
        qwen: list[int] = []
        t5: list[int] = []
        weights: list[float] = []
        for text, weight in segments:
            reject_surrogates(text, "the prompt")
            qwen += self._qwen.encode(text, add_special_tokens=False).ids
            pieces = self._t5.encode(text, add_special_tokens=False).ids
            t5 += pieces
            weights += [weight] * len(pieces)
        empty = QWEN_EMPTY if self._empty is None else self._empty
        return Tokens(tuple(qwen) or (empty,), (*t5, T5_END), (*weights, 1.0))


def _read(folder: Path) -> Tokenizer:
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise package_error(error) from error
    try:
        if (folder / "tokenizer.json").is_file():
            return Tokenizer.from_file(str(folder / "tokenizer.json"))
        if (folder / "vocab.json").is_file() and (folder / "merges.txt").is_file():
            return _byte_level(folder)
    except Exception as error:  # noqa: BLE001  the library raises plain exceptions
        raise InputError(f"{folder}: the tokenizer cannot be read ({error}); fetch it again") from None
    raise InputError(f"{folder}: holds no tokenizer; expected tokenizer.json, or vocab.json and merges.txt")


def _byte_level(folder: Path) -> Tokenizer:
    """Return Qwen's tokenizer from its vocabulary, its merges and the special tokens of its configuration."""
    from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers

    model: Any = models.BPE.from_file(str(folder / "vocab.json"), str(folder / "merges.txt"))
    made = Tokenizer(model)
    made.normalizer = normalizers.NFC()
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_QWEN_SPLIT), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    path = folder / "tokenizer_config.json"
    if path.is_file():
        added = json.loads(path.read_text(encoding="utf-8")).get("added_tokens_decoder", {})
        for _, token in sorted(added.items(), key=lambda pair: int(pair[0])):
            flags = {key: bool(token[key]) for key in ("single_word", "lstrip", "rstrip", "normalized") if key in token}
            made.add_tokens([AddedToken(token["content"], special=bool(token.get("special")), **flags)])
    return made

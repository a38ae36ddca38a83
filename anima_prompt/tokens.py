"""Token ids as the model's two tokenizers make them: Qwen's byte-level BPE and T5's pieces.

Knows tokenizer files and weighted segments; knows nothing of tensors. Needs the package ``tokenizers``. Source: what
ComfyUI 0.29.0 computes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anima_prompt.errors import InputError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

QWEN_EMPTY = 151643
"""What Qwen reads where there is nothing to read: ``<|endoftext|>``."""

T5_END = 1
_QWEN_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


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

    def encode(self, segments: Iterable[tuple[str, float]]) -> Tokens:
        """Return the ids of weighted segments.

        Each segment is tokenized by itself, as ComfyUI does, so that weights change ids at their edges. Qwen reads no
        weights; T5's end token has weight 1.
        """
        qwen: list[int] = []
        t5: list[int] = []
        weights: list[float] = []
        for text, weight in segments:
            qwen += self._qwen.encode(text, add_special_tokens=False).ids
            pieces = self._t5.encode(text, add_special_tokens=False).ids
            t5 += pieces
            weights += [weight] * len(pieces)
        empty = QWEN_EMPTY if self._empty is None else self._empty
        return Tokens(tuple(qwen) or (empty,), (*t5, T5_END), (*weights, 1.0))


def _read(folder: Path) -> Tokenizer:
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise InputError("the package tokenizers is missing; install anima-prompt[tokens]") from None
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

"""Names that are alive on Danbooru and words of English, as hashes: what no rule may take for a misspelling.

The curated packs know 14,000 of Danbooru's names. A text that they do not know may still be a tag, a person or a
series, so a suggestion asks here first. The files say only whether a text is in them; no name can be read from them.
``scripts/build_live_names.py`` writes them, and ``data/README.md`` states source, date and post counts.

Each file is read when the first unknown name asks for it, never at import.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from pathlib import Path

from anima_prompt.errors import DataFileError
from anima_prompt.vocabulary.packs import data_folder

LIVE_NAMES = "tags/live_names.bin"
LIVE_ALIASES = "tags/live_aliases.bin"
ENGLISH_WORDS = "tags/english_words.bin"
NAME_WORDS = "tags/name_words.bin"

_MAGIC = b"anima-prompt hashes 1"
_BUCKETS = 1 << 16


@dataclass(frozen=True, slots=True, eq=False)
class HashSet:
    """A set of texts, of which only hashes are stored: the first bytes of their BLAKE2b digests, sorted.

    Attributes:
        starts: where each bucket starts, counted in hashes; the first two bytes of a hash number its bucket.
        rests: the other bytes of every hash, one after the other.
        width: bytes of a rest. With 6 a hash has 64 bits.
    """

    starts: array[int]
    rests: bytes
    width: int

    def __contains__(self, text: str) -> bool:
        bucket, rest = _hashed(text, self.width)
        width, rests = self.width, self.rests
        return any(
            rests[place * width : (place + 1) * width] == rest
            for place in range(self.starts[bucket], self.starts[bucket + 1])
        )

    def __len__(self) -> int:
        return len(self.rests) // self.width


def is_live(name: str) -> bool:
    """Return whether a canonical name is a live tag of Danbooru, of any category.

    >>> is_live("slowking"), is_live("thighhihgs")
    (True, False)
    """
    return name in _read(LIVE_NAMES)


def is_live_phrase(name: str) -> bool:
    """Say whether a canonical name is a live tag of three words or more, or with a full stop between its words.

    Only such names look like sentences (``wish_you_were_here``) or like two tags (``moka._tapioka``).

    >>> is_live_phrase("are_you_my_master"), is_live_phrase("moka._tapioka"), is_live_phrase("slowking")
    (True, True, False)
    """
    return (name.count("_") > 1 or "._" in name) and is_live(name)


def is_live_alias(name: str) -> bool:
    """Return whether a canonical name is an active alias of a live tag of Danbooru.

    >>> is_live_alias("raindrops"), is_live_alias("slowking")
    (True, False)
    """
    return name in _read(LIVE_ALIASES)


def is_english(word: str) -> bool:
    """Return whether a word of three letters and more is plain English, no name.

    >>> is_english("lantern"), is_english("haruhiko")
    (True, False)
    """
    return word in _read(ENGLISH_WORDS)


def is_word(word: str) -> bool:
    """Return whether a word of four letters and more is English, a name, or a part of a live name.

    >>> is_word("lantern"), is_word("haruhiko"), is_word("umbrela")
    (True, True, False)
    """
    return is_english(word) or word in _read(NAME_WORDS) or is_live(word)


def pack_hashes(texts: Iterable[str], *, width: int, about: str) -> bytes:
    """Return the file of a set of texts: a line that says what it holds, the buckets' sizes, the hashes.

    Args:
        texts: the members.
        width: bytes of a hash behind the two that number its bucket.
        about: source, date and limits, for people who open the file.
    """
    hashes = sorted({_hashed(text, width) for text in texts})
    sizes = bytearray(_BUCKETS)
    for bucket, _ in hashes:
        sizes[bucket] += 1
    head = b"%s width=%d count=%d %s\n" % (_MAGIC, width, len(hashes), about.encode("ascii"))
    return head + bytes(sizes) + b"".join(rest for _, rest in hashes)


def unpack_hashes(data: bytes) -> HashSet:
    """Return the set that :func:`pack_hashes` wrote.

    >>> "smile" in unpack_hashes(pack_hashes(["smile", "hat"], width=6, about="example"))
    True

    Raises:
        ValueError: the bytes are something else, or some are missing.
    """
    head, _, body = data.partition(b"\n")
    if not head.startswith(_MAGIC):
        raise ValueError("the first line is not the one of a hash file")
    fields = dict(field.split(b"=", 1) for field in head.split() if b"=" in field)
    width, count = int(fields.get(b"width", 0)), int(fields.get(b"count", 0))
    if width < 1 or len(body) != _BUCKETS + count * width or sum(body[:_BUCKETS]) != count:
        raise ValueError(f"{len(body)} bytes do not hold {count} hashes of {width} bytes")
    return HashSet(array("I", accumulate(body[:_BUCKETS], initial=0)), body[_BUCKETS:], width)


@cache
def _read(file: str) -> HashSet:
    path: Path = data_folder() / file
    try:
        return unpack_hashes(path.read_bytes())
    except (OSError, ValueError) as error:
        raise DataFileError(f"{path}: cannot be read ({error}); reinstall anima-prompt") from error


def _hashed(text: str, width: int) -> tuple[int, bytes]:
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest[:2], "big"), digest[2 : 2 + width]

"""Hashes of live Danbooru names and of English words, which are never misspellings.

The curated packs have 14,000 of Danbooru's names. Another text may still be a tag, a person or a series, so suggestions
check these files first. They only answer whether they contain a text; no name can be read from them.
``scripts/build_live_names.py`` writes them, and ``data/README.md`` has source, date and post counts.

Each file is read when it is first needed, never at import.
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
    """A set of hashes of texts: the first bytes of their BLAKE2b digests, sorted.

    Attributes:
        starts: start of each bucket, in hashes; the first two bytes of a hash are the number of its bucket.
        rests: the remaining bytes of every hash, concatenated.
        width: number of remaining bytes per hash. With 6 a hash has 64 bits.
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
    """Return whether a canonical name is a live tag of three words or more, or with a full stop between its words.

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
    """Return whether a word of at least three letters is plain English, not a name.

    >>> is_english("lantern"), is_english("haruhiko")
    (True, False)
    """
    return word in _read(ENGLISH_WORDS)


def is_word(word: str) -> bool:
    """Return whether a word of at least four letters is English, a name, or a part of a live name.

    >>> is_word("lantern"), is_word("haruhiko"), is_word("umbrela")
    (True, True, False)
    """
    return is_english(word) or word in _read(NAME_WORDS) or is_live(word)


def pack_hashes(texts: Iterable[str], *, width: int, about: str) -> bytes:
    """Return the file of a set of texts: a header line, the sizes of the buckets, the hashes.

    Args:
        texts: the members.
        width: bytes of a hash after the two of its bucket.
        about: source, date and limits, for the header line.
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
        ValueError: the bytes are not such a file, or incomplete.
    """
    head, _, body = data.partition(b"\n")
    if not head.startswith(_MAGIC):
        raise ValueError("the first line is not that of a hash file")
    fields = dict(field.split(b"=", 1) for field in head.split() if b"=" in field)
    width, count = int(fields.get(b"width", 0)), int(fields.get(b"count", 0))
    if width < 1 or len(body) != _BUCKETS + count * width or sum(body[:_BUCKETS]) != count:
        raise ValueError(f"{len(body)} bytes do not contain {count} hashes of {width} bytes")
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

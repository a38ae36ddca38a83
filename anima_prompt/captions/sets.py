"""A caption, and the captions of a training set.

Frozen: edits are made by :mod:`anima_prompt.captions.edits` and written through :mod:`anima_prompt.captions.journal`.
Paths are strings, as they were found: a set may have a hundred thousand.
"""

from __future__ import annotations

import errno
import os
import stat
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from anima_prompt.captions.discover import Listing, discover
from anima_prompt.captions.encoding import Decoded, decode
from anima_prompt.captions.formats.reader import TEXTS, Content, read_entries
from anima_prompt.captions.formats.values import plain_text
from anima_prompt.extras import package_error

if TYPE_CHECKING:
    import pandas as pd

MOST_BYTES = 16 * 1024 * 1024
"""Largest text file that is read as a caption."""
MOST_TABLE_BYTES = 1024 * 1024 * 1024
_BLOCK = 1 << 16


@dataclass(frozen=True, slots=True)
class Caption:
    """One caption.

    Attributes:
        image: path of its image; None if no image was found.
        source: path of the file that it stands in.
        key: place inside the file: a JSON pointer (``/a.png/0``), ``line 3``, ``row 3``; empty for a text file.
        index: number among the captions of the same image, from 0.
        text: the caption; line ends are line feeds, those at its end are left out.
        line: line of the file on which it starts, from 1.
    """

    image: str | None
    source: str
    key: str
    index: int
    text: str
    line: int = 1

    @property
    def place(self) -> str:
        """File and line, and the key where a line may have several captions."""
        plain = not self.key or self.key.startswith(("line", "row"))
        return f"{self.source}:{self.line}" if plain else f"{self.source}:{self.line}[{self.key}]"


@dataclass(frozen=True, slots=True)
class CaptionSet:
    """The captions of a training set, in a stable order.

    Attributes:
        captions: all of them.
        images: all images of the folders, with and without captions.
        roots: the folders.
        text_caches: cached text encodings by the path of the image without its ending.
        strays: text files without an image next to images; they are not read.
        formats: number of files of each format.
        others: number of files of other programs.
        problems: one line for each file, or part of a file, that cannot be read.
        encodings: files that are not plain UTF-8, each with what it is.
    """

    captions: tuple[Caption, ...] = ()
    images: tuple[str, ...] = ()
    roots: tuple[str, ...] = ()
    text_caches: dict[str, str] = field(default_factory=dict)
    strays: tuple[str, ...] = ()
    formats: dict[str, int] = field(default_factory=dict)
    others: int = 0
    problems: tuple[str, ...] = ()
    encodings: tuple[tuple[str, str], ...] = ()

    @classmethod
    def load(
        cls,
        paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
        *,
        lines: bool = False,
        encoding: str | None = None,
        column: str | None = None,
    ) -> CaptionSet:
        """Read the captions of folders and files.

        Args:
            lines: whether text files have one caption a line.
            encoding: of files that are neither UTF-8 nor UTF-16; the locale's by default.
            column: the column of captions in tables, such as ``text``.

        Raises:
            InputError: a path does not exist. Files that cannot be read are ``problems``.
        """
        several = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
        return _Loader(discover(several), lines=lines, encoding=encoding, column=column).load()

    def __iter__(self) -> Iterator[Caption]:
        return iter(self.captions)

    def __len__(self) -> int:
        return len(self.captions)

    def filter(self, keep: Callable[[Caption], bool]) -> CaptionSet:
        """Return the set with the captions for which ``keep`` is true."""
        return replace(self, captions=tuple(caption for caption in self.captions if keep(caption)))

    def by_source(self) -> dict[str, list[Caption]]:
        """Return the captions of each file."""
        found: dict[str, list[Caption]] = defaultdict(list)
        for caption in self.captions:
            found[caption.source].append(caption)
        return dict(found)

    def by_image(self) -> dict[str, list[Caption]]:
        """Return the captions of each image."""
        found: dict[str, list[Caption]] = defaultdict(list)
        for caption in self.captions:
            if caption.image is not None:
                found[caption.image].append(caption)
        return dict(found)

    def to_frame(self) -> pd.DataFrame:
        """Return a pandas frame, one row for each caption.

        Raises:
            PackageError: pandas is missing.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise package_error(error) from None
        columns = ("image", "source", "key", "index", "line", "text")
        return pd.DataFrame({name: [getattr(caption, name) for caption in self.captions] for name in columns})


class _Loader:
    """Reads the files of a listing, each once."""

    def __init__(self, listing: Listing, *, lines: bool, encoding: str | None, column: str | None) -> None:
        self.listing = listing
        self.lines, self.encoding, self.column = lines, encoding, column
        self.captions: list[Caption] = []
        self.counts: dict[str, int] = defaultdict(int)
        self.formats: dict[str, int] = defaultdict(int)
        self.problems = list(listing.problems)
        self.encodings: list[tuple[str, str]] = []
        self.others = listing.others
        self.images = _Images(listing.images)

    def load(self) -> CaptionSet:
        for path, image in self.listing.texts.items():
            self._text(path, image)
        for path in self.listing.tables:
            self._table(path)
        listing = self.listing
        return CaptionSet(
            tuple(self.captions),
            tuple(listing.images),
            tuple(listing.roots),
            listing.text_caches,
            tuple(listing.strays),
            dict(self.formats),
            self.others,
            tuple(self.problems),
            tuple(self.encodings),
        )

    def _text(self, path: str, image: str | None) -> None:
        decoded = self._decoded(path, MOST_BYTES)
        if decoded is None:
            return
        if not self.lines:
            self.formats["text"] += 1
            self._add(image, path, "", plain_text(decoded.text), 1)
            return
        content = read_entries(decoded, path if path.lower().endswith(TEXTS) else f"{path}.txt", lines=True)
        self._content(path, content, image)

    def _table(self, path: str) -> None:
        decoded = self._decoded(path, MOST_TABLE_BYTES)
        if decoded is None:
            return
        content = read_entries(decoded, path, column=self.column, is_named=path in self.listing.named)
        image = self.images.beside(path)
        if content.errors and not content.entries and not (image or self._must_hold_captions(path)):
            self.others += 1  # broken, but nothing says that it holds captions
            return
        self._content(path, content, image if content.format == "studio" else None)

    def _must_hold_captions(self, path: str) -> bool:
        name = os.path.basename(path).lower()  # noqa: PTH119
        return path in self.listing.named or name.startswith(("captions.", "metadata.", "meta_"))

    def _content(self, path: str, content: Content, image: str | None) -> None:
        self.problems += content.errors
        if not content.format:
            self.others += not content.errors
            return
        self.formats[content.format] += 1
        for entry in content.entries:
            own = self.images.named(entry.image, path) if entry.image else image
            self._add(own, path, entry.key, entry.text, entry.line)

    def _add(self, image: str | None, path: str, key: str, text: str, line: int) -> None:
        name = image or path
        index = self.counts[name]
        self.counts[name] = index + 1
        self.captions.append(Caption(image, path, key, index, text, line))

    def _decoded(self, path: str, limit: int) -> Decoded | None:
        try:
            decoded = decode(read_file(path, limit=limit), encoding=self.encoding)
        except OSError as error:
            self.problems.append(f"{path}: cannot be read ({error.strerror or error})")
            return None
        if decoded.is_guessed:
            self.encodings.append((path, f"not UTF-8 (read as {decoded.encoding})"))
        elif decoded.mark or decoded.encoding != "utf-8":
            mark = " with a byte-order mark" if decoded.mark else ""
            self.encodings.append((path, f"{decoded.encoding.upper()}{mark}"))
        return decoded


class _Images:
    """Finds the images that a metadata file names."""

    def __init__(self, images: Iterable[str]) -> None:
        self._paths: dict[str, str] = {}
        self._stems: dict[str, list[str]] = defaultdict(list)
        self._filled = False
        self._all = images

    def beside(self, path: str) -> str | None:
        """Return the image with the name of a caption file."""
        self._fill()
        return self._paths.get(os.path.normpath(os.path.splitext(path)[0]))  # noqa: PTH122

    def named(self, name: str, path: str) -> str | None:
        """Return the image that a file calls ``name``: a path, relative to the file, with or without its ending."""
        self._fill()
        plain = name.replace("\\", "/")
        for candidate in (plain, os.path.join(os.path.dirname(path), plain)):  # noqa: PTH118, PTH120
            found = self._paths.get(os.path.normpath(candidate))
            if found is not None:
                return found
        same = self._stems.get(plain.rsplit("/", 1)[-1], ())
        return same[0] if len(same) == 1 else None

    def _fill(self) -> None:
        if self._filled:
            return
        self._filled = True
        for image in self._all:
            normal = os.path.normpath(image)
            stem = os.path.splitext(normal)[0]  # noqa: PTH122
            name = os.path.basename(normal)  # noqa: PTH119
            self._paths.setdefault(stem, image)
            self._stems[os.path.splitext(name)[0]].append(image)  # noqa: PTH122
            self._stems[name].append(image)
        for image in self._all:
            self._paths[os.path.normpath(image)] = image


def read_file(path: str, *, limit: int = MOST_TABLE_BYTES) -> bytes:
    """Return the bytes of a regular file.

    Raises:
        OSError: it cannot be read, is not a regular file, or is larger than ``limit``.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0))
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "is not a regular file")
        if status.st_size > limit:
            raise OSError(errno.EFBIG, f"larger than {limit // 1024 // 1024} MiB")
        pieces = [os.read(descriptor, max(_BLOCK, status.st_size + 1))]
        while pieces[-1] and len(pieces[-1]) != status.st_size:
            pieces.append(os.read(descriptor, _BLOCK))
    finally:
        os.close(descriptor)
    return b"".join(pieces)

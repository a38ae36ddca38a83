"""Walk a dataset folder: which files are captions, which images they belong to, and which are other programs' files.

Names decide, so that nothing is opened here; whether a JSON or CSV file contains captions is seen when it is read.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from anima_prompt.captions.formats.reader import TEXTS
from anima_prompt.errors import InputError

IMAGES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif", ".jxl")
_TABLES = (".json", ".jsonl", ".ndjson", ".csv")
TEXT_CACHE = "_anima_te.npz"
"""Ending of sd-scripts' text cache of an image."""

OTHER_FOLDERS = frozenset(
    """
    sample samples preview previews thumbnails thumbs cache caches latents latent_cache logs log mask masks masked
    __pycache__ node_modules
    """.split()
)
"""Folders in which trainers and tools keep what is not trained."""

OTHER_TEXTS = frozenset(
    """
    readme license licence changelog notes note todo requirements tags taglist tag_list taglists all_tags wildcards
    wildcard blacklist whitelist class_tokens classes sample_prompts sample_prompt prompts negative log output
    selected_tags captions_backup summary
    """.split()
)
"""Names of text files that are captions only if an image has the same name."""

MASKS = ("-masklabel", "-condlabel", "_mask", "-mask")
"""Endings of the names of masks and of conditioning images next to images."""

SUFFIXES = ("_short", "_nl", "_long_names", "_long_no_names", "_min_individual_md", "_json_names", "_tags", "_caption")
"""Endings by which tools distinguish several caption files of one image."""


@dataclass(slots=True)
class Listing:
    """The files of dataset folders.

    Attributes:
        texts: caption files and the image of each, None for a caption without an image.
        tables: JSON, JSON lines and CSV files, which may contain captions.
        images: all images.
        text_caches: files of cached text encodings, by image stem.
        others: number of files of other programs.
        strays: text files without an image in a data set that has images; they are not read.
        named: files that the user named, not found in a folder.
        roots: the folders.
        problems: what cannot be listed, one line each.
    """

    texts: dict[str, str | None] = field(default_factory=dict)
    tables: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    text_caches: dict[str, str] = field(default_factory=dict)
    others: int = 0
    strays: list[str] = field(default_factory=list)
    named: set[str] = field(default_factory=set)
    roots: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def discover(paths: Iterable[str | os.PathLike[str]]) -> Listing:
    """Return the files of folders and the files that were named.

    Raises:
        InputError: a path does not exist.
    """
    listing = Listing()
    seen: set[tuple[int, int]] = set()
    read: set[str] = set()
    for path in [os.fspath(path) for path in paths]:
        if os.path.isdir(path):  # noqa: PTH112  strings throughout: there may be a hundred thousand
            listing.roots.append(path)
            loose: list[tuple[str, bool]] = []
            for folder, names in _walk(path, listing, seen):
                loose += _sort(folder, names, listing, read)
            for name, may_be_note in loose:
                _stray(name, listing, may_be_note=may_be_note)
        elif os.path.isfile(path):  # noqa: PTH113
            _named(path, listing, read)
        else:
            raise InputError(f"{path}: no such file or folder; pass a dataset folder or a caption file")
    if not listing.images:
        listing.texts |= dict.fromkeys(listing.strays)
        listing.strays = []
    return listing


def _walk(root: str, listing: Listing, seen: set[tuple[int, int]]) -> Iterator[tuple[str, list[str]]]:
    """Yield folders and the names of their files, in a stable order; links to a folder that was visited are skipped."""
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        try:
            status = os.stat(folder)  # noqa: PTH116
            with os.scandir(folder) as entries:
                ordered = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            listing.problems.append(f"{folder}: cannot be listed ({error.strerror or error})")
            continue
        identity = (status.st_dev, status.st_ino)
        if identity in seen and status.st_ino:
            continue
        seen.add(identity)
        names, folders = [], []
        for entry in ordered:
            if entry.name.startswith("."):
                listing.others += 1
            elif _is_folder(entry):
                if entry.name.lower() not in OTHER_FOLDERS:
                    folders.append(os.path.join(folder, entry.name))  # noqa: PTH118
            elif _is_regular(entry, folder, listing):
                names.append(entry.name)
        waiting += reversed(folders)
        yield folder, names


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is_regular(entry: os.DirEntry[str], folder: str, listing: Listing) -> bool:
    """Return whether an entry is a file; a broken link to a caption or image is a problem."""
    try:
        if entry.is_file():
            return True
        ending = os.path.splitext(entry.name)[1].lower()  # noqa: PTH122
        if entry.is_symlink() and ending in (*TEXTS, *IMAGES):
            path = _join(folder, entry.name)
            listing.problems.append(f"{path}: is a symbolic link to a file that does not exist")
    except OSError:
        pass
    listing.others += 1
    return False


def _sort(folder: str, names: list[str], listing: Listing, read: set[str]) -> list[tuple[str, bool]]:
    """Put the files of one folder where they belong; return the texts without an image."""
    pairs = [os.path.splitext(name) for name in names]  # noqa: PTH122
    pictures = _without_masks([n for n, (_, ending) in zip(names, pairs, strict=True) if ending.lower() in IMAGES])
    listing.images += [_join(folder, name) for name in pictures]
    stems = Stems(pictures)
    loose = []
    for name, (stem, ending) in zip(names, pairs, strict=True):
        kind = ending.lower()
        path = _join(folder, name)
        if kind in TEXTS:
            image = stems.image_of(stem)
            if path in read:
                continue
            if image is None:
                loose.append((path, bool(pictures)))
                continue
            read.add(path)
            listing.texts[path] = _join(folder, image)
        elif kind in _TABLES:
            if path not in read:
                read.add(path)
                listing.tables.append(path)
        elif name.endswith(TEXT_CACHE):
            listing.text_caches[_join(folder, name.removesuffix(TEXT_CACHE))] = path
        elif kind not in IMAGES:
            listing.others += 1
    return loose


def _without_masks(images: list[str]) -> list[str]:
    """Return images without the masks next to them: ``a-masklabel.png``, ``a_mask.png``."""
    if not any(mark in name for name in images for mark in MASKS):
        return images
    stems = {os.path.splitext(name)[0] for name in images}  # noqa: PTH122
    kept = []
    for name in images:
        stem = os.path.splitext(name)[0]  # noqa: PTH122
        if not any(stem.endswith(mark) and stem.removesuffix(mark) in stems for mark in MASKS):
            kept.append(name)
    return kept


def _stray(path: str, listing: Listing, *, may_be_note: bool) -> None:
    """Note a text file without an image: a caption whose image is missing, or a file of another kind."""
    stem = os.path.splitext(os.path.basename(path))[0].lower()  # noqa: PTH119, PTH122
    if stem in OTHER_TEXTS or (not may_be_note and listing.images):
        listing.others += 1
    elif path not in listing.strays:
        listing.strays.append(path)


def _named(path: str, listing: Listing, read: set[str]) -> None:
    """Take a file that the user named."""
    folder, name = os.path.split(path)
    stem, ending = os.path.splitext(name)  # noqa: PTH122
    if path in read:
        return
    read.add(path)
    listing.named.add(path)
    if ending.lower() in _TABLES:
        listing.tables.append(path)
    elif ending.lower() in IMAGES:
        raise InputError(f"{path}: is an image; give its caption file or its folder")
    else:
        stems = Stems(entry for entry in _names(folder) if os.path.splitext(entry)[1].lower() in IMAGES)  # noqa: PTH122
        image = stems.image_of(stem)
        listing.texts[path] = None if image is None else _join(folder, image)


def _join(folder: str, name: str) -> str:
    """Return a path; files of the current folder have no ``./``."""
    return name if folder in ("", os.curdir) else os.path.join(folder, name)  # noqa: PTH118


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder or "."))  # noqa: PTH208
    except OSError:
        return []


class Stems:
    """Images of one folder by the names that their captions may have."""

    def __init__(self, images: Iterable[str]) -> None:
        """Index the images; the first of several with one stem wins."""
        self._exact: dict[str, str] = {}
        self._folded: dict[str, str] = {}
        for name in images:
            stem = os.path.splitext(name)[0]  # noqa: PTH122
            for key in (stem, name):
                self._exact.setdefault(key, name)
                self._folded.setdefault(key.casefold(), name)

    def image_of(self, stem: str) -> str | None:
        """Return the image of a caption's stem: the same name, then another case, then a suffix of a tool."""
        found = self._exact.get(stem) or self._folded.get(stem.casefold())
        if found is None and "_" in stem:
            for suffix in SUFFIXES:
                if stem.endswith(suffix):
                    found = self._exact.get(stem.removesuffix(suffix))
                    if found is not None:
                        break
        return found

"""The images of a data set: files, captions, masks, sizes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from anima_infer.errors import TrainingError
from anima_infer.training.data.buckets import Size, size_for
from anima_infer.training.spec.definition import DataOptions, FolderOptions

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")


@dataclass(frozen=True, slots=True)
class TrainingImage:
    """An image at one of the sizes that it is trained at."""

    path: Path
    caption: str
    """Content of the caption file."""

    size: Size
    folder: FolderOptions
    mask: Path | None = None


def find_images(data: DataOptions, folders: Iterable[FolderOptions] | None = None) -> list[TrainingImage]:
    """Return the images of the specification's folders at all their sizes, in the order of their paths.

    Raises:
        TrainingError: a folder or a caption is missing, or a file cannot be read.
    """
    return [image for folder in (data.folders if folders is None else folders) for image in _in_folder(folder, data)]


def _in_folder(folder: FolderOptions, data: DataOptions) -> list[TrainingImage]:
    if not folder.path.is_dir():
        raise TrainingError(f"{folder.path} is not a folder; pass a folder of images in data.folders")
    files = folder.path.rglob("*") if folder.subfolders else folder.path.iterdir()
    paths = sorted(path for path in files if path.suffix.lower() in SUFFIXES and path.is_file())
    if not paths:
        hint = "" if folder.subfolders else ", or set subfolders: true"
        raise TrainingError(f"{folder.path}: contains no image ({', '.join(SUFFIXES)}); add images{hint}")
    return [
        TrainingImage(path, _caption(path, folder), size, folder, _mask(path, folder))
        for path in paths
        for size in _sizes(path, data)
    ]


def _sizes(path: Path, data: DataOptions) -> list[Size]:
    try:
        with Image.open(path) as image:
            own = Size(*image.size)
    except (OSError, ValueError, SyntaxError) as error:
        raise TrainingError(unreadable(path, error)) from None
    sizes = {
        size_for(own, resolution=resolution, step=data.step, longest=data.longest, upscale=data.upscale)
        for resolution in data.resolution
    }
    return sorted(sizes)


def unreadable(path: Path, error: Exception) -> str:
    """Return the message for a file that is not a readable image."""
    reason = " ".join(str(error).split()).removesuffix(f"'{path}'").strip()
    return f"{path}: cannot be read as an image ({reason}); repair it, or move it out of the folder"


def _caption(path: Path, folder: FolderOptions) -> str:
    file = path.with_suffix(folder.extension)
    try:
        return file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise TrainingError(
            f"{file}: does not exist; write a caption for {path.name}, or set extension to that of the captions"
        ) from None
    except UnicodeDecodeError:
        raise TrainingError(f"{file}: is not UTF-8; save the caption as UTF-8") from None
    except OSError as error:
        raise TrainingError(f"{file}: cannot be read ({error.strerror}); check its permissions") from None


def _mask(path: Path, folder: FolderOptions) -> Path | None:
    if folder.masks is None:
        return None
    for suffix in SUFFIXES:
        mask = folder.masks / f"{path.stem}{suffix}"
        if mask.is_file():
            return mask
    raise TrainingError(f"{folder.masks}: contains no mask for {path.name}; add {path.stem}.png, or remove masks")

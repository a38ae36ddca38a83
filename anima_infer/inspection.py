"""What is in a folder of model files: every part, what is wrong with it, and parts that are in the wrong place.

Reads headers; values are read on request, one tensor at a time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from anima_infer.checkpoint import (
    WeightFile,
    check_part,
    check_parts,
    check_values,
    describe_file,
    find_add_on,
    parts_of,
)
from anima_infer.errors import CheckpointError
from anima_infer.files import PART_FOLDERS, RELEASE_FILES, ModelFiles
from anima_prompt.errors import AnimaPromptError
from anima_prompt.tokens import Tokenizers

NOUNS = {"dit": "DiT", "adapter": "adapter", "text": "text encoder", "vae": "VAE"}
PLACES = {"dit": "diffusion_models", "adapter": "diffusion_models", "text": "text_encoders", "vae": "vae"}
"""ComfyUI's folder of each part, below ``models``."""
_MOST_FILES = 200
"""Headers that are read in search of parts in the wrong place."""


@dataclass(frozen=True, slots=True)
class PartReport:
    """One part of a model: its name, its path, what the file is, and what is wrong, empty if nothing is."""

    name: str
    path: Path | None
    description: str
    problem: str = ""


def inspect_files(files: ModelFiles, *, values: bool = False) -> list[PartReport]:
    """Return a report on every part.

    Args:
        files: of the model.
        values: whether to read all weights too, to find damage and values that are not finite.
    """
    paths = {"dit": files.dit, "adapter": files.adapter or files.dit, "text": files.text, "vae": files.vae}
    reports = [_inspect(part, path, values=values) for part, path in paths.items()]
    if reports[0].problem and files.adapter is None:  # the adapter's report would repeat the DiT's
        del reports[1]
    for name, folder in (("Qwen tokenizer", files.qwen_tokenizer), ("T5 tokenizer", files.t5_tokenizer)):
        reports.append(PartReport(name, folder, "found" if folder else "not found"))
    return reports


def _inspect(part: str, path: Path | None, *, values: bool) -> PartReport:
    noun = NOUNS[part]
    if path is None:
        return PartReport(noun, None, "not found")
    try:
        file = WeightFile.open(path)
        is_inside = part == "adapter" and "dit" in parts_of(file)
        description = "an Anima adapter, in the file of the DiT" if is_inside else describe_file(file)
        problem = wrong_place(file, part)
        if not problem:
            check_part(file, part)
            description += _formats(file)
            if values:
                check_values(file, part)
    except CheckpointError as error:
        problem = str(error).removeprefix(f"{path}: ")
        return PartReport(noun, path, problem, problem)
    return PartReport(noun, path, problem or description, problem)


def _formats(file: WeightFile) -> str:
    """Return the formats of the quantized layers, for people."""
    counts = Counter(
        layer.options.format + (" rotated" if layer.options.rotated else "")
        for layer, _ in file.quantization.layers.values()
    )
    if not counts:
        dtypes = Counter(file.dtypes.values())
        return f", {dtypes.most_common(1)[0][0]}"
    return ", " + ", ".join(f"{count} layers in {name}" for name, count in counts.most_common())


def wrong_place(file: WeightFile, part: str) -> str:
    """Return what a file is and where it belongs, if it does not contain a part; empty if it does."""
    parts = parts_of(file)
    if part in parts:
        return ""
    wanted = f"the {NOUNS[part]} belongs here"
    if part in RELEASE_FILES:
        wanted += f" ({RELEASE_FILES[part]})"
    add_on = find_add_on(file)
    if add_on is not None:
        return f"is {add_on[0]}; it belongs in models/{add_on[1]}, and {wanted}"
    if not parts:
        return f"is {describe_file(file)}; {wanted}"
    if part == "adapter":
        return f"is {describe_file(file)} without the adapter; pass a file that contains it, or put it beside this one"
    return f"is {describe_file(file)}; it belongs in models/{PLACES[parts[0]]}, and {wanted}"


def misplaced_parts(root: Path, files: ModelFiles) -> Iterator[str]:
    """Yield a line for every file in another part's folder, or that is missing elsewhere.

    Args:
        root: folder that was searched.
        files: that were found there.
    """
    chosen = {files.dit, files.text, files.vae, files.adapter}
    lacking = [part for part in ("dit", "text", "vae") if getattr(files, part) is None]
    for folder, path in _candidates(root):
        if path in chosen:
            continue
        try:
            file = WeightFile.open(path)
        except CheckpointError as error:
            if "dit" in lacking and path.suffix == ".gguf":
                yield str(error)
            continue
        parts = parts_of(file)
        if len(parts) == 1 or parts == ("dit", "adapter"):
            here = parts[0]
            description = describe_file(file)
            if folder and folder not in PART_FOLDERS[here]:
                yield f"{path}: is {description}, which belongs in models/{PLACES[here]}; move it there"
            elif here in lacking:
                yield f"{path}: is {description}; rename it to {_findable(path, here)} to use it by default"


def _findable(path: Path, part: str) -> str:
    return f"anima-{path.name}" if part == "dit" else RELEASE_FILES[part]


def _candidates(root: Path) -> Iterator[tuple[str, Path]]:
    """Yield files, each with the folder of ComfyUI that it is in; none for a plain folder."""
    names = dict.fromkeys(name for folders in PART_FOLDERS.values() for name in folders)
    count = 0
    for base in (root, root / "models", root / "split_files"):
        for name in (*names, "loras", "controlnet", "embeddings"):
            folder = base / name
            if not folder.is_dir() or (folder / "config.json").is_file():
                continue
            for path in sorted((*folder.glob("*.safetensors"), *folder.glob("*.gguf"))):
                count += 1
                if count > _MOST_FILES:
                    return
                yield name, path


def fit_problem(files: ModelFiles) -> str:
    """Return why the parts do not fit together, or the tokenizers cannot be read; empty if all is well.

    Every part must have been found and be well in itself.
    """
    assert files.dit is not None and files.text is not None and files.vae is not None
    assert files.qwen_tokenizer is not None and files.t5_tokenizer is not None
    dit = WeightFile.open(files.dit)
    adapter = dit if files.adapter is None else WeightFile.open(files.adapter)
    try:
        check_parts(dit=dit, adapter=adapter, text=WeightFile.open(files.text), vae=WeightFile.open(files.vae))
        Tokenizers.from_folders(files.qwen_tokenizer, files.t5_tokenizer)
    except (CheckpointError, AnimaPromptError) as error:
        return str(error)
    return ""

"""Where the files of a model are: ComfyUI's folders, the diffusers layout, or a plain folder.

Source: what ComfyUI 0.29.0 computes.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from anima_infer.checkpoint import WeightFile, describe_file
from anima_infer.errors import CheckpointError
from anima_prompt.safe_paths import expand_home, is_file, is_folder
from anima_prompt.tokens import VARIABLE, find_folders

HUB = "circlestone-labs/Anima"
PROFILE = "profile.yaml"
DEMO = "anima-tiny"
RELEASE_FILES = {
    "dit": "anima-base-v1.0.safetensors",
    "text": "qwen_3_06b_base.safetensors",
    "vae": "qwen_image_vae.safetensors",
}


_FOLDERS = {
    "dit": ("diffusion_models", "unet", "checkpoints", "transformer", ""),
    "text": ("text_encoders", "clip", "text_encoder", ""),
    "vae": ("vae", ""),
    "adapter": ("text_conditioner", ""),
}


_PATTERNS = {
    "dit": ("anima*.safetensors",),
    "text": ("qwen_3_06b*.safetensors", "qwen3*.safetensors"),
    "vae": ("qwen_image_vae*.safetensors", "qwen_image_vae*.pth", "*vae*.safetensors"),
    "adapter": ("*llm_adapter*.safetensors",),
}


_DIFFUSERS = ("transformer", "text_encoder", "text_conditioner", "vae")


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """Where the parts of a model are; None where nothing was found. The adapter is usually in the DiT's file.

    ``profile`` is a ``profile.yaml`` beside them: the defaults of this model. ``embeddings`` and ``loras`` are the
    folders of textual embeddings and of LoRAs.
    """

    dit: Path | None = None
    text: Path | None = None
    vae: Path | None = None
    adapter: Path | None = None
    qwen_tokenizer: Path | None = None
    t5_tokenizer: Path | None = None
    profile: Path | None = None
    embeddings: Path | None = None
    loras: Path | None = None

    @property
    def is_demo(self) -> bool:
        """Whether this is the demo model that comes with the program."""
        return self.dit is not None and self.dit.parent == demo_folder()

    def missing(self) -> list[str]:
        """Return what is not there, in words with the usual names."""
        named = {
            f"DiT ({RELEASE_FILES['dit']})": self.dit,
            f"text encoder ({RELEASE_FILES['text']})": self.text,
            f"VAE ({RELEASE_FILES['vae']})": self.vae,
            "Qwen tokenizer (folder qwen25_tokenizer)": self.qwen_tokenizer,
            "T5 tokenizer (folder t5_tokenizer)": self.t5_tokenizer,
        }
        return [name for name, path in named.items() if path is None]

    def checkpoints(self) -> list[Path]:
        """Return the files beside the DiT that may be DiTs as well: releases, and models that were made from them."""
        beside = () if self.dit is None else self.dit.parent.glob("*.safetensors")
        return sorted(path for path in beside if path.is_file() and path not in (self.text, self.vae, self.adapter))

    def with_checkpoint(self, named: str) -> ModelFiles:
        """Return these files with another DiT.

        Args:
            named: a file, the name of one that lies beside the DiT, with or without its ending, or a folder with a
                whole model.

        Raises:
            CheckpointError: there is no such file, or the folder misses something.
        """
        path = expand_home(named)
        if is_folder(path):
            return find_files(path).require_all(named)
        beside = self.checkpoints()
        found = path if is_file(path) else next((one for one in beside if named in (one.name, one.stem)), None)
        if found is None:
            names = ", ".join(one.stem for one in beside) or "nothing"
            raise CheckpointError(
                f"checkpoint is '{named}'; expected a DiT file, the folder of a model, or one of {names}"
            )
        return replace(self, dit=found)

    def lora(self, path: Path) -> Path:
        """Return the file of a LoRA: the path itself, or else the one of that name in the folder of LoRAs."""
        if self.loras is None or is_file(path):
            return path
        named = (self.loras / path, self.loras / f"{path}.safetensors")
        return next((one for one in named if is_file(one)), path)

    def require_all(self, where: str) -> ModelFiles:
        """Return this.

        Raises:
            CheckpointError: something is missing.
        """
        gone = self.missing()
        if gone:
            raise CheckpointError(
                f"{where}: misses {', '.join(gone)}; download from huggingface.co/{HUB} (the tokenizers come with "
                f"ComfyUI, in comfy/text_encoders) and see 'anima-infer models check'"
            )
        return self


def find_files(folder: str | Path) -> ModelFiles:
    """Return the model's files in a folder: ComfyUI's, one in the diffusers layout, or a plain one.

    Raises:
        CheckpointError: the folder does not exist.
    """
    root = expand_home(folder)
    if not is_folder(root):
        raise CheckpointError(f"{root}: is no folder; give the folder of ComfyUI, or one that holds the model's files")
    places = [root, root / "models", root / "split_files"]
    found = {kind: _first(kind, places) for kind in _FOLDERS}
    qwen, t5 = find_folders(root)
    profile = root / PROFILE
    own = profile if profile.is_file() else None
    embeddings, loras = (
        next((place / name for place in places if (place / name).is_dir()), None) for name in ("embeddings", "loras")
    )
    return ModelFiles(found["dit"], found["text"], found["vae"], found["adapter"], qwen, t5, own, embeddings, loras)


def _first(kind: str, places: Iterable[Path]) -> Path | None:
    for place in places:
        for name in _FOLDERS[kind]:
            folder = place / name
            if name in _DIFFUSERS and (folder / "config.json").is_file() and any(folder.glob("*.safetensors")):
                return folder
            for pattern in _PATTERNS[kind]:
                matches = sorted(path for path in folder.glob(pattern) if path.is_file())
                exact = [path for path in matches if path.name == RELEASE_FILES.get(kind)]
                if matches:
                    return (exact or matches)[0]
    return None


def default_files() -> ModelFiles:
    """Return the files of the folder that the environment names, or else of the demo model.

    Raises:
        CheckpointError: nothing is named and there is no demo model, or something is missing.
    """
    folder = os.environ.get(VARIABLE)
    if not folder and (demo_folder() / f"{DEMO}.safetensors").is_file():
        return find_files(demo_folder()).require_all(str(demo_folder()))
    if not folder:
        raise CheckpointError(
            f"no model is named; give --models FOLDER or set {VARIABLE} to the folder of ComfyUI or of its files"
        )
    return find_files(folder).require_all(folder)


def demo_folder() -> Path:
    """Return where the demo model lies: in the installed package, or in the project."""
    package = Path(__file__).parent
    installed = package / "data"
    return (installed if installed.is_dir() else package.parent / "data") / "models" / DEMO


def describe_files(files: ModelFiles) -> list[tuple[str, str, str]]:
    """Return part, path, and what is in it or what is wrong with it, for people."""
    rows = []
    for part, path in (
        ("DiT", files.dit),
        ("adapter", files.adapter or files.dit),
        ("text encoder", files.text),
        ("VAE", files.vae),
    ):
        if path is None:
            rows.append((part, "", "not found"))
            continue
        try:
            said = describe_file(WeightFile.open(path))
        except CheckpointError as error:
            said = str(error).removeprefix(f"{path}: ")
        rows.append((part, str(path), said))
    for part, path in (("Qwen tokenizer", files.qwen_tokenizer), ("T5 tokenizer", files.t5_tokenizer)):
        rows.append((part, str(path or ""), "found" if path else "not found"))
    return rows

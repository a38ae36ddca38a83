"""Where the files of a model are: ComfyUI's folders, the diffusers layout, or a plain folder.

Source: ComfyUI 0.29.0 and diffusers 0.42 (names of folders and files).
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

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
PART_FOLDERS = {
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
_SHOWN = 120
"""Characters of a path that a message shows."""
_DIFFUSERS = ("transformer", "text_encoder", "text_conditioner", "vae")


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """Where the parts of a model are; None for a part that was not found.

    Attributes:
        dit, text, vae: DiT, text encoder, VAE.
        adapter: where the adapter is, if not in the DiT's file.
        qwen_tokenizer, t5_tokenizer: folders.
        profile: ``profile.yaml`` in the model's folder, its default settings.
        embeddings, loras: folders of textual embeddings and of LoRAs.
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
        """Return the required parts that were not found, each with its file name in the release."""
        required = {
            f"DiT ({RELEASE_FILES['dit']})": self.dit,
            f"text encoder ({RELEASE_FILES['text']})": self.text,
            f"VAE ({RELEASE_FILES['vae']})": self.vae,
            "Qwen tokenizer (folder qwen25_tokenizer)": self.qwen_tokenizer,
            "T5 tokenizer (folder t5_tokenizer)": self.t5_tokenizer,
        }
        return [name for name, path in required.items() if path is None]

    def require_all(self, source: str) -> ModelFiles:
        """Return self.

        Args:
            source: folder that was searched, for the message.

        Raises:
            CheckpointError: required files are missing; the message names every one.
        """
        missing = self.missing()
        if missing:
            raise CheckpointError(
                f"{source}: missing: {', '.join(missing)}; download from huggingface.co/{HUB} (the tokenizers come "
                f"with ComfyUI, in comfy/text_encoders) and run 'anima-infer models check'"
            )
        return self

    def checkpoints(self) -> list[Path]:
        """Return the files in the DiT's folder that may be DiTs too: other releases, and models made from them."""
        files = () if self.dit is None else self.dit.parent.glob("*.safetensors")
        return sorted(path for path in files if path.is_file() and path not in (self.text, self.vae, self.adapter))

    def with_checkpoint(self, checkpoint: str) -> ModelFiles:
        """Return these files with another DiT.

        Args:
            checkpoint: a file; the name of one in the DiT's folder, with or without suffix; or the folder of a whole
                model.

        Raises:
            CheckpointError: there is no such file, or the folder lacks a part.
        """
        path = expand_home(checkpoint)
        if checkpoint and is_folder(path):
            return find_files(path).require_all(checkpoint)
        candidates = self.checkpoints()
        if is_file(path):
            return replace(self, dit=path)
        dit = next((file for file in candidates if checkpoint in (file.name, file.stem)), None)
        if dit is None:
            names = ", ".join(file.stem for file in candidates) or "none"
            shown = checkpoint[:_SHOWN] if checkpoint.isprintable() else ascii(checkpoint)[1:-1][:_SHOWN]
            raise CheckpointError(
                f"checkpoint '{shown}' does not exist; pass a DiT file, the folder of a model, or a name; "
                f"available names: {names}"
            )
        return replace(self, dit=dit)

    def find_lora(self, path: Path) -> Path:
        """Return the file of a LoRA: the path itself, or the file of that name in the folder of LoRAs."""
        if self.loras is None or is_file(path):
            return path
        candidates = (self.loras / path, self.loras / f"{path}.safetensors")
        return next((file for file in candidates if is_file(file)), path)


def find_files(folder: str | Path) -> ModelFiles:
    """Return the files of the model in a folder: ComfyUI's, one in the diffusers layout, or a plain one.

    Raises:
        CheckpointError: the folder does not exist.
    """
    root = expand_home(folder)
    if not is_folder(root):
        raise CheckpointError(f"{root} is not a folder; pass the ComfyUI folder, or the folder with the model's files")
    roots = [root, root / "models", root / "split_files"]
    parts = {part: _find_part(part, roots) for part in PART_FOLDERS}
    qwen, t5 = find_folders(root)
    profile = root / PROFILE
    embeddings, loras = (
        next((base / name for base in roots if (base / name).is_dir()), None) for name in ("embeddings", "loras")
    )
    return ModelFiles(
        parts["dit"],
        parts["text"],
        parts["vae"],
        parts["adapter"],
        qwen,
        t5,
        profile if profile.is_file() else None,
        embeddings,
        loras,
    )


def _find_part(part: str, roots: Iterable[Path]) -> Path | None:
    for root in roots:
        for name in PART_FOLDERS[part]:
            folder = root / name
            if name in _DIFFUSERS and (folder / "config.json").is_file() and any(folder.glob("*.safetensors")):
                return folder
            for pattern in _PATTERNS[part]:
                matches = sorted(path for path in folder.glob(pattern) if path.is_file())
                exact = [path for path in matches if path.name == RELEASE_FILES.get(part)]
                if matches:
                    return (exact or matches)[0]
    return None


def default_files() -> ModelFiles:
    """Return the files of the folder that the environment variable names, or else of the demo model.

    Raises:
        CheckpointError: no folder is named and there is no demo model, or a required file is missing.
    """
    folder = os.environ.get(VARIABLE)
    if folder:
        return find_files(folder).require_all(folder)
    if (demo_folder() / f"{DEMO}.safetensors").is_file():
        return find_files(demo_folder()).require_all(str(demo_folder()))
    raise CheckpointError(
        f"no model folder; pass --models FOLDER or set {VARIABLE} to the ComfyUI folder or the folder of the files"
    )


def demo_folder() -> Path:
    """Return the folder of the demo model: in the installed package, or in the project."""
    package = Path(__file__).parent
    installed = package / "data"
    return (installed if installed.is_dir() else package.parent / "data") / "models" / DEMO

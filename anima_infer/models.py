"""The parts of a model together: where their files are, what they are, and loading them.

Finds the release's files where ComfyUI, diffusers or a plain folder keep them. Source: what ComfyUI 0.29.0 computes.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from anima_infer.adapter import Adapter
from anima_infer.checkpoint import WeightFile, kind_of, load_adapter, load_dit, load_vae
from anima_infer.dit import Dit
from anima_infer.embeddings import Embeddings
from anima_infer.errors import CheckpointError, SettingsError
from anima_infer.placement import Offload, Placement
from anima_infer.text import Encoder, TextEncoder, load_text_encoder
from anima_infer.vae import Vae
from anima_prompt.errors import AnimaPromptError
from anima_prompt.safe_paths import expand_home, is_file, is_folder
from anima_prompt.tokens import VARIABLE, Tokenizers, find_folders

HUB = "circlestone-labs/Anima"
PROFILE = "profile.yaml"
DEMO = "anima-tiny"
FILES = {
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
_TYPES = {"fp8": torch.bfloat16, "bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}


@dataclass(frozen=True, slots=True)
class Files:
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
            f"DiT ({FILES['dit']})": self.dit,
            f"text encoder ({FILES['text']})": self.text,
            f"VAE ({FILES['vae']})": self.vae,
            "Qwen tokenizer (folder qwen25_tokenizer)": self.qwen_tokenizer,
            "T5 tokenizer (folder t5_tokenizer)": self.t5_tokenizer,
        }
        return [name for name, path in named.items() if path is None]

    def checkpoints(self) -> list[Path]:
        """Return the files beside the DiT that may be DiTs as well: releases, and models that were made from them."""
        beside = () if self.dit is None else self.dit.parent.glob("*.safetensors")
        return sorted(path for path in beside if path.is_file() and path not in (self.text, self.vae, self.adapter))

    def with_checkpoint(self, named: str) -> Files:
        """Return these files with another DiT.

        Args:
            named: a file, the name of one that lies beside the DiT, with or without its ending, or a folder with a
                whole model.

        Raises:
            CheckpointError: there is no such file, or the folder misses something.
        """
        path = expand_home(named)
        if is_folder(path):
            return find(path).complete(named)
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

    def complete(self, where: str) -> Files:
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


def find(folder: str | Path) -> Files:
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
    return Files(found["dit"], found["text"], found["vae"], found["adapter"], qwen, t5, own, embeddings, loras)


def _first(kind: str, places: Iterable[Path]) -> Path | None:
    for place in places:
        for name in _FOLDERS[kind]:
            folder = place / name
            if name in _DIFFUSERS and (folder / "config.json").is_file() and any(folder.glob("*.safetensors")):
                return folder
            for pattern in _PATTERNS[kind]:
                matches = sorted(path for path in folder.glob(pattern) if path.is_file())
                exact = [path for path in matches if path.name == FILES.get(kind)]
                if matches:
                    return (exact or matches)[0]
    return None


@dataclass(slots=True)
class Models:
    """A loaded model.

    Attributes:
        encoder: prompts to contexts.
        dit: the diffusion transformer.
        vae: latents to pixels.
        files: where all of it came from.
    """

    encoder: Encoder
    dit: Dit
    vae: Vae
    files: Files
    placement: Placement = field(default_factory=lambda: Placement(Offload.NONE, torch.device("cpu")))

    @classmethod
    def from_files(
        cls,
        dit: str | Path,
        text: str | Path,
        vae: str | Path,
        *,
        tokenizers: tuple[str | Path, str | Path],
        adapter: str | Path | None = None,
        dtype: str = "auto",
        device: str = "auto",
    ) -> Models:
        """Load the parts from files, or from folders in the diffusers layout.

        Args:
            dit: DiT, with or without the adapter; an all-in-one file serves for all three.
            text: text encoder.
            vae: VAE.
            tokenizers: folders of Qwen's and T5's tokenizers.
            adapter: where the adapter is, if not beside the DiT.
            dtype: ``bf16``, ``fp16``, ``fp32``, or ``auto``: bf16 on an accelerator, fp32 on the CPU.
            device: as PyTorch names it, or ``auto``.

        Raises:
            CheckpointError: a file is missing, damaged or of another model.
            SettingsError: the type or the device is unknown.
        """
        files = Files(
            Path(dit), Path(text), Path(vae), None if adapter is None else Path(adapter), *map(Path, tokenizers)
        )
        return cls.load(files, dtype=dtype, device=device)

    @classmethod
    def from_comfyui(cls, folder: str | Path, *, dtype: str = "auto", device: str = "auto") -> Models:
        """Load the model from where ComfyUI, or any folder that ``find`` understands, keeps it.

        Raises:
            CheckpointError: something is missing or does not fit.
        """
        return cls.load(find(folder).complete(str(folder)), dtype=dtype, device=device)

    @classmethod
    def from_hub(cls, repository: str = HUB, *, dtype: str = "auto", device: str = "auto") -> Models:
        """Load the model from the Hugging Face hub's cache, downloading what is missing.

        The tokenizers are those of ``Qwen/Qwen3-0.6B-Base`` and ``google/t5-v1_1-xxl``. The licence of the weights has
        to be accepted on the hub first.

        Raises:
            CheckpointError: a file cannot be had; the message says what to download and where to put it.
        """
        from huggingface_hub import hf_hub_download, list_repo_files

        wanted = {
            **{kind: (repository, name) for kind, name in FILES.items()},
            "qwen": ("Qwen/Qwen3-0.6B-Base", "tokenizer.json"),
            "t5": ("google/t5-v1_1-xxl", "tokenizer.json"),
        }
        got: dict[str, Path] = {}
        for kind, (place, name) in wanted.items():
            try:
                where = next(path for path in list_repo_files(place) if path.rsplit("/", 1)[-1] == name)
                got[kind] = Path(hf_hub_download(place, where))
            except StopIteration:
                raise CheckpointError(f"{place}: has no {name}; give another repository, or the files") from None
            except Exception as error:  # noqa: BLE001  the hub's errors, and those of the network below it
                reason = " ".join(str(error).split())[:100]
                raise CheckpointError(
                    f"{place}/{name}: cannot be fetched ({reason}); download it from huggingface.co/{place}, put it "
                    f"into a folder, and name that folder by {VARIABLE}"
                ) from None
        files = Files(got["dit"], got["text"], got["vae"], None, got["qwen"].parent, got["t5"].parent)
        return cls.load(files, dtype=dtype, device=device)

    @classmethod
    def load(cls, files: Files, *, dtype: str = "auto", device: str = "auto", offload: str = "none") -> Models:
        """Load what was found.

        The text encoder computes in float32 wherever it can, as the reference does.

        Args:
            files: where the parts are.
            dtype: ``bf16``, ``fp16``, ``fp32``, ``fp8`` (stored so, computed in bf16), or ``auto``.
            device: as PyTorch names it, or ``auto``.
            offload: ``none``; ``parts`` keeps one network at a time on the device; ``blocks`` one block of the DiT.

        Raises:
            CheckpointError: a file is missing, damaged or of another model.
            SettingsError: the type or the device is unknown.
        """
        files = files.complete("the model")
        worker, kind = device_of(device), type_of(dtype, device)
        if offload not in tuple(Offload):
            raise SettingsError(f"offload is '{offload}'; expected one of {', '.join(Offload)}")
        place = worker if offload == Offload.NONE else torch.device("cpu")
        stored = torch.float8_e4m3fn if dtype == "fp8" else None
        assert files.dit is not None and files.text is not None and files.vae is not None
        assert files.qwen_tokenizer is not None and files.t5_tokenizer is not None
        try:
            tokenizers = Tokenizers.from_folders(files.qwen_tokenizer, files.t5_tokenizer)
        except AnimaPromptError as error:
            raise CheckpointError(str(error)) from None
        trunk = WeightFile.of(files.dit)
        dit = load_dit(trunk, dtype=kind, device=place, stored=stored)
        beside = trunk if files.adapter is None else WeightFile.of(files.adapter)
        adapter: Adapter = load_adapter(beside, dtype=kind, device=place)
        text: TextEncoder = load_text_encoder(WeightFile.of(files.text), dtype=torch.float32, device=place)
        vae = load_vae(WeightFile.of(files.vae), dtype=kind, device=place)
        _check_widths(files, dit, adapter, text)
        embeddings = None if files.embeddings is None else Embeddings(files.embeddings)
        encoder = Encoder(tokenizers, text, adapter, embeddings)
        return cls(encoder, dit, vae, files, Placement(Offload(offload), worker))


def _check_widths(files: Files, dit: Dit, adapter: Adapter, text: TextEncoder) -> None:
    pairs = (
        ("the text encoder makes", text.model.config.hidden_size, "the adapter reads", adapter.config.source_width),
        ("the adapter makes", adapter.config.target_width, "the DiT reads", dit.config.context_width),
    )
    for one, width, other, wanted in pairs:
        if width != wanted:
            raise CheckpointError(f"{files.text}: does not fit {files.dit}: {one} {width} values, {other} {wanted}")


def device_of(name: str) -> torch.device:
    """Return a device; ``auto`` is the accelerator if there is one.

    Raises:
        SettingsError: it is unknown, or not there.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = " ".join(str(error).split())[:100]
        raise SettingsError(f"device '{name}' cannot be used ({reason}); expected auto, cpu, cuda or mps") from None
    return device


def type_of(name: str, device: str = "auto") -> torch.dtype:
    """Return the type in which the networks compute.

    Raises:
        SettingsError: it is unknown.
    """
    if name == "auto":
        return torch.float32 if device_of(device).type == "cpu" else torch.bfloat16
    if name not in _TYPES:
        raise SettingsError(f"type is '{name}'; expected auto, {', '.join(_TYPES)}")
    return _TYPES[name]


def default_files() -> Files:
    """Return the files of the folder that the environment names, or else of the demo model.

    Raises:
        CheckpointError: nothing is named and there is no demo model, or something is missing.
    """
    folder = os.environ.get(VARIABLE)
    if not folder and (demo_folder() / f"{DEMO}.safetensors").is_file():
        return find(demo_folder()).complete(str(demo_folder()))
    if not folder:
        raise CheckpointError(
            f"no model is named; give --models FOLDER or set {VARIABLE} to the folder of ComfyUI or of its files"
        )
    return find(folder).complete(folder)


def demo_folder() -> Path:
    """Return where the demo model lies: in the installed package, or in the project."""
    package = Path(__file__).parent
    installed = package / "data"
    return (installed if installed.is_dir() else package.parent / "data") / "models" / DEMO


def described(files: Files) -> list[tuple[str, str, str]]:
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
            said = kind_of(WeightFile.of(path))
        except CheckpointError as error:
            said = str(error).removeprefix(f"{path}: ")
        rows.append((part, str(path), said))
    for part, path in (("Qwen tokenizer", files.qwen_tokenizer), ("T5 tokenizer", files.t5_tokenizer)):
        rows.append((part, str(path or ""), "found" if path else "not found"))
    return rows

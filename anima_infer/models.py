"""The parts of a model together: where their files are, what they are, and loading them.

Finds the release's files where ComfyUI, diffusers or a plain folder keep them. Source: what ComfyUI 0.29.0 computes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import torch

from anima_infer.checkpoint import WeightFile, load_adapter, load_dit, load_vae
from anima_infer.checkpoint.embeddings import Embeddings
from anima_infer.checkpoint.loading import load_text_encoder
from anima_infer.encoder import Encoder
from anima_infer.errors import CheckpointError, SettingsError
from anima_infer.files import HUB, RELEASE_FILES, ModelFiles, find_files
from anima_infer.model.adapter import Adapter
from anima_infer.model.dit import Dit
from anima_infer.model.text import TextEncoder
from anima_infer.model.vae import Vae
from anima_infer.placement import Offload, Placement, parse_device, parse_dtype
from anima_prompt.errors import AnimaPromptError
from anima_prompt.tokens import VARIABLE, Tokenizers


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
    files: ModelFiles
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
        files = ModelFiles(
            Path(dit), Path(text), Path(vae), None if adapter is None else Path(adapter), *map(Path, tokenizers)
        )
        return cls.load(files, dtype=dtype, device=device)

    @classmethod
    def from_comfyui(cls, folder: str | Path, *, dtype: str = "auto", device: str = "auto") -> Models:
        """Load the model from where ComfyUI, or any folder that ``find`` understands, keeps it.

        Raises:
            CheckpointError: something is missing or does not fit.
        """
        return cls.load(find_files(folder).require_all(str(folder)), dtype=dtype, device=device)

    @classmethod
    def from_hub(cls, repository: str = HUB, *, dtype: str = "auto", device: str = "auto") -> Models:
        """Load the model from the Hugging Face hub's cache, downloading what is missing.

        The tokenizers are those of ``Qwen/Qwen3-0.6B-Base`` and ``google/t5-v1_1-xxl``. The license of the weights has
        to be accepted on the hub first.

        Raises:
            CheckpointError: a file cannot be had; the message says what to download and where to put it.
        """
        from huggingface_hub import hf_hub_download, list_repo_files

        wanted = {
            **{kind: (repository, name) for kind, name in RELEASE_FILES.items()},
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
        files = ModelFiles(got["dit"], got["text"], got["vae"], None, got["qwen"].parent, got["t5"].parent)
        return cls.load(files, dtype=dtype, device=device)

    @classmethod
    def load(cls, files: ModelFiles, *, dtype: str = "auto", device: str = "auto", offload: str = "none") -> Models:
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
        files = files.require_all("the model")
        worker, kind = parse_device(device), parse_dtype(dtype, device)
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
        trunk = WeightFile.open(files.dit)
        dit = load_dit(trunk, dtype=kind, device=place, storage_dtype=stored)
        beside = trunk if files.adapter is None else WeightFile.open(files.adapter)
        adapter: Adapter = load_adapter(beside, dtype=kind, device=place)
        text: TextEncoder = load_text_encoder(WeightFile.open(files.text), dtype=torch.float32, device=place)
        vae = load_vae(WeightFile.open(files.vae), dtype=kind, device=place)
        _check_widths(files, dit, adapter, text)
        embeddings = None if files.embeddings is None else Embeddings(files.embeddings)
        encoder = Encoder(tokenizers, text, adapter, embeddings)
        return cls(encoder, dit, vae, files, Placement(Offload(offload), worker))


def _check_widths(files: ModelFiles, dit: Dit, adapter: Adapter, text: TextEncoder) -> None:
    pairs = (
        ("the text encoder makes", text.model.config.hidden_size, "the adapter reads", adapter.config.source_width),
        ("the adapter makes", adapter.config.target_width, "the DiT reads", dit.config.context_width),
    )
    for one, width, other, wanted in pairs:
        if width != wanted:
            raise CheckpointError(f"{files.text}: does not fit {files.dit}: {one} {width} values, {other} {wanted}")

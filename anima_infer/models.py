"""A loaded model: its parts together, and loading them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import torch

from anima_infer.checkpoint import WeightFile, load_adapter, load_dit, load_text_encoder, load_vae
from anima_infer.checkpoint.embeddings import Embeddings
from anima_infer.encoder import PromptEncoder
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
        encoder: prompts to conditionings.
        dit: the diffusion transformer.
        vae: latents to pixels.
        files: that the parts were loaded from.
        placement: brings the networks to the device while they work.
        metadata: header of the DiT's file.
    """

    encoder: PromptEncoder
    dit: Dit
    vae: Vae
    files: ModelFiles
    placement: Placement = field(default_factory=lambda: Placement(Offload.NONE, torch.device("cpu")))
    metadata: dict[str, str] = field(default_factory=dict)

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
            dit: DiT, with or without the adapter; an all-in-one file can be passed for all three.
            text: text encoder.
            vae: VAE.
            tokenizers: folders of Qwen's and T5's tokenizers.
            adapter: file of the adapter, if it is not in the DiT's.
            dtype: ``bf16``, ``fp16``, ``fp32``, or ``auto``: bf16 on an accelerator, fp32 on the CPU.
            device: by PyTorch's name, or ``auto``.

        Raises:
            CheckpointError: a file is missing, damaged or of another model.
            SettingsError: dtype or device is unknown.
        """
        adapter_path = None if adapter is None else Path(adapter)
        files = ModelFiles(Path(dit), Path(text), Path(vae), adapter_path, *map(Path, tokenizers))
        return cls.load(files, dtype=dtype, device=device)

    @classmethod
    def from_comfyui(cls, folder: str | Path, *, dtype: str = "auto", device: str = "auto") -> Models:
        """Load the model from the ComfyUI folder, or from any folder that ``find_files`` understands.

        Raises:
            CheckpointError: a file is missing or does not fit.
        """
        return cls.load(find_files(folder).require_all(str(folder)), dtype=dtype, device=device)

    @classmethod
    def from_hub(cls, repository: str = HUB, *, dtype: str = "auto", device: str = "auto") -> Models:
        """Load the model from the Hugging Face hub's cache, downloading what is missing.

        The tokenizers are those of ``Qwen/Qwen3-0.6B-Base`` and ``google/t5-v1_1-xxl``. The license of the weights has
        to be accepted on the hub first.

        Raises:
            CheckpointError: a file cannot be downloaded; the message says what to download and where to put it.
        """
        paths = {part: _download(repository, name) for part, name in RELEASE_FILES.items()}
        qwen = _download("Qwen/Qwen3-0.6B-Base", "tokenizer.json").parent
        t5 = _download("google/t5-v1_1-xxl", "tokenizer.json").parent
        return cls.load(
            ModelFiles(paths["dit"], paths["text"], paths["vae"], None, qwen, t5), dtype=dtype, device=device
        )

    @classmethod
    def load(cls, files: ModelFiles, *, dtype: str = "auto", device: str = "auto", offload: str = "none") -> Models:
        """Load a model.

        The text encoder computes in float32, as in ComfyUI 0.29.0.

        Args:
            files: where the parts are.
            dtype: ``bf16``, ``fp16``, ``fp32``, ``fp8`` (stored in fp8, computed in bf16), or ``auto``.
            device: by PyTorch's name, or ``auto``.
            offload: ``none``; ``parts`` keeps one network at a time on the device, ``blocks`` one block of the DiT.

        Raises:
            CheckpointError: a file is missing, damaged or of another model.
            SettingsError: dtype, device or offload is unknown.
        """
        files = files.require_all("the model")
        compute_device, compute_dtype = parse_device(device), parse_dtype(dtype, device)
        if offload not in tuple(Offload):
            raise SettingsError(f"offload is '{offload}'; expected one of {', '.join(Offload)}")
        load_device = compute_device if offload == Offload.NONE else torch.device("cpu")
        assert files.dit is not None and files.text is not None and files.vae is not None
        assert files.qwen_tokenizer is not None and files.t5_tokenizer is not None
        try:
            tokenizers = Tokenizers.from_folders(files.qwen_tokenizer, files.t5_tokenizer)
        except AnimaPromptError as error:
            raise CheckpointError(str(error)) from None
        dit_file = WeightFile.open(files.dit)
        storage_dtype = torch.float8_e4m3fn if dtype == "fp8" else None
        dit = load_dit(dit_file, dtype=compute_dtype, device=load_device, storage_dtype=storage_dtype)
        adapter_file = dit_file if files.adapter is None else WeightFile.open(files.adapter)
        adapter = load_adapter(adapter_file, dtype=compute_dtype, device=load_device)
        text = load_text_encoder(WeightFile.open(files.text), dtype=torch.float32, device=load_device)
        vae = load_vae(WeightFile.open(files.vae), dtype=compute_dtype, device=load_device)
        _check_widths(files, dit, adapter, text)
        embeddings = None if files.embeddings is None else Embeddings(files.embeddings)
        encoder = PromptEncoder(tokenizers, text, adapter, embeddings)
        return cls(encoder, dit, vae, files, Placement(Offload(offload), compute_device), dit_file.metadata)


def _download(repository: str, name: str) -> Path:
    """Return a file of a repository, wherever in it it is."""
    from huggingface_hub import hf_hub_download, list_repo_files

    try:
        path = next((path for path in list_repo_files(repository) if path.rsplit("/", 1)[-1] == name), None)
        if path is not None:
            return Path(hf_hub_download(repository, path))
    except Exception as error:  # noqa: BLE001  the hub's errors, and those of the network below it
        reason = " ".join(str(error).split())[:100]
        raise CheckpointError(
            f"{repository}/{name}: cannot be downloaded ({reason}); download it from huggingface.co/{repository}, put "
            f"it into a folder, and set {VARIABLE} to that folder"
        ) from None
    raise CheckpointError(f"{repository}: has no {name}; pass another repository, or the files")


def _check_widths(files: ModelFiles, dit: Dit, adapter: Adapter, text: TextEncoder) -> None:
    text_width, source_width = text.model.config.hidden_size, adapter.config.source_width
    if text_width != source_width:
        raise CheckpointError(
            f"{files.text}: does not fit {files.dit}: the text encoder returns {text_width} values a token, "
            f"the adapter reads {source_width}"
        )
    if adapter.config.target_width != dit.config.context_width:
        raise CheckpointError(
            f"{files.adapter or files.dit}: does not fit {files.dit}: the adapter returns "
            f"{adapter.config.target_width} values a row, the DiT reads {dit.config.context_width}"
        )

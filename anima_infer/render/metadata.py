"""Metadata of a rendered image: the parameters text of A1111, the API workflow of ComfyUI."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anima_infer.files import RELEASE_FILES, ModelFiles
from anima_infer.render.job import Job
from anima_prompt import __version__


def file_names(files: ModelFiles) -> dict[str, str]:
    """Return the file names that a workflow loads; the release's for a file that is not known."""
    paths = {"dit": files.dit, "text": files.text, "vae": files.vae}
    return {part: RELEASE_FILES[part] if path is None else path.name for part, path in paths.items()}


def parameters_text(job: Job, model: str, blocks: int | None = None) -> str:
    """Return the text that A1111-style programs write into images and read from them.

    Args:
        job: of the image.
        model: name of the checkpoint.
        blocks: number of its DiT's blocks, which LoRAs are made for; None if it is not known.
    """
    s = job.settings
    fields = {
        "Steps": s.steps,
        "Sampler": s.sampler,
        "Schedule type": s.scheduler,
        "CFG scale": f"{s.guidance.scale:g}",
        "Seed": job.seed,
        "Size": f"{s.width}x{s.height}",
        "Model": model,
        **({} if blocks is None else {"Blocks": blocks}),
        "Shift": f"{s.shift:g}",
    }
    if s.guidance.zero_star:
        fields["CFG-Zero*"] = "on"
    if s.guidance.apg is not None:
        fields["APG"] = str(s.guidance.apg)
    if s.guidance.interval != (0, 1):
        fields["Guidance interval"] = "{:g}-{:g}".format(*s.guidance.interval)
    if s.denoise < 1:
        fields["Denoising strength"] = f"{s.denoise:g}"
    if job.loras:
        fields["Loras"] = '"' + ", ".join(f"{use.path.stem}: {use.strength:g}" for use in job.loras) + '"'
    fields["Version"] = f"anima-prompt {__version__}"
    line = ", ".join(f"{key}: {value}" for key, value in fields.items())
    negative = f"\nNegative prompt: {job.negative}" if job.negative else ""
    return f"{job.prompt}{negative}\n{line}"


def make_workflow(job: Job, files: Mapping[str, str]) -> dict[str, Any]:
    """Return a ComfyUI API workflow that makes the image of a job; text to image only, without guidance range."""
    s = job.settings
    nodes: dict[str, Any] = {}

    def node(class_type: str, **inputs: Any) -> str:
        name = str(len(nodes) + 1)
        nodes[name] = {"class_type": class_type, "inputs": inputs}
        return name

    model: list[Any] = [node("UNETLoader", unet_name=files["dit"], weight_dtype="default"), 0]
    clip: list[Any] = [node("CLIPLoader", clip_name=files["text"], type="stable_diffusion", device="default"), 0]
    for use in job.loras:
        text_strength = use.strength if use.text_strength is None else use.text_strength
        loader = node(
            "LoraLoader",
            model=model,
            clip=clip,
            lora_name=use.path.name,
            strength_model=use.strength,
            strength_clip=text_strength,
        )
        model, clip = [loader, 0], [loader, 1]
    if s.shift != 3:
        model = [node("ModelSamplingAuraFlow", model=model, shift=s.shift), 0]
    if s.guidance.apg is not None:
        apg = s.guidance.apg
        model = [node("APG", model=model, eta=apg.eta, norm_threshold=apg.threshold, momentum=apg.momentum), 0]
    if s.guidance.zero_star:
        model = [node("CFGZeroStar", model=model), 0]
    positive = node("CLIPTextEncode", clip=clip, text=job.prompt)
    negative = node("CLIPTextEncode", clip=clip, text=job.negative)
    empty = node("EmptyLatentImage", width=s.width, height=s.height, batch_size=1)
    sampled = node(
        "KSampler",
        model=model,
        positive=[positive, 0],
        negative=[negative, 0],
        latent_image=[empty, 0],
        seed=job.seed,
        steps=s.steps,
        cfg=s.guidance.scale,
        sampler_name=s.sampler,
        scheduler=s.scheduler,
        denoise=s.denoise,
    )
    vae = node("VAELoader", vae_name=files["vae"])
    decoded = node("VAEDecode", samples=[sampled, 0], vae=[vae, 0])
    node("SaveImage", images=[decoded, 0], filename_prefix="anima")
    return nodes

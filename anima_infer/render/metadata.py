"""What an image file says of its making: A1111's parameters, ComfyUI's workflow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anima_infer.files import RELEASE_FILES, ModelFiles
from anima_infer.render.job import Job
from anima_prompt import __version__


def file_names(files: ModelFiles) -> dict[str, str]:
    """Return the file names that a workflow asks for; the release's where one is not known."""
    found = {"dit": files.dit, "text": files.text, "vae": files.vae}
    return {part: RELEASE_FILES[part] if path is None else path.name for part, path in found.items()}


def parameters_text(job: Job, model: str) -> str:
    """Return the text that A1111-style programs write into images, and read from them."""
    s = job.settings
    figures = {
        "Steps": s.steps,
        "Sampler": s.sampler,
        "Schedule type": s.scheduler,
        "CFG scale": f"{s.guidance.scale:g}",
        "Seed": job.seed,
        "Size": f"{s.width}x{s.height}",
        "Model": model,
        "Shift": f"{s.shift:g}",
    }
    if s.guidance.zero_star:
        figures["CFG-Zero*"] = "on"
    if s.guidance.apg is not None:
        figures["APG"] = str(s.guidance.apg)
    if s.guidance.interval != (0, 1):
        figures["Guidance interval"] = "{:g}-{:g}".format(*s.guidance.interval)
    if s.denoise < 1:
        figures["Denoising strength"] = f"{s.denoise:g}"
    if job.loras:
        figures["Loras"] = '"' + ", ".join(f"{use.path.stem}: {use.strength:g}" for use in job.loras) + '"'
    figures["Version"] = f"anima-prompt {__version__}"
    line = ", ".join(f"{key}: {value}" for key, value in figures.items())
    negative = f"\nNegative prompt: {job.negative}" if job.negative else ""
    return f"{job.prompt}{negative}\n{line}"


def make_workflow(job: Job, files: Mapping[str, str]) -> dict[str, Any]:
    """Return a ComfyUI API workflow that makes the image of a job; text to image alone, no guidance interval."""
    s = job.settings
    nodes: dict[str, Any] = {}

    def node(kind: str, **inputs: Any) -> str:
        name = str(len(nodes) + 1)
        nodes[name] = {"class_type": kind, "inputs": inputs}
        return name

    model: list[Any] = [node("UNETLoader", unet_name=files["dit"], weight_dtype="default"), 0]
    clip: list[Any] = [node("CLIPLoader", clip_name=files["text"], type="stable_diffusion", device="default"), 0]
    for use in job.loras:
        text = use.strength if use.text is None else use.text
        loader = node(
            "LoraLoader",
            model=model,
            clip=clip,
            lora_name=use.path.name,
            strength_model=use.strength,
            strength_clip=text,
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

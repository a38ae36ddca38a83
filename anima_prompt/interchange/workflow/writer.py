"""Writes a ComfyUI API workflow that makes an image again.

What ComfyUI cannot do is refused, what it does almost is reported in a note; nothing is left out silently. Every
workflow is checked against the facts of ComfyUI's nodes before it is returned. Source: ComfyUI 0.29.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from anima_prompt.dialects import Dialect
from anima_prompt.errors import InputError
from anima_prompt.interchange.generation import SHIFT, Generation
from anima_prompt.interchange.workflow.check import check_workflow
from anima_prompt.interchange.workflow.texts import is_expanded, to_comfyui

BETA57 = (0.5, 0.7)
"""Alpha and beta of RES4LYF's scheduler ``beta57``, which ComfyUI makes by BetaSamplingScheduler."""

DROPS_PENULTIMATE = frozenset({"dpm_2", "dpm_2_ancestral", "uni_pc", "uni_pc_bh2"})
"""Samplers whose schedule KSampler alone makes one step longer, to drop its last sigma above 0."""

NOISY = frozenset(
    "ddpm dpm_2_ancestral dpmpp_2s_ancestral dpmpp_2s_ancestral_cfg_pp er_sde euler_ancestral euler_ancestral_cfg_pp "
    "exp_heun_2_x0_sde lcm res_multistep_ancestral res_multistep_ancestral_cfg_pp sa_solver sa_solver_pece seeds_2 "
    "seeds_3".split()
)
"""Samplers whose step noise ComfyUI draws on the device that samples."""

_EDGE = 0.0001
"""A step at the very edge of the guidance range is guided, so that the ranges without guidance end just before."""


class WorkflowError(InputError):
    """ComfyUI has no nodes that make this image."""


@dataclass(frozen=True, slots=True)
class Workflow:
    """A workflow in the API form, node by id, and notes: what differs from the image, what its reader must do."""

    nodes: dict[str, dict[str, Any]]
    notes: tuple[str, ...] = ()


def write_workflow(generation: Generation, *, prefix: str = "anima") -> Workflow:
    """Return the workflow of an image.

    Args:
        generation: how the image was made.
        prefix: of the file names that ComfyUI writes.

    Raises:
        WorkflowError: ComfyUI cannot make the image; the message says which setting it has no node for.
    """
    _reject(generation)
    writer = _Writer(generation)
    writer.write(prefix)
    problems = check_workflow(writer.nodes)
    if problems:
        raise WorkflowError(f"ComfyUI does not accept this: {'; '.join(problems)}")
    return Workflow(writer.nodes, tuple(dict.fromkeys((*generation.remarks, *writer.notes))))


def _reject(g: Generation) -> None:
    """Refuse what no node does.

    Raises:
        WorkflowError: such a setting is used.
    """
    is_part = g.start_step > 0 or g.end_step is not None
    if g.start is not None and not g.start.image:
        raise WorkflowError("the start image has no file name; pass the name of the file that it was read from")
    if g.zero_if_empty and not g.negative and g.guidance_scale != 1:
        raise WorkflowError("an empty negative prompt encoded as in diffusers has no ComfyUI node; write a negative")
    if is_part and g.denoise < 1:
        raise WorkflowError("a part of the steps together with a denoising strength has no ComfyUI node; drop one")
    if is_part and (g.end_step or g.steps) <= g.start_step:
        raise WorkflowError(f"steps {g.start_step} to {g.end_step} contain no step; ComfyUI samples at least one step")
    if g.scheduler == "kl_optimal" and g.steps == 1:
        raise WorkflowError("kl_optimal with 1 step is not a number in ComfyUI; use 2 or more steps")
    if g.scheduler != "beta57":
        return
    if g.sampler in DROPS_PENULTIMATE:
        raise WorkflowError(
            f"beta57 with {g.sampler} has no node in ComfyUI's core; use the scheduler beta or another sampler"
        )
    if is_part or g.denoise == 0:
        raise WorkflowError("beta57 with a part of the steps or denoise 0 has no ComfyUI node; use the scheduler beta")


class _Writer:
    """Adds nodes one by one; an input that is a link is ``[node, output]``."""

    def __init__(self, generation: Generation) -> None:
        self.image = generation
        self.nodes: dict[str, dict[str, Any]] = {}
        self.notes: list[str] = []

    def node(self, class_type: str, title: str = "", /, **inputs: Any) -> str:
        """Add a node; return its id."""
        number = str(len(self.nodes) + 1)
        self.nodes[number] = {"class_type": class_type, "inputs": inputs}
        if title:
            self.nodes[number]["_meta"] = {"title": title}
        return number

    def write(self, prefix: str) -> None:
        g = self.image
        model, clip = self.models()
        vae = [self.node("VAELoader", vae_name=g.files.vae), 0]
        positive = self.text(clip, g.prompt, "prompt")
        negative = self.text(clip, g.negative, "negative prompt")
        latent = self.latent(vae)
        samples = self.samples(model, {"positive": positive, "negative": negative, "latent_image": latent})
        image = [self.node("VAEDecode", samples=samples, vae=vae), 0]
        self.node("SaveImage", images=image, filename_prefix=prefix)

    def models(self) -> tuple[list[Any], list[Any]]:
        """Add the loaders and what changes the model; return links to model and text encoder."""
        g = self.image
        stored = "fp8_e4m3fn" if g.dtype == "fp8" else "default"
        model: list[Any] = [self.node("UNETLoader", unet_name=g.files.dit, weight_dtype=stored), 0]
        clip: list[Any] = [
            self.node("CLIPLoader", clip_name=g.files.text, type="stable_diffusion", device="default"), 0
        ]  # fmt: skip
        if g.dtype in ("bf16", "fp16", "fp32"):
            model = [self.node("ModelComputeDtype", model=model, dtype=g.dtype), 0]
        for lora in g.loras:
            strengths = {"strength_model": lora.strength, "strength_clip": lora.text_strength}
            loader = self.node("LoraLoader", model=model, clip=clip, lora_name=lora.name, **strengths)
            model, clip = [loader, 0], [loader, 1]
        if g.shift != SHIFT:
            model = [self.node("ModelSamplingAuraFlow", model=model, shift=g.shift), 0]
        if g.apg is not None:
            apg = {"eta": g.apg.eta, "norm_threshold": g.apg.threshold, "momentum": g.apg.momentum}
            model = [self.node("APG", model=model, **apg), 0]
        if g.zero_star:
            model = [self.node("CFGZeroStar", model=model), 0]
        return self.range(model), clip

    def range(self, model: list[Any]) -> list[Any]:
        """Add the guidance range: scale 1 outside it."""
        low, high = self.image.interval
        if self.image.guidance_scale == 1:
            return model
        if low > 0:
            end = max(low - _EDGE, 0.0)
            model = [self.node("CFGOverride", model=model, cfg=1.0, start_percent=0.0, end_percent=round(end, 6)), 0]
        if high < 1:
            start = min(high + _EDGE, 1.0)
            model = [self.node("CFGOverride", model=model, cfg=1.0, start_percent=round(start, 6), end_percent=1.0), 0]
        return model

    def text(self, clip: list[Any], text: str, role: str) -> list[Any]:
        """Add a text in ComfyUI's markup."""
        dialect = self.image.dialect
        written = to_comfyui(text, dialect)
        if written is None:
            raise WorkflowError(f"the {role} cannot be written in ComfyUI's markup; write it for the dialect comfyui")
        if dialect is Dialect.A1111 and ("<lora:" in text or "BREAK" in text or "AND" in text):
            self.notes.append(f"<lora:...>, BREAK and AND in the {role} stay text, as in the image")
        if is_expanded(written):
            self.notes.append(
                f"the {role} has {{...}} or a comment, which ComfyUI's editor replaces; queue the file by the API"
            )
        return [self.node("CLIPTextEncode", role.capitalize(), clip=clip, text=written), 0]

    def latent(self, vae: list[Any]) -> list[Any]:
        """Add what sampling starts from."""
        g = self.image
        if g.start is None:
            return [self.node("EmptyLatentImage", width=g.width, height=g.height, batch_size=1), 0]
        image = [self.node("LoadImage", image=g.start.image), 0]
        scaled = self.node(
            "ImageScale", image=image, upscale_method="lanczos", width=g.width, height=g.height, crop="disabled"
        )
        latent = [self.node("VAEEncode", pixels=[scaled, 0], vae=vae), 0]
        names = g.start.image
        if g.start.mask is not None:
            mask = [self.node("LoadImageMask", image=g.start.mask, channel="red"), 0]
            latent = [self.node("SetLatentNoiseMask", samples=latent, mask=mask), 0]
            names = f"{names} and {g.start.mask}"
            if not g.start.mask_is_gray:
                self.notes.append(f"{g.start.mask} has colors, of which ComfyUI reads red alone; save it as grayscale")
        self.notes.append(f"copy {names} into ComfyUI's folder 'input'")
        return latent

    def samples(self, model: list[Any], conditioned: Mapping[str, list[Any]]) -> list[Any]:
        """Add the sampler; return a link to its latents."""
        g = self.image
        named = {"sampler_name": g.sampler, "scheduler": g.scheduler}
        if g.scheduler == "beta57":
            return self.custom_samples(model, conditioned)
        if g.start_step > 0 or g.end_step is not None:
            end = g.steps if g.end_step is None else g.end_step
            part = {"start_at_step": g.start_step, "end_at_step": end}
            part |= {"add_noise": "enable", "return_with_leftover_noise": "enable"}  # type: ignore[dict-item]
            inputs = {"noise_seed": g.seed, "steps": g.steps, "cfg": g.guidance_scale, **named, **part}
            return [self.node("KSamplerAdvanced", _sampler_title(g), model=model, **conditioned, **inputs), 0]
        figures = {"seed": g.seed, "steps": g.steps, "cfg": g.guidance_scale, "denoise": g.denoise}
        return [self.node("KSampler", _sampler_title(g), model=model, **conditioned, **figures, **named), 0]

    def custom_samples(self, model: list[Any], conditioned: Mapping[str, list[Any]]) -> list[Any]:
        """Add a sampler with the sigmas of beta57, which KSampler's list has only with RES4LYF."""
        g = self.image
        alpha, beta = BETA57
        steps = g.steps if g.denoise > 0.9999 else int(g.steps / g.denoise)
        sigmas = [self.node("BetaSamplingScheduler", model=model, steps=steps, alpha=alpha, beta=beta), 0]
        if g.skipped_sigmas:
            sigmas = [self.node("SplitSigmas", sigmas=sigmas, step=g.skipped_sigmas), 1]
        sampler = [self.node("KSamplerSelect", sampler_name=g.sampler), 0]
        self.notes.append("the scheduler beta57 is written as BetaSamplingScheduler with alpha 0.5 and beta 0.7")
        figures = {"add_noise": True, "noise_seed": g.seed, "cfg": g.guidance_scale}
        sampled = self.node(
            "SamplerCustom", _sampler_title(g), model=model, sampler=sampler, sigmas=sigmas, **conditioned, **figures
        )
        return [sampled, 0]


def _sampler_title(generation: Generation) -> str:
    """Return the sampler's title, which warns of step noise; empty for ComfyUI's own."""
    return f"{generation.sampler}: on a GPU, step noise and details differ" if generation.sampler in NOISY else ""

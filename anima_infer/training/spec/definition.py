"""All options of a training.

Names and defaults are this project's; ``sd_scripts`` in the table names the option of sd-scripts that does the same.
Defaults follow the author of the model: base release, no adapter, rank 32 with alpha as the rank, learning rate 2e-5.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from anima_infer.training.losses import Distance, ThresholdSchedule
from anima_infer.training.spec.options import option
from anima_infer.training.timesteps import Method, Rounding, Weighting

ADAPTERS = ("lora", "loha", "lokr")


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """The model that is trained."""

    folder: str | None = option(
        "ComfyUI folder, or folder of the model's files; as --models of the other commands", default=None
    )
    checkpoint: str | None = option(
        "DiT to train: a file, or the name of one in the folder",
        default=None,
        sd_scripts="--pretrained_model_name_or_path",
    )
    device: str = option("device by PyTorch's name, or auto", default="auto")
    dtype: Literal["auto", "bf16", "fp32"] = option(
        "dtype of the frozen networks and of the computation; auto: bf16 on an accelerator, fp32 on the CPU",
        default="auto",
        sd_scripts="--mixed_precision",
    )
    attention: Literal["auto", "torch", "flash"] = option(
        "attention kernel; auto: PyTorch's, and plain products on the CPU, whose fused gradient is slow",
        default="auto",
        sd_scripts="--attn_mode",
    )


@dataclass(frozen=True, slots=True)
class FolderOptions:
    """A folder of images with captions beside them."""

    path: Path = option("folder", sd_scripts="image_dir")
    repeats: int = option("times that each image is seen in an epoch", default=1, low=1, sd_scripts="num_repeats")
    extension: str = option("suffix of the caption files", default=".txt", sd_scripts="caption_extension")
    subfolders: bool = option("read the folders in it too", default=False)
    flip: bool = option("show each image mirrored half of the time", default=False, sd_scripts="flip_aug")
    masks: Path | None = option("folder of masks with the images' names; white counts", default=None)
    alpha_mask: bool = option("use the images' transparency as the mask", default=False, sd_scripts="alpha_mask")
    timestep_offset: float = option(
        "moves the noise levels of these images: added to the normal before the logistic function",
        default=0.0,
        low=-1,
        high=1,
        needs={"timesteps.method": ("sigmoid", "shift", "flux_shift")},
        sd_scripts="custom_attributes.timestep_sampling.offset",
    )


@dataclass(frozen=True, slots=True)
class CaptionOptions:
    """What is done to captions before the networks read them."""

    lines: Literal["all", "first", "random"] = option(
        "several lines: one caption (all), the first line alone, or a random line for each variant",
        default="all",
        sd_scripts="--enable_wildcard (random)",
    )
    variants: int = option(
        "texts drawn from each caption before training, so that they can be cached", default=1, low=1
    )
    shuffle: Literal["none", "general", "tags"] = option(
        "shuffle tags: the general ones alone, or all that stand after keep",
        default="none",
        sd_scripts="shuffle_caption",
    )
    keep: int = option(
        "tags at the start that are neither shuffled nor dropped", default=0, low=0, sd_scripts="keep_tokens"
    )
    keep_separator: str = option(
        "text that ends the part that is neither shuffled nor dropped; always removed",
        default="|||",
        sd_scripts="keep_tokens_separator",
    )
    tag_dropout: float = option(
        "share of the tags after keep that is dropped",
        default=0.0,
        low=0,
        high=1,
        sd_scripts="caption_tag_dropout_rate",
    )
    prefix: str = option("text in front of every caption, with its comma", default="", sd_scripts="caption_prefix")
    dropout: float = option(
        "share of the steps that see the empty caption, for guidance",
        default=0.1,
        low=0,
        high=1,
        sd_scripts="caption_dropout_rate",
    )
    text_limit: int = option(
        "tokens of either tokenizer beyond which a caption is cut; 0: never",
        default=512,
        low=0,
        sd_scripts="--t5_max_token_length",
    )


@dataclass(frozen=True, slots=True)
class DataOptions:
    """Images and captions."""

    folders: tuple[FolderOptions, ...] = option("folders of images")
    resolution: tuple[int, ...] = option(
        "side of a square with the wanted area; every image is seen at each of several",
        default=(1024,),
        low=64,
        sd_scripts="resolution",
    )
    step: int = option(
        "sides are multiples of this, itself a multiple of 16", default=64, low=16, sd_scripts="bucket_reso_steps"
    )
    longest: float = option("most that one side may be of the other", default=4.0, low=1)
    upscale: bool = option(
        "enlarge images that are smaller than the area", default=False, sd_scripts="bucket_no_upscale (its opposite)"
    )
    captions: CaptionOptions = option("captions", default=CaptionOptions)
    cache: Path | None = option("folder of encoded images and captions; by default in the output folder", default=None)


@dataclass(frozen=True, slots=True)
class RuleOptions:
    """Settings of the modules whose whole name matches."""

    match: str = option("regular expression", sd_scripts="network_reg_dims, network_reg_lrs")
    rank: int | None = option("rank of these modules", default=None, low=1)
    alpha: float | None = option("alpha of these modules; 0: their rank", default=None, low=0)
    rate: float | None = option("learning rate of these modules; 0 leaves them out", default=None, low=0)


@dataclass(frozen=True, slots=True)
class TargetOptions:
    """Which modules get an adapter."""

    preset: Literal["attn", "attn-mlp", "all", "official"] = option(
        "224, 280 (as sd-scripts), 448 (with modulation) or 508 (with the text adapter) modules of 28 blocks",
        default="attn-mlp",
    )
    include: tuple[str, ...] = option(
        "patterns of modules in addition to the preset's", default=(), sd_scripts="include_patterns"
    )
    exclude: tuple[str, ...] = option("patterns of modules left out", default=(), sd_scripts="exclude_patterns")
    rules: tuple[RuleOptions, ...] = option(
        "ranks, alphas and rates by pattern; the first that matches counts", default=()
    )


@dataclass(frozen=True, slots=True)
class GroupRates:
    """Learning rates of parts of the DiT in full fine-tuning; 0 freezes a part."""

    self_attn: float | None = option("self-attention", default=None, low=0, sd_scripts="--self_attn_lr")
    cross_attn: float | None = option("cross-attention", default=None, low=0, sd_scripts="--cross_attn_lr")
    mlp: float | None = option("feed-forward layers", default=None, low=0, sd_scripts="--mlp_lr")
    modulation: float | None = option("modulation by the noise level", default=None, low=0, sd_scripts="--mod_lr")
    adapter: float | None = option(
        "the text adapter; frozen by default", default=0.0, low=0, sd_scripts="--llm_adapter_lr"
    )


@dataclass(frozen=True, slots=True)
class MethodOptions:
    """What is trained."""

    kind: Literal["lora", "loha", "lokr", "full"] = option(
        "adapter (lora, loha, lokr), or the weights themselves (full)", default="lora", sd_scripts="--network_module"
    )
    rank: int = option(
        "rank of the adapter; for lokr, half of a factor or more makes w2 whole",
        default=32,
        low=1,
        needs={"method.kind": ADAPTERS},
        sd_scripts="--network_dim",
    )
    alpha: float = option(
        "numerator of the scale alpha / rank; 0: the rank",
        default=0.0,
        low=0,
        needs={"method.kind": ADAPTERS},
        sd_scripts="--network_alpha",
    )
    factor: int = option(
        "size of lokr's first factor; -1: as near to a square as possible",
        default=-1,
        low=-1,
        needs={"method.kind": ("lokr",)},
        sd_scripts="factor",
    )
    dropout: float = option(
        "share of the values between the factors that is dropped",
        default=0.0,
        low=0,
        high=0.99,
        needs={"method.kind": ("lora",)},
        sd_scripts="--network_dropout",
    )
    rank_dropout: float = option(
        "share of the ranks (lora) or of the output rows (loha, lokr) that is dropped",
        default=0.0,
        low=0,
        high=0.99,
        needs={"method.kind": ADAPTERS},
        sd_scripts="rank_dropout",
    )
    module_dropout: float = option(
        "share of the modules that is left out in a step",
        default=0.0,
        low=0,
        high=0.99,
        needs={"method.kind": ADAPTERS},
        sd_scripts="module_dropout",
    )
    targets: TargetOptions = option("modules that are trained", default=TargetOptions, needs={"method.kind": ADAPTERS})
    start: Path | None = option(
        "adapter file to continue from", default=None, needs={"method.kind": ADAPTERS}, sd_scripts="--network_weights"
    )
    rates: GroupRates = option("learning rates by part", default=GroupRates, needs={"method.kind": ("full",)})
    storage: Literal["fp32", "bf16"] = option(
        "dtype of the trained weights; fp32 needs twice the memory", default="fp32", needs={"method.kind": ("full",)}
    )
    rounding: Literal["stochastic", "compensated"] = option(
        "how small updates reach bf16 weights: rounded at random, or with what was lost kept in a second bf16 buffer",
        default="stochastic",
        needs={"method.kind": ("full",), "method.storage": ("bf16",)},
    )


@dataclass(frozen=True, slots=True)
class TimestepOptions:
    """Noise levels."""

    method: Method = option("distribution of the noise levels", default="sigmoid", sd_scripts="--timestep_sampling")
    scale: float = option(
        "deviation of the normal; the author uses 1.3",
        default=1.0,
        low=0,
        open_low=True,
        needs={"timesteps.method": ("sigmoid", "shift", "flux_shift")},
        sd_scripts="--sigmoid_scale",
    )
    shift: float = option(
        "moves noise levels towards noise (above 1)",
        default=1.0,
        low=0,
        open_low=True,
        needs={"timesteps.method": ("shift", "sigma")},
        sd_scripts="--discrete_flow_shift",
    )
    weighting: Weighting = option(
        "weight of the loss by noise level (sigma_sqrt, cosmap); density of sigma sampling (logit_normal, mode)",
        default="none",
        sd_scripts="--weighting_scheme",
    )
    mean: float = option(
        "mean of logit_normal", default=0.0, needs={"timesteps.weighting": ("logit_normal",)}, sd_scripts="--logit_mean"
    )
    deviation: float = option(
        "deviation of logit_normal",
        default=1.0,
        low=0,
        open_low=True,
        needs={"timesteps.weighting": ("logit_normal",)},
        sd_scripts="--logit_std",
    )
    mode_scale: float = option(
        "strength of mode", default=1.29, needs={"timesteps.weighting": ("mode",)}, sd_scripts="--mode_scale"
    )
    rounding: Rounding = option(
        "sd-scripts: round timesteps to bf16 before they are divided by 1,000, as it does", default="none"
    )


@dataclass(frozen=True, slots=True)
class LossOptions:
    """Distance between the predicted and the true velocity."""

    distance: Distance = option("l2, l1, huber or smooth_l1", default="l2", sd_scripts="--loss_type")
    threshold: float = option(
        "difference at which huber and smooth_l1 turn from squared to absolute",
        default=0.1,
        low=0,
        open_low=True,
        needs={"loss.distance": ("huber", "smooth_l1")},
        sd_scripts="--huber_c",
    )
    threshold_scale: float = option(
        "factor of the threshold",
        default=1.0,
        low=0,
        open_low=True,
        needs={"loss.distance": ("huber", "smooth_l1")},
        sd_scripts="--huber_scale",
    )
    threshold_schedule: ThresholdSchedule = option(
        "exponential: as sd-scripts, where it makes the threshold practically 1 times the scale",
        default="constant",
        needs={"loss.distance": ("huber", "smooth_l1")},
        sd_scripts="--huber_schedule",
    )


@dataclass(frozen=True, slots=True)
class OptimizerOptions:
    """The optimizer."""

    kind: str = option(
        "adamw, adafactor, or the dotted name of a PyTorch optimizer class",
        default="adamw",
        sd_scripts="--optimizer_type",
    )
    rate: float = option("learning rate", default=2e-5, low=0, open_low=True, sd_scripts="--learning_rate")
    betas: tuple[float, ...] = option(
        "decay of the two moments", default=(0.9, 0.99), low=0, high=1, needs={"optimizer.kind": ("adamw",)}
    )
    eps: float = option("added to the denominator", default=1e-8, low=0, needs={"optimizer.kind": ("adamw",)})
    decay: float = option("weight decay", default=0.01, low=0)
    clip: float = option(
        "norm that gradients are clipped to; 0: never", default=1.0, low=0, sd_scripts="--max_grad_norm"
    )
    lora_plus: float = option(
        "factor of the learning rate of the second factors (LoRA+)",
        default=1.0,
        low=0,
        open_low=True,
        needs={"method.kind": ADAPTERS},
        sd_scripts="loraplus_lr_ratio",
    )
    fused_backward: bool = option(
        "update each weight as soon as its gradient is known, and free the gradient",
        default=False,
        needs={"method.kind": ("full",)},
        sd_scripts="--fused_backward_pass",
    )


@dataclass(frozen=True, slots=True)
class ScheduleOptions:
    """Length of the training and course of the learning rate."""

    steps: int | None = option("optimizer steps", default=None, low=1, sd_scripts="--max_train_steps")
    epochs: int | None = option(
        "times through the data, instead of steps", default=None, low=1, sd_scripts="--max_train_epochs"
    )
    batch: int = option("images of a batch", default=1, low=1, sd_scripts="--train_batch_size")
    accumulate: int = option("batches of a step", default=1, low=1, sd_scripts="--gradient_accumulation_steps")
    kind: Literal["constant", "linear", "cosine"] = option(
        "course of the learning rate after the warm-up", default="constant", sd_scripts="--lr_scheduler"
    )
    warmup: float = option(
        "steps in which the learning rate rises; below 1, a share of all steps",
        default=0.0,
        low=0,
        sd_scripts="--lr_warmup_steps",
    )


@dataclass(frozen=True, slots=True)
class MemoryOptions:
    """What is traded for memory."""

    checkpointing: bool = option(
        "compute each block again in the backward pass instead of keeping its values",
        default=True,
        sd_scripts="--gradient_checkpointing",
    )
    vae_strip: int = option(
        "latent rows that the VAE's widest layers see at a time; 0: all",
        default=0,
        low=0,
        sd_scripts="--vae_chunk_size",
    )


@dataclass(frozen=True, slots=True)
class ValidationOptions:
    """Loss of images that are not trained on, at fixed noise."""

    folder: FolderOptions | None = option("folder of images", default=None)
    every: int = option("steps between two measurements", default=100, low=1, sd_scripts="--validate_every_n_steps")
    quantiles: tuple[float, ...] = option(
        "places in the distribution of noise levels that are measured", default=(0.1, 0.3, 0.5, 0.7, 0.9), low=0, high=1
    )


@dataclass(frozen=True, slots=True)
class PreviewOptions:
    """Images of fixed prompts and seeds while training, with the adapter and without."""

    prompts: tuple[str, ...] = option("texts", default=(), sd_scripts="--sample_prompts")
    negative: str | None = option("negative prompt; by default that of the release", default=None)
    every: int = option("steps between two previews", default=250, low=1, sd_scripts="--sample_every_n_steps")
    seed: int = option("seed of the first prompt; the next ones count up", default=1, low=0)
    size: str | None = option("WIDTHxHEIGHT; by default that of the release", default=None)
    steps: int | None = option("sampling steps; by default those of the release", default=None, low=1)
    guidance_scale: float | None = option("CFG; by default that of the release", default=None, low=0)


@dataclass(frozen=True, slots=True)
class OutputOptions:
    """What is written."""

    folder: Path = option("folder of results, log, previews and states", sd_scripts="--output_dir")
    name: str = option("name of the result", default="anima-lora", sd_scripts="--output_name")
    format: Literal["kohya", "comfyui", "diffusers", "peft"] = option(
        "spelling of the adapter's names", default="kohya", needs={"method.kind": ADAPTERS}
    )
    dtype: Literal["bf16", "fp16", "fp32"] = option(
        "dtype of the result", default="bf16", sd_scripts="--save_precision"
    )
    save_every: int = option(
        "steps between two saved results; 0: the last alone", default=0, low=0, sd_scripts="--save_every_n_steps"
    )
    keep: int = option("saved results that are kept; 0: all", default=0, low=0, sd_scripts="--save_last_n_steps")
    state_every: int = option("steps between two states to resume from; 0: at the end alone", default=250, low=0)
    most_not_finite: int = option("losses in a row that may be not finite before training stops", default=10, low=1)


@dataclass(frozen=True, slots=True)
class TrainSpec:
    """A whole training."""

    data: DataOptions = option("images and captions")
    output: OutputOptions = option("results")
    model: ModelOptions = option("model", default=ModelOptions)
    method: MethodOptions = option("what is trained", default=MethodOptions)
    timesteps: TimestepOptions = option("noise levels", default=TimestepOptions)
    loss: LossOptions = option("loss", default=LossOptions)
    optimizer: OptimizerOptions = option("optimizer", default=OptimizerOptions)
    schedule: ScheduleOptions = option("length and learning rate", default=ScheduleOptions)
    memory: MemoryOptions = option("memory", default=MemoryOptions)
    validation: ValidationOptions = option("validation", default=ValidationOptions)
    previews: PreviewOptions = option("previews", default=PreviewOptions)
    seed: int = option("of start values, noise, order and dropout", default=0, low=0, sd_scripts="--seed")

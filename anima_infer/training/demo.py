"""Training of the demo model ``anima-tiny``: its tokenizers, its VAE, and text encoder, adapter and DiT together.

Every part is the real architecture with small sizes, exported in the release's key layout, so that it loads by the same
code. ``scripts/train_demo.py`` runs the stages; each goes on from its last state.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anima_infer.adapter import Adapter
from anima_infer.checkpoint import write_weights
from anima_infer.config import AdapterConfig, DitConfig, TextConfig, VaeConfig
from anima_infer.dit import Context, Dit, RmsNorm
from anima_infer.text import TextEncoder
from anima_infer.training.captions import every_tag, weighted
from anima_infer.training.compiling import why_not
from anima_infer.training.drawing import QUALITIES, Scene, details, draw, random_scene
from anima_infer.training.flow import flow_loss, noised, sample_sigmas
from anima_infer.training.optimiser import Learner, Pace
from anima_infer.training.precision import PlainAttention, faster
from anima_infer.training.state import Average, load_state, save_state
from anima_infer.vae import MEAN, STD, Norm, Vae
from anima_prompt.tokens import Tokenizers, Tokens

VAE = VaeConfig(width=16)
QWEN_VOCABULARY, T5_VOCABULARY = 640, 768
TEXT = TextConfig(width=96, layers=2, heads=3, kv_heads=3, head_width=32, mlp_width=192, vocabulary=QWEN_VOCABULARY)
ADAPTER = AdapterConfig(96, 2, 3, 96, 96, T5_VOCABULARY)
DIT = DitConfig(width=128, blocks=6, heads=4, context_width=96, adaln_width=16, mlp_width=512)

DETAIL = 12.0
"""What a latent that is all face counts above others."""

BREATH = 0.05
"""Noise on the latents that the decoder is polished with: a trunk's latents are never quite right either."""

Say = Callable[[str], None]
Compiler = Callable[[Any], Any]
Precision = Callable[[], AbstractContextManager[None]]


# --- data ------------------------------------------------------------------------------------------------------------


def scenes(count: int, seed: int) -> list[Scene]:
    """Return random scenes."""
    source = random.Random(seed)  # noqa: S311  no secret
    return [random_scene(source) for _ in range(count)]


def pictures(chosen: Sequence[Scene], seed: int, workers: int = 2) -> Tensor:
    """Return drawings as N x 3 x 64 x 64 uint8."""
    with ProcessPoolExecutor(workers) as pool:
        parts = list(pool.map(_drawn, chosen, range(seed, seed + len(chosen)), chunksize=64))
    return torch.from_numpy(np.stack(parts)).permute(0, 3, 1, 2).contiguous()


def _drawn(scene: Scene, seed: int) -> np.ndarray:
    return np.asarray(draw(scene, seed))


def weights(chosen: Sequence[Scene], seed: int, workers: int = 2) -> Tensor:
    """Return how much each latent of the pictures counts: N x 1 x 8 x 8, 1 and more.

    Eyes and mouths are a fiftieth of a picture; in a plain mean they teach the text next to nothing. A weight changes
    what is learnt first, not what is right: the best velocity of each latent stays the same.
    """
    with ProcessPoolExecutor(workers) as pool:
        parts = list(pool.map(details, chosen, range(seed, seed + len(chosen)), chunksize=64))
    sharp = torch.tensor([QUALITIES.index(scene.quality) < 4 for scene in chosen])
    return 1 + DETAIL * sharp.view(-1, 1, 1, 1) * torch.from_numpy(np.stack(parts))[:, None] / 255


# --- tokenizers ------------------------------------------------------------------------------------------------------


def write_tokenizers(folder: Path, texts: Sequence[str]) -> tuple[Path, Path]:
    """Write both tokenizers: byte-level BPE learnt from captions, and pieces that are whole tags.

    One piece a tag is kind to an adapter of two layers; letters and bytes behind them spell everything else.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    qwen = Tokenizer(models.BPE())
    qwen.normalizer = normalizers.NFC()
    qwen.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    qwen.decoder = decoders.ByteLevel()
    learner = trainers.BpeTrainer(
        vocab_size=QWEN_VOCABULARY,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    qwen.train_from_iterator(texts, learner)
    words = sorted({word for text in texts for word in text.replace(",", " ").replace(".", " ").split()})
    tags = sorted(set(every_tag()), key=lambda tag: (-len(tag), tag))
    pieces: dict[str, float] = {"<pad>": 0.0, "</s>": 0.0, "<unk>": 0.0}
    pieces |= {f"<0x{byte:02X}>": -30.0 for byte in range(256)}
    pieces |= {f"▁{tag.replace(' ', '▁')}": -2.0 for tag in tags}
    for word in words:
        pieces.setdefault(f"▁{word}", -6.0)
    for letter in ("▁", *(chr(code) for code in range(33, 127))):
        pieces.setdefault(letter, -12.0)
    t5 = Tokenizer(models.Unigram(list(pieces.items()), 2, byte_fallback=True))
    t5.normalizer = normalizers.Replace(Regex(r"\s+"), " ")
    t5.pre_tokenizer = pre_tokenizers.Metaspace(split=False)
    places = folder / "tokenizers" / "qwen3", folder / "tokenizers" / "t5"
    for place, tokenizer in zip(places, (qwen, t5), strict=True):
        place.mkdir(parents=True, exist_ok=True)
        tokenizer.save(str(place / "tokenizer.json"))
    return places


# --- VAE -------------------------------------------------------------------------------------------------------------


def fresh(network: nn.Module, source: torch.Generator) -> nn.Module:
    """Give a network its first weights: unit gain, norms of 1, biases of 0."""
    for module in network.modules():
        if isinstance(module, RmsNorm):
            nn.init.ones_(module.weight)
        elif isinstance(module, Norm):
            nn.init.ones_(module.gamma)
        elif isinstance(module, nn.Linear | nn.Conv2d | nn.Embedding):
            fan = module.weight[0].numel() if not isinstance(module, nn.Embedding) else 4
            with torch.no_grad():
                module.weight.normal_(0, 1 / math.sqrt(fan), generator=source)
            bias = getattr(module, "bias", None)
            if bias is not None:
                nn.init.zeros_(bias)
    return network


def new_vae(seed: int = 0) -> Vae:
    """Return a VAE before training; its posterior starts narrow, or it would collapse at once."""
    vae = Vae(VAE)
    fresh(vae, torch.Generator().manual_seed(seed))
    with torch.no_grad():
        vae.conv1.bias[VAE.latent_channels :] = -6.0  # type: ignore[index]
    return vae.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _decoded(vae: Vae, z: Tensor) -> Tensor:
    """Return pictures of raw latents."""
    return vae.decoder.finish(vae.decoder.start(vae.conv2(z)))


Ways = tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]
"""From pictures to features, and from raw latents to pictures."""


def compiled_vae(vae: Vae, x: Tensor, compiler: Compiler = torch.compile) -> tuple[Ways, str]:
    """Return a VAE's encoder and decoder, compiled if their gradients stay the same, and why not, "" where they do.

    Args:
        vae: to be trained; the functions use its weights.
        x: pictures to try it on, B x 3 x H x W in [-1, 1].
        compiler: makes a function of a function.
    """
    plain: Ways = vae.encoder, partial(_decoded, vae)
    weights = list(vae.parameters())

    def gradients(ways: Callable[[], Ways]) -> list[Tensor]:
        encode, decode = ways()
        made = decode(vae.conv1(encode(x))[:, : VAE.latent_channels])
        return list(torch.autograd.grad(_picture_loss(made, x), weights))

    fast: list[Ways] = []

    def compiled() -> Ways:
        fast.append((compiler(plain[0]), compiler(plain[1])))
        return fast[0]

    usual = partial(gradients, lambda: plain)
    reason = why_not(usual, usual, partial(gradients, compiled))
    return (plain if reason else fast[0]), reason


def train_vae(
    vae: Vae, data: Tensor, pace: Pace, state: Path, say: Say, *, save_every: int = 250, ways: Ways | None = None
) -> None:
    """Train the VAE: absolute and squared error, edges counted once more, a breath of noise on the latents.

    ``ways`` are those of ``compiled_vae``.
    """
    encode, decode = ways or (vae.encoder, partial(_decoded, vae))
    source = torch.Generator().manual_seed(1)
    learner = Learner(vae.parameters(), pace)
    _resume(state, [vae], learner, source)
    began, first = time.perf_counter(), learner.step
    channels = VAE.latent_channels
    while learner.step < pace.steps:
        pick = torch.randint(len(data), (pace.batch,), generator=source)
        x = (data[pick].float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)
        moments = vae.conv1(encode(x))
        mean, spread = moments[:, :channels], (0.5 * moments[:, channels:].clamp(-12, 4)).exp()
        z = mean + spread * torch.randn(mean.shape, generator=source)
        made = decode(z)
        kl = 0.5 * (mean.square() + spread.square() - 1 - 2 * spread.log()).mean()
        loss = learner.learn(_picture_loss(made, x) + 1e-5 * kl)
        step = learner.step
        if step % 50 == 0:
            rate = (step - first) / (time.perf_counter() - began)
            say(f"vae {step}/{pace.steps} loss {loss:.4f} psnr {_psnr(made, x):.2f} {rate:.2f} it/s")
        if step % save_every == 0 or step == pace.steps:
            _save(state, [vae], learner, source)


def _psnr(made: Tensor, x: Tensor) -> float:
    """Return the peak signal-to-noise ratio of pictures in [-1, 1], in dB."""
    return -10 * math.log10(float((made.detach().clamp(-1, 1) - x).square().mean()) / 4)


def _picture_loss(made: Tensor, x: Tensor) -> Tensor:
    """Return absolute and squared error, and that of the edges."""
    loss = (made - x).abs().mean() + (made - x).square().mean()
    for axis in (-1, -2):
        loss = loss + (made.diff(dim=axis) - x.diff(dim=axis)).abs().mean()
    return loss


def polish_decoder(vae: Vae, data: Tensor, latents: Tensor, pace: Pace, say: Say) -> None:
    """Train the decoder alone for a while longer; the latents, and a trunk that was trained on them, stay valid."""
    source = torch.Generator().manual_seed(7)
    learner = Learner([*vae.conv2.parameters(), *vae.decoder.parameters()], pace)
    mean, std = (torch.tensor(values[: VAE.latent_channels]).view(1, -1, 1, 1) for values in (MEAN, STD))
    while learner.step < pace.steps:
        pick = torch.randint(len(data), (pace.batch,), generator=source)
        x = (data[pick].float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)
        z = latents[pick].float()
        z = (z + BREATH * torch.randn(z.shape, generator=source)) * std + mean
        made = _decoded(vae, z)
        learner.learn(_picture_loss(made, x))
        if learner.step % 50 == 0:
            say(f"decoder {learner.step}/{pace.steps} psnr {_psnr(made, x):.2f}")


@torch.inference_mode()
def normalise_latents(vae: Vae, data: Tensor) -> None:
    """Scale the latents so that the release's mean and deviation make them unit normal; nothing else changes.

    The affine map of each channel goes into the 1 x 1 convolutions on either side of the latents.
    """
    channels = VAE.latent_channels
    means = [
        vae.conv1(vae.encoder(data[i : i + 64].float() / 127.5 - 1))[:, :channels] for i in range(0, len(data), 64)
    ]
    z = torch.cat(means).transpose(0, 1).flatten(1)
    m, s = z.mean(1), z.std(1)
    mean, std = torch.tensor(MEAN[:channels]), torch.tensor(STD[:channels])
    assert vae.conv1.bias is not None
    assert vae.conv2.bias is not None
    inward, outward = vae.conv1.weight, vae.conv2.weight
    inward[:channels] *= (std / s).view(-1, 1, 1, 1)
    vae.conv1.bias[:channels] = (vae.conv1.bias[:channels] - m) / s * std + mean
    vae.conv2.bias += (outward[:, :, 0, 0] * (m - mean * s / std)).sum(1)
    outward *= (s / std).view(1, -1, 1, 1)


# --- text encoder, adapter, DiT --------------------------------------------------------------------------------------


@dataclass(slots=True)
class Trunk:
    """The three networks that learn together."""

    text: TextEncoder
    adapter: Adapter
    dit: Dit
    through_adapter: Callable[..., Tensor] = field(init=False)
    through_dit: Callable[..., Tensor] = field(init=False)
    """The networks as they are called; ``compiled`` puts faster ones there."""

    def __post_init__(self) -> None:
        """Call the networks as they are."""
        self.through_adapter, self.through_dit = self.adapter, self.dit

    @property
    def networks(self) -> list[nn.Module]:
        """All of them."""
        return [self.text, self.adapter, self.dit]

    @property
    def matrices(self) -> list[nn.Parameter]:
        """Weights of the blocks' projections, without the narrow ones of the modulation."""
        stacks: list[nn.Module] = [self.text.model.layers, self.adapter.blocks, self.dit.blocks]
        return [p for stack in stacks for p in stack.parameters() if p.ndim == 2 and min(p.shape) > DIT.adaln_width]

    def contexts(self, prompts: Sequence[Tokens]) -> Context:
        """Return the contexts of a batch of prompts, padded; as inference computes them one by one."""
        qwen, qwen_mask = padded([tokens.qwen for tokens in prompts])
        t5, mask = padded([tokens.t5 for tokens in prompts])
        with PlainAttention():
            hidden = self.text(qwen, qwen_mask.long())
        rows = self.through_adapter(hidden, t5, source_mask=qwen_mask, mask=mask)
        weights = torch.zeros(t5.shape)
        for row, tokens in enumerate(prompts):
            weights[row, : len(tokens.weights)] = torch.tensor(tokens.weights)
        return Context(rows * weights[..., None], tuple(len(tokens.t5) for tokens in prompts))

    def velocity(self, prompts: Sequence[Tokens], x: Tensor, sigmas: Tensor, precision: Precision = faster) -> Tensor:
        """Return the velocity of B latents; each of P prompts is that of B / P latents in a row."""
        modulation = self.dit.modulation(sigmas)
        with precision():
            return self.through_dit(x, modulation, self.dit.keys_values(self.contexts(prompts)))

    def compiled(self, prompts: Sequence[Tokens], latents: Tensor, compiler: Compiler = torch.compile) -> str:
        """Have adapter and DiT compiled if their gradients stay the same; return why not, "" where they do.

        Args:
            prompts: to try it on.
            latents: to try it on; as many as prompts, or a multiple.
            compiler: makes a function of a network.
        """
        source = torch.Generator().manual_seed(5)
        sigmas = sample_sigmas(len(latents), source)
        x = noised(latents, torch.randn(latents.shape, generator=source), sigmas)
        weights = [weight for network in self.networks for weight in network.parameters()]
        kept = [weight.detach().clone() for weight in weights]

        def gradients(precision: Precision = faster) -> list[Tensor]:
            return list(torch.autograd.grad(self.velocity(prompts, x, sigmas, precision).square().mean(), weights))

        def fast() -> list[Tensor]:
            self.through_adapter, self.through_dit = compiler(self.adapter), compiler(self.dit)
            return gradients()

        with torch.no_grad():  # gates of 0 would hide what lies behind them
            for weight in weights:
                weight.add_(torch.randn(weight.shape, generator=source), alpha=0.02)
        reason = why_not(partial(gradients, nullcontext), gradients, fast)
        with torch.no_grad():
            for weight, before in zip(weights, kept, strict=True):
                weight.copy_(before)
        if reason:
            self.__post_init__()
        return reason


def padded(lists: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Return lists of ids as B x longest, and where they are real."""
    longest = max(map(len, lists))
    ids = torch.zeros(len(lists), longest, dtype=torch.long)
    mask = torch.zeros(len(lists), longest, dtype=torch.bool)
    for row, values in enumerate(lists):
        ids[row, : len(values)] = torch.tensor(values)
        mask[row, : len(values)] = True
    return ids, mask


def new_trunk(seed: int = 0) -> Trunk:
    """Return the networks before training.

    Gates and the last projection start at 0 (Peebles and Xie 2023). Queries and keys of the cross-attention start at
    twice unit length: with heads of 32 the 500 zero rows would drown the text otherwise.
    """
    torch.manual_seed(seed)
    source = torch.Generator().manual_seed(seed)
    trunk = Trunk(TextEncoder(TEXT), Adapter(ADAPTER), Dit(DIT))
    fresh(trunk.adapter, source)
    fresh(trunk.dit, source)
    for block in trunk.dit.blocks:
        nn.init.constant_(block.cross_attn.q_norm.weight, 2.0)  # type: ignore[union-attr, arg-type]
        nn.init.constant_(block.cross_attn.k_norm.weight, 2.0)  # type: ignore[union-attr, arg-type]
        for branch in ("self_attn", "cross_attn", "mlp"):
            nn.init.zeros_(getattr(block, f"adaln_modulation_{branch}")[2].weight)
    nn.init.zeros_(trunk.dit.final_layer.adaln_modulation[2].weight)  # type: ignore[arg-type]
    nn.init.zeros_(trunk.dit.final_layer.linear.weight)
    nn.init.zeros_(trunk.dit.t_embedder[1].linear_2.weight)  # type: ignore[union-attr, arg-type]
    return trunk


@torch.inference_mode()
def encoded(vae: Vae, data: Tensor) -> Tensor:
    """Return the latents of pictures: N x 16 x 8 x 8, float16."""
    parts = [vae.encode(data[i : i + 128].float() / 127.5 - 1).half() for i in range(0, len(data), 128)]
    return torch.cat(parts)


def train_trunk(
    trunk: Trunk,
    tokenizers: Tokenizers,
    chosen: Sequence[Scene],
    latents: Tensor,
    counts: Tensor,
    pace: Pace,
    state: Path,
    say: Say,
    *,
    levels: int = 4,
    drop: float = 0.1,
    save_every: int = 250,
    until: int | None = None,
) -> Average:
    """Train text encoder, adapter and DiT by rectified flow; return their moving average.

    Args:
        trunk: the networks.
        tokenizers: of the demo model.
        chosen: scenes; a caption is made anew each time.
        latents: of the scenes' pictures.
        counts: of ``weights``.
        pace: ``batch`` counts noised pictures.
        state: file from which a run goes on.
        say: told now and then.
        levels: noise levels that share an encoded caption.
        drop: share of empty captions, for guidance.
        save_every: steps between states.
        until: step to stop at; the pace's last by default.
    """
    source = torch.Generator().manual_seed(2)
    words = random.Random(3)  # noqa: S311  no secret
    learner = Learner((p for network in trunk.networks for p in network.parameters()), pace, matrices=trunk.matrices)
    average = Average(trunk.networks)
    _resume(state, trunk.networks, learner, source, average)
    words.seed(learner.step)
    began, first, losses = time.perf_counter(), learner.step, list[float]()
    until = pace.steps if until is None else min(until, pace.steps)
    while learner.step < until:
        pick = torch.randint(len(latents), (pace.batch // levels,), generator=source)
        captions = [[] if words.random() < drop else weighted(chosen[i], words) for i in pick.tolist()]
        tokens = [tokenizers.encode(segments) for segments in captions]
        data = latents[pick].float().repeat_interleave(levels, 0)
        noise = torch.randn(data.shape, generator=source)
        sigmas = sample_sigmas(len(data), source)
        velocity = trunk.velocity(tokens, noised(data, noise, sigmas), sigmas)
        loss = flow_loss(velocity, data, noise, counts[pick].repeat_interleave(levels, 0)).mean()
        losses.append(learner.learn(loss))
        average.update()
        step = learner.step
        if step % 50 == 0:
            rate = (step - first) / (time.perf_counter() - began)
            say(f"dit {step}/{pace.steps} loss {sum(losses[-50:]) / 50:.4f} {rate:.2f} it/s")
        if step % save_every == 0 or step == until:
            _save(state, trunk.networks, learner, source, average)
    return average


# --- states and export -----------------------------------------------------------------------------------------------


def _save(
    path: Path,
    networks: Sequence[nn.Module],
    learner: Learner,
    source: torch.Generator,
    average: Average | None = None,
) -> None:
    state = {"networks": [network.state_dict() for network in networks], "random": source.get_state()}
    if average is not None:
        state["average"] = average.state()
    save_state(path, state | learner.state())


def _resume(
    path: Path, networks: Sequence[nn.Module], learner: Learner, source: torch.Generator, average: Average | None = None
) -> None:
    state = load_state(path)
    if state is None:
        return
    for network, weights in zip(networks, state["networks"], strict=True):
        network.load_state_dict(weights)
    learner.load(state)
    source.set_state(state["random"])
    if average is not None:
        average.load(state["average"])


def release_layout(vae: Vae) -> dict[str, Tensor]:
    """Return the VAE's weights as the release has them: causal 3-D kernels of which the last time slice is live."""
    made: dict[str, Tensor] = {}
    for name, weight in vae.state_dict().items():
        if name.endswith("gamma"):
            made[name] = weight if ".1.norm" in name else weight[..., None]
        elif name.endswith("weight") and not any(part in name for part in (".resample.", ".to_qkv.", ".proj.")):
            depth = 3 if weight.shape[-1] == 3 else 1
            made[name] = F.pad(weight[:, :, None], (0, 0, 0, 0, depth - 1, 0))
        else:
            made[name] = weight
    return {name: tensor.detach().contiguous().clone() for name, tensor in made.items()}


def export(folder: Path, vae: Vae, trunk: Trunk) -> None:
    """Write the three files of the release, in half precision."""
    net = {f"net.{name}": tensor for name, tensor in trunk.dit.state_dict().items()}
    net |= {f"net.llm_adapter.{name}": tensor for name, tensor in trunk.adapter.state_dict().items()}
    text = {f"model.{name}": tensor for name, tensor in trunk.text.model.state_dict().items()}
    files = {"anima-tiny": net, "qwen_3_06b_tiny": text, "qwen_image_vae_tiny": release_layout(vae)}
    for name, tensors in files.items():
        write_weights(folder / f"{name}.safetensors", {key: tensor.half() for key, tensor in tensors.items()})

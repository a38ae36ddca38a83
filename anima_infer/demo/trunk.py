"""Text encoder, adapter and DiT of the demo model, and their training."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from anima_infer.demo.captions import shares_at, weighted_caption
from anima_infer.demo.drawing import Scene
from anima_infer.demo.sizes import ADAPTER, DIT, TEXT, Compiler, Log, Precision, initialize
from anima_infer.demo.twins import leakage, with_twins
from anima_infer.model.adapter import Adapter
from anima_infer.model.dit import Dit
from anima_infer.model.inputs import Conditioning
from anima_infer.model.text import TextEncoder
from anima_infer.sampling.schedule import SHIFT
from anima_infer.training.attention import AttendMode, attend, set_attention
from anima_infer.training.compiling import reason_not_to_compile
from anima_infer.training.losses import Loss
from anima_infer.training.optimizer import Learner, TrainingSchedule
from anima_infer.training.precision import fastest_precision
from anima_infer.training.run import resume_run, save_run
from anima_infer.training.state import WeightAverage
from anima_infer.training.timesteps import TimestepSampling, add_noise
from anima_prompt.tokens import Tokenizers, Tokens

SAMPLING = TimestepSampling("shift", shift=SHIFT)
"""Noise levels in training."""


def sample_sigmas(count: int, source: torch.Generator) -> Tensor:
    """Return random noise levels, (count,)."""
    return SAMPLING.levels(SAMPLING.draw(count, source), tokens=0).sigmas


@dataclass(slots=True)
class Trunk:
    """The three networks that are trained together."""

    text: TextEncoder
    adapter: Adapter
    dit: Dit
    through_adapter: Callable[..., Tensor] = field(init=False)
    through_dit: Callable[..., Tensor] = field(init=False)
    """The functions to call instead of the networks; ``compiled`` replaces them by compiled ones."""

    def __post_init__(self) -> None:
        """Call the networks directly."""
        self.through_adapter, self.through_dit = self.adapter, self.dit

    @property
    def networks(self) -> list[nn.Module]:
        """Text encoder, adapter, DiT."""
        return [self.text, self.adapter, self.dit]

    @property
    def matrices(self) -> list[nn.Parameter]:
        """Weights of the blocks' projections, without the narrow projections of the modulation."""
        stacks: list[nn.Module] = [self.text.model.layers, self.adapter.blocks, self.dit.blocks]
        return [p for stack in stacks for p in stack.parameters() if p.ndim == 2 and min(p.shape) > DIT.adaln_width]

    def encode(self, prompts: Sequence[Tokens]) -> Conditioning:
        """Return the conditioning of a batch of prompts, equal to what inference computes one by one."""
        qwen, qwen_mask = padded([tokens.qwen for tokens in prompts])
        t5, mask = padded([tokens.t5 for tokens in prompts])
        with AttendMode():
            hidden = self.text(qwen, qwen_mask.long())
        rows = self.through_adapter(hidden, t5, source_mask=qwen_mask, mask=mask)
        weights = torch.zeros(t5.shape)
        for row, tokens in enumerate(prompts):
            weights[row, : len(tokens.weights)] = torch.tensor(tokens.weights)
        return Conditioning(rows * weights[..., None], tuple(len(tokens.t5) for tokens in prompts))

    def velocity(
        self, contexts: Conditioning, x: Tensor, sigmas: Tensor, precision: Precision = fastest_precision
    ) -> Tensor:
        """Return the velocity of B latents; each of P prompts belongs to B / P neighboring latents."""
        modulation = self.dit.compute_modulation(sigmas)
        with precision():
            return self.through_dit(x, modulation, self.dit.compute_keys_values(contexts))

    def compiled(self, prompts: Sequence[Tokens], latents: Tensor, compiler: Compiler = torch.compile) -> str:
        """Compile adapter and DiT if the gradients stay correct; return "", or the reason not to compile.

        Args:
            prompts: to compare gradients on.
            latents: to compare gradients on; as many as prompts, or a multiple.
            compiler: returns a compiled function for a network.
        """
        source = torch.Generator().manual_seed(5)
        sigmas = sample_sigmas(len(latents), source)
        x = add_noise(latents, torch.randn(latents.shape, generator=source), sigmas)
        weights = [weight for network in self.networks for weight in network.parameters()]
        kept = [weight.detach().clone() for weight in weights]

        def gradients(precision: Precision = fastest_precision) -> list[Tensor]:
            with precision():
                contexts = self.encode(prompts)
            return list(torch.autograd.grad(self.velocity(contexts, x, sigmas, precision).square().mean(), weights))

        def fast() -> list[Tensor]:
            self.through_adapter, self.through_dit = compiler(self.adapter), compiler(self.dit)
            return gradients()

        with torch.no_grad():  # gates of 0 would hide the gradients of the branches
            for weight in weights:
                weight.add_(torch.randn(weight.shape, generator=source), alpha=0.02)
        reason = reason_not_to_compile(partial(gradients, nullcontext), gradients, fast)
        with torch.no_grad():
            for weight, before in zip(weights, kept, strict=True):
                weight.copy_(before)
        if reason:
            self.__post_init__()
        return reason


def padded(lists: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Return lists of ids as a padded tensor (B, longest), and a mask of the ids that are not padding."""
    longest = max(map(len, lists))
    ids = torch.zeros(len(lists), longest, dtype=torch.long)
    mask = torch.zeros(len(lists), longest, dtype=torch.bool)
    for row, values in enumerate(lists):
        ids[row, : len(values)] = torch.tensor(values)
        mask[row, : len(values)] = True
    return ids, mask


def new_trunk(seed: int = 0) -> Trunk:
    """Return initialized networks.

    Gates and the last projection start at 0 (Peebles and Xie 2023). Queries and keys of the cross-attention start at
    twice unit length: with heads of width 32, the 500 zero rows would outweigh the text otherwise.
    """
    torch.manual_seed(seed)
    source = torch.Generator().manual_seed(seed)
    trunk = Trunk(TextEncoder(TEXT), Adapter(ADAPTER), Dit(DIT))
    for network in (trunk.adapter, trunk.dit):
        set_attention(network, attend)
        initialize(network, source)
    for block in trunk.dit.blocks:
        nn.init.constant_(block.cross_attn.q_norm.weight, 2.0)  # type: ignore[union-attr, arg-type]
        nn.init.constant_(block.cross_attn.k_norm.weight, 2.0)  # type: ignore[union-attr, arg-type]
        for branch in ("self_attn", "cross_attn", "mlp"):
            nn.init.zeros_(getattr(block, f"adaln_modulation_{branch}")[2].weight)
    nn.init.zeros_(trunk.dit.final_layer.adaln_modulation[2].weight)  # type: ignore[arg-type]
    nn.init.zeros_(trunk.dit.final_layer.linear.weight)
    nn.init.zeros_(trunk.dit.t_embedder[1].linear_2.weight)  # type: ignore[union-attr, arg-type]
    return trunk


def losses_of(
    trunk: Trunk,
    prompts: Sequence[Tokens],
    twins: Sequence[int],
    *,
    data: Tensor,
    counts: Tensor,
    source: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """Return the loss of the velocities, and the leakage of the prompts' rows.

    Args:
        trunk: the networks.
        prompts: P captions followed by their twins, see ``with_twins``.
        twins: index of each twin's caption.
        data: latents, (B, 16, 8, 8); each caption belongs to B / P neighbors.
        counts: loss weights, (B, 1, 8, 8).
        source: random generator of noise and noise levels.
    """
    noise = torch.randn(data.shape, generator=source)
    sigmas = sample_sigmas(len(data), source)
    with fastest_precision():
        both = trunk.encode(prompts)
    first = len(prompts) - len(twins)
    contexts = Conditioning(both.rows[:first], both.lengths[:first])
    velocity = trunk.velocity(contexts, add_noise(data, noise, sigmas), sigmas)
    return Loss().of_samples(velocity, noise - data, mask=counts).mean(), leakage(
        both.rows[list(twins)], both.rows[first:]
    )


def train_trunk(
    trunk: Trunk,
    tokenizers: Tokenizers,
    chosen: Sequence[Scene],
    latents: Tensor,
    counts: Tensor,
    schedule: TrainingSchedule,
    state: Path,
    log: Log,
    *,
    odds: Tensor | None = None,
    levels: int = 4,
    drop: float = 0.1,
    save_every: int = 250,
    until: int | None = None,
) -> WeightAverage:
    """Train text encoder, adapter and DiT by rectified flow; return their moving average.

    A second loss keeps a tag of weight 0 from changing any row but its own.

    Args:
        trunk: the networks.
        tokenizers: of the demo model.
        chosen: scenes; every use gets a new caption.
        latents: of the scenes' images.
        counts: loss weights, see ``latent_weights``.
        schedule: its ``batch`` counts noised images.
        state: file to save to and resume from.
        log: called with a line of progress now and then.
        odds: relative sampling frequency of each scene; equal by default.
        levels: noise levels that share an encoded caption.
        drop: fraction of empty captions, for guidance.
        save_every: steps between saved states.
        until: step to stop at; the last of the schedule by default.
    """
    source = torch.Generator().manual_seed(2)
    words = random.Random(3)  # noqa: S311  no secret
    learner = Learner(
        (p for network in trunk.networks for p in network.parameters()), schedule, matrices=trunk.matrices
    )
    average = WeightAverage(trunk.networks)
    resume_run(state, trunk.networks, learner, source, average)
    words.seed(learner.step)
    odds = torch.ones(len(latents)) if odds is None else odds
    began, first, losses, leaks = time.perf_counter(), learner.step, list[float](), list[float]()
    until = schedule.steps if until is None else min(until, schedule.steps)
    while learner.step < until:
        pick = torch.multinomial(odds, schedule.batch // levels, replacement=True, generator=source)
        shares = shares_at(learner.step / schedule.steps)
        scenes = [chosen[i] for i in pick.tolist()]
        captions = [[] if words.random() < drop else weighted_caption(scene, words, shares) for scene in scenes]
        prompts, twins = with_twins(tokenizers, captions, scenes=scenes, words=words)
        data = latents[pick].float().repeat_interleave(levels, 0)
        important = counts[pick].repeat_interleave(levels, 0)
        loss, leaked = losses_of(trunk, prompts, twins, data=data, counts=important, source=source)
        leaks.append(float(leaked.detach()))
        losses.append(learner.learn(loss + leaked))
        average.update()
        step = learner.step
        if step % 50 == 0:
            rate = (step - first) / (time.perf_counter() - began)
            means = f"loss {sum(losses[-50:]) / 50:.4f} leak {sum(leaks[-50:]) / 50:.4f}"
            log(f"dit {step}/{schedule.steps} {means} {rate:.2f} it/s")
        if step % save_every == 0 or step == until:
            save_run(state, trunk.networks, learner, source, average)
    return average

"""The demo model's text encoder, adapter and DiT, which learn together."""

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

from anima_infer.demo.captions import shares_at, weighted
from anima_infer.demo.drawing import Scene
from anima_infer.demo.sizes import ADAPTER, DIT, TEXT, Compiler, Precision, Say, fresh
from anima_infer.demo.twins import leak, with_twins
from anima_infer.model.adapter import Adapter
from anima_infer.model.dit import Dit
from anima_infer.model.inputs import Conditioning
from anima_infer.model.text import TextEncoder
from anima_infer.training.attention import AttendMode, use_attend
from anima_infer.training.compiling import why_not
from anima_infer.training.flow import flow_loss, noised, sample_sigmas
from anima_infer.training.optimizer import Learner, Pace
from anima_infer.training.precision import faster
from anima_infer.training.run import resume_run, save_run
from anima_infer.training.state import Average
from anima_prompt.tokens import Tokenizers, Tokens


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

    def contexts(self, prompts: Sequence[Tokens]) -> Conditioning:
        """Return the contexts of a batch of prompts, padded; as inference computes them one by one."""
        qwen, qwen_mask = padded([tokens.qwen for tokens in prompts])
        t5, mask = padded([tokens.t5 for tokens in prompts])
        with AttendMode():
            hidden = self.text(qwen, qwen_mask.long())
        rows = self.through_adapter(hidden, t5, source_mask=qwen_mask, mask=mask)
        weights = torch.zeros(t5.shape)
        for row, tokens in enumerate(prompts):
            weights[row, : len(tokens.weights)] = torch.tensor(tokens.weights)
        return Conditioning(rows * weights[..., None], tuple(len(tokens.t5) for tokens in prompts))

    def velocity(self, contexts: Conditioning, x: Tensor, sigmas: Tensor, precision: Precision = faster) -> Tensor:
        """Return the velocity of B latents; each of P contexts is that of B / P latents in a row."""
        modulation = self.dit.compute_modulation(sigmas)
        with precision():
            return self.through_dit(x, modulation, self.dit.compute_keys_values(contexts))

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
            with precision():
                contexts = self.contexts(prompts)
            return list(torch.autograd.grad(self.velocity(contexts, x, sigmas, precision).square().mean(), weights))

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
    for network in (trunk.adapter, trunk.dit):
        use_attend(network)
        fresh(network, source)
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
    """Return how far the velocities are from the right ones, and how far the prompts' rows from their twins'.

    Args:
        trunk: the networks.
        prompts: P captions, and behind them their twins, as ``with_twins`` makes them.
        twins: whose twin each of those is.
        data: B x 16 x 8 x 8, latents; each caption is that of B / P in a row.
        counts: B x 1 x 8 x 8, what each latent counts.
        source: of noise and noise levels.
    """
    noise = torch.randn(data.shape, generator=source)
    sigmas = sample_sigmas(len(data), source)
    with faster():
        both = trunk.contexts(prompts)
    first = len(prompts) - len(twins)
    contexts = Conditioning(both.rows[:first], both.lengths[:first])
    velocity = trunk.velocity(contexts, noised(data, noise, sigmas), sigmas)
    return flow_loss(velocity, data, noise, counts).mean(), leak(both.rows[list(twins)], both.rows[first:])


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
    odds: Tensor | None = None,
    levels: int = 4,
    drop: float = 0.1,
    save_every: int = 250,
    until: int | None = None,
) -> Average:
    """Train text encoder, adapter and DiT by rectified flow; return their moving average.

    Beside that, a tag of weight 0 is to change no row but its own.

    Args:
        trunk: the networks.
        tokenizers: of the demo model.
        chosen: scenes; a caption is made anew each time.
        latents: of the scenes' images.
        counts: of ``weights``.
        pace: ``batch`` counts noised images.
        state: file from which a run goes on.
        say: told now and then.
        odds: how likely each scene is to be picked; all alike by default.
        levels: noise levels that share an encoded caption.
        drop: share of empty captions, for guidance.
        save_every: steps between states.
        until: step to stop at; the pace's last by default.
    """
    source = torch.Generator().manual_seed(2)
    words = random.Random(3)  # noqa: S311  no secret
    learner = Learner((p for network in trunk.networks for p in network.parameters()), pace, matrices=trunk.matrices)
    average = Average(trunk.networks)
    resume_run(state, trunk.networks, learner, source, average)
    words.seed(learner.step)
    odds = torch.ones(len(latents)) if odds is None else odds
    began, first, losses, leaks = time.perf_counter(), learner.step, list[float](), list[float]()
    until = pace.steps if until is None else min(until, pace.steps)
    while learner.step < until:
        pick = torch.multinomial(odds, pace.batch // levels, replacement=True, generator=source)
        shares = shares_at(learner.step / pace.steps)
        scenes = [chosen[i] for i in pick.tolist()]
        captions = [[] if words.random() < drop else weighted(scene, words, shares) for scene in scenes]
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
            say(f"dit {step}/{pace.steps} {means} {rate:.2f} it/s")
        if step % save_every == 0 or step == until:
            save_run(state, trunk.networks, learner, source, average)
    return average

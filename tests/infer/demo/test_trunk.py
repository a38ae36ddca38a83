"""Facts about the demo model's trainer: its gradients, and that what it exports renders by the ordinary way."""

from __future__ import annotations

import copy
import re
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch

from anima_infer import demo
from anima_infer.demo.captions import DEFAULT, Shares
from anima_infer.demo.drawing import Scene
from anima_infer.files import find_files
from anima_infer.models import Models
from anima_infer.render.job import Job
from anima_infer.render.renderer import Renderer
from anima_infer.sampling.settings import RenderSettings
from anima_infer.training import precision
from anima_infer.training.losses import Loss
from anima_infer.training.optimizer import TrainingSchedule
from anima_infer.training.timesteps import add_noise
from anima_prompt.tokens import Tokenizers
from tests.infer.demo.compilers import deaf, refused
from tests.infer.tiny import source


def test_training_sees_what_inference_computes(tokenizers: Tokenizers) -> None:
    """Batched and padded contexts are those that rendering makes one by one."""
    from anima_infer.encoder import PromptEncoder

    trunk = demo.new_trunk()
    texts = ["1girl, red hair", "", "a much longer caption, with many words in it, and blue eyes"]
    prompts = [tokenizers.encode([(text, 1.0)] if text else []) for text in texts]
    with torch.no_grad():
        batch = trunk.encode(prompts)
        encoder = PromptEncoder(tokenizers, trunk.text, trunk.adapter)
        alone = [encoder.encode_tokens(tokens) for tokens in prompts]
    for index, one in enumerate(alone):
        length = one.lengths[0]
        torch.testing.assert_close(batch.rows[index, :length], one.rows[0], atol=1e-5, rtol=1e-4)
        assert not batch.rows[index, length:].any()
        assert batch.lengths[index] == length


def learning(tokenizers: Tokenizers, around: demo.Precision) -> tuple[demo.Trunk, torch.Tensor]:
    """Return a trunk in which nothing is shut, and its loss, whose gradients it has."""
    source = torch.Generator().manual_seed(4)
    trunk = demo.new_trunk()
    torch.nn.init.normal_(trunk.dit.final_layer.linear.weight, 0, 0.1, source)
    for block in trunk.dit.blocks:
        for branch in ("self_attn", "cross_attn", "mlp"):
            torch.nn.init.normal_(getattr(block, f"adaln_modulation_{branch}")[2].weight, 0, 0.1, source)
    prompts = [tokenizers.encode([(text, 1.0)]) for text in ("1girl, red hair", "1boy")]
    data, noise = (torch.randn(2, 16, 8, 8, generator=source) for _ in range(2))
    sigmas = torch.tensor([0.5, 0.9])
    with around():
        contexts = trunk.encode(prompts)
    loss = (
        Loss().of_samples(trunk.velocity(contexts, add_noise(data, noise, sigmas), sigmas, around), noise - data).mean()
    )
    loss.backward()
    return trunk, loss.detach()


def test_gradients_reach_every_weight_of_the_trunk(tokenizers: Tokenizers) -> None:
    trunk, _ = learning(tokenizers, nullcontext)
    for network in trunk.networks:
        for name, parameter in network.named_parameters():
            assert parameter.grad is not None, name
            assert torch.isfinite(parameter.grad).all(), name


def test_bfloat16_gives_the_gradients_of_float32(tokenizers: Tokenizers) -> None:
    whole, right = learning(tokenizers, nullcontext)
    rounded, loss = learning(tokenizers, precision.bfloat16_products)
    torch.testing.assert_close(loss, right, atol=0, rtol=0.01)
    assert not torch.equal(loss, right), "something is rounded"
    for one, other in zip(whole.networks, rounded.networks, strict=True):
        for (name, exact), near in zip(one.named_parameters(), other.parameters(), strict=True):
            assert exact.grad is not None
            assert near.grad is not None, name
            assert near.grad.dtype == torch.float32, name
            difference = (near.grad - exact.grad).norm() / exact.grad.norm().clamp(min=1e-12)
            assert difference < 0.1, f"{name}: {difference}"


@pytest.mark.parametrize(
    ("compiler", "reason"),
    [
        (lambda network: network.forward, "^$"),
        (deaf, "^[0-9]+ of [0-9]+ compiled gradients are wrong$"),
        (refused, "^no compiler found$"),
    ],
)
def test_networks_are_compiled_only_if_they_learn_the_same(
    tokenizers: Tokenizers, compiler: demo.Compiler, reason: str
) -> None:
    trunk = demo.new_trunk()
    before = copy.deepcopy([network.state_dict() for network in trunk.networks])
    prompts = [tokenizers.encode([(text, 1.0)]) for text in ("1girl, red hair", "1boy")]
    said = trunk.compiled(prompts, torch.randn(4, 16, 8, 8, generator=source()), compiler)
    assert re.match(reason, said), said
    assert (trunk.through_dit is trunk.dit) == (trunk.through_adapter is trunk.adapter) == bool(said)
    for network, weights in zip(trunk.networks, before, strict=True):
        assert all(torch.equal(weight, weights[name]) for name, weight in network.state_dict().items())


def test_scenes_are_picked_by_their_odds_and_told_whole_at_first(
    tmp_path: Path, tokenizers: Tokenizers, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = demo.random_scenes(6, 0)
    told: list[tuple[Scene, float]] = []

    def recorded(scene: Scene, _: object, shares: Shares) -> list[tuple[str, float]]:
        told.append((scene, shares.drop_words))
        return [("1girl", 1.0)]

    monkeypatch.setattr("anima_infer.demo.trunk.weighted_caption", recorded)
    latents, counts, odds = torch.zeros(6, 16, 8, 8), torch.ones(6, 1, 8, 8), torch.tensor([0.0, 0, 1, 0, 3, 0])
    schedule = TrainingSchedule(8, 64, 1e-3, warm=1)
    demo.train_trunk(
        demo.new_trunk(),
        tokenizers,
        chosen,
        latents,
        counts,
        schedule,
        tmp_path / "a",
        lambda _: None,
        odds=odds,
        drop=0,
    )
    assert [chance for _, chance in told] == [0.0] * 48 + [DEFAULT.drop_words] * 80
    often = sum(scene is chosen[4] for scene, _ in told)
    assert often + sum(scene is chosen[2] for scene, _ in told) == 128
    assert 80 < often < 112


@pytest.mark.slow
def test_a_run_goes_on_where_it_stopped_and_its_export_renders(tmp_path: Path, tokenizers: Tokenizers) -> None:
    chosen = demo.random_scenes(24, 0)
    data = demo.draw_images(chosen, 0, workers=1)
    schedule = TrainingSchedule(4, 8, 1e-3, warm=1)
    said: list[str] = []
    whole, halves = demo.new_vae(), demo.new_vae()
    demo.train_vae(whole, data, schedule, tmp_path / "a.state", said.append)
    demo.train_vae(halves, data, TrainingSchedule(2, 8, 1e-3, warm=1), tmp_path / "b.state", said.append)
    again = demo.new_vae()
    demo.train_vae(again, data, schedule, tmp_path / "b.state", said.append)
    assert any(not torch.equal(a, b) for a, b in zip(halves.parameters(), again.parameters(), strict=True))
    latents, counts = demo.encode_images(whole, data), demo.latent_weights(chosen, 0, workers=1)
    before = {name: tensor.clone() for name, tensor in whole.state_dict().items()}
    demo.polish_decoder(whole, data, latents, TrainingSchedule(2, 8, 1e-3, warm=1), said.append)
    changed = {name for name, tensor in whole.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed
    assert all(name.startswith(("decoder.", "conv2.")) for name in changed), "the latents stay as they are"
    trunk = demo.new_trunk()
    average = demo.train_trunk(
        trunk, tokenizers, chosen, latents, counts, schedule, tmp_path / "t.state", said.append, until=2
    )
    other = demo.new_trunk()
    average = demo.train_trunk(other, tokenizers, chosen, latents, counts, schedule, tmp_path / "t.state", said.append)
    assert average.steps == 4
    average.swap()
    folder = tmp_path / "model"
    demo.export(folder, whole, other)
    demo.write_tokenizers(folder, ["1girl"])
    models = Models.load(find_files(folder), dtype="fp32", device="cpu")
    (image,) = Renderer(models).render([Job("1girl, red hair", "", RenderSettings(64, 64, 2, "euler"), 1)])
    assert image.image.size == (64, 64)
    with torch.inference_mode():
        x = data[:2].float() / 127.5 - 1
        torch.testing.assert_close(models.vae.encode(x), whole.encode(x), atol=0.05, rtol=0.05)
    assert sum(path.stat().st_size for path in folder.rglob("*.*")) < 12_000_000

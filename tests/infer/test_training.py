"""Facts about the trainer: its loss, its states, and that what it exports loads and renders by the ordinary way."""

from __future__ import annotations

import copy
import random
import re
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from anima_infer import demo
from anima_infer.demo.captions import DEFAULT, Shares, caption, every_tag, every_tag_of, twin, weighted
from anima_infer.demo.drawing import Scene
from anima_infer.demo.twins import TWINS, leak, with_twins
from anima_infer.errors import CheckpointError, SettingsError
from anima_infer.files import find
from anima_infer.model.dit import attention
from anima_infer.models import Models
from anima_infer.render.job import Job
from anima_infer.render.renderer import Renderer
from anima_infer.sampling.settings import Settings
from anima_infer.training import compiling, precision
from anima_infer.training.flow import flow_loss, noised, sample_sigmas
from anima_infer.training.optimizer import Learner, Pace, orthogonalised
from anima_infer.training.state import Average, load_state, save_state
from anima_prompt.tokens import Tokenizers


def source(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_noise_levels() -> None:
    shifted = sample_sigmas(20_000, source())
    assert shifted.min() > 0
    assert shifted.max() < 1
    assert abs(float(shifted.median()) - 0.75) < 0.01, "shift 3 moves the middle to 0.75"
    assert abs(float(sample_sigmas(20_000, source(), method="uniform").mean()) - 0.5) < 0.01
    assert abs(float(sample_sigmas(20_000, source(), method="sigmoid").median()) - 0.5) < 0.01
    with pytest.raises(SettingsError, match="timestep sampling is 'cosine'"):
        sample_sigmas(1, source(), method="cosine")


def test_the_true_velocity_has_no_loss() -> None:
    data, noise = torch.randn(3, 16, 4, 4), torch.randn(3, 16, 4, 4)
    assert flow_loss(noise - data, data, noise).abs().max() == 0
    assert flow_loss(torch.zeros_like(data), data, noise).shape == (3,)
    counts = torch.ones(3, 1, 4, 4)
    counts[1] = 3
    plain = flow_loss(torch.zeros_like(data), data, noise)
    torch.testing.assert_close(flow_loss(torch.zeros_like(data), data, noise, counts), plain * torch.tensor([1, 3, 1]))
    sigmas = torch.tensor([0.0, 0.5, 1.0])
    x = noised(data, noise, sigmas)
    assert torch.equal(x[0], data[0])
    assert torch.equal(x[2], noise[2])
    torch.testing.assert_close(x - sigmas.view(-1, 1, 1, 1) * (noise - data), data)


def test_a_learner_keeps_its_pace_and_goes_on() -> None:
    pace = Pace(400, 1, 0.1, warm=100)
    assert pace.at(49) == pytest.approx(0.05), "half way through the warm-up"
    assert pace.at(100) == pytest.approx(0.1)
    assert pace.at(400) == pace.at(500) == pytest.approx(0.005)
    weight = torch.nn.Parameter(torch.tensor([4.0]))
    learner = Learner([weight], pace)
    losses = [learner.learn(100 * weight.square().sum()) for _ in range(400)]
    assert losses[0] == 1600
    assert losses[-1] < 1e-3
    assert weight.grad is None
    other = torch.nn.Parameter(weight.detach().clone())
    again = Learner([other], pace)
    again.load(copy.deepcopy(learner.state()))
    assert again.step == 400
    for one, values in ((learner, weight), (again, other)):
        one.learn((values - 1).square().sum())
    assert torch.equal(weight, other)


@pytest.mark.parametrize("shape", [(3, 16, 16), (2, 48, 16), (1, 16, 64)])
def test_orthogonalised_moves_reach_every_direction_alike(shape: tuple[int, int, int]) -> None:
    source = torch.Generator().manual_seed(0)
    narrow = torch.randn(shape, generator=source) * torch.logspace(0, -1, shape[-1])
    made = orthogonalised(narrow).float()
    assert made.shape == shape
    values = torch.linalg.svdvals(made)
    assert 0.6 < values.min() < values.max() < 1.3, "they were a hundred apart"
    left, _, right = torch.linalg.svd(narrow, full_matrices=False)
    assert torch.einsum("nab,nab->n", made, left @ right).min() > 0.9 * min(shape[1:]) * 0.8, "the same directions"


def test_muon_moves_matrices_and_adamw_the_rest() -> None:
    source = torch.Generator().manual_seed(1)
    target, x = torch.randn(8, 24, generator=source), torch.randn(64, 24, generator=source)

    def made() -> tuple[torch.nn.Linear, Learner]:
        network = torch.nn.Linear(24, 8)
        with torch.no_grad():
            network.weight.zero_()
            network.bias.fill_(1.0)
        pace = Pace(300, 1, 0.05, warm=10)
        return network, Learner(network.parameters(), pace, matrices=[next(network.parameters())], matrix_rate=0.1)

    def loss(network: torch.nn.Linear) -> torch.Tensor:
        return (network(x) - x @ target.T).square().mean()

    network, learner = made()
    first = learner.learn(loss(network))
    assert network.weight.abs().max() < 0.1 / 10 * 1.3, "no entry is larger than the step, which is a tenth at first"
    for _ in range(149):
        learner.learn(loss(network))
    other, again = made()
    other.load_state_dict(network.state_dict())
    again.load(copy.deepcopy(learner.state()))
    for _ in range(150):
        learner.learn(loss(network))
        again.learn(loss(other))
    assert float(loss(network).detach()) < first / 1000
    assert torch.equal(network.weight, other.weight), "a run that goes on makes the same steps"
    assert network.bias.abs().max() < 0.1


def test_averages_swap_and_come_back(tmp_path: Path) -> None:
    network = torch.nn.Linear(4, 4)
    average = Average([network], 0.5)
    start = network.weight.detach().clone()
    with torch.no_grad():
        network.weight += 1
    for _ in range(50):
        average.update()
    moved = network.weight.detach().clone()
    average.swap()
    torch.testing.assert_close(network.weight, moved, atol=1e-4, rtol=0)
    average.swap()
    assert torch.equal(network.weight, moved)
    assert not torch.equal(network.weight, start)
    save_state(tmp_path / "a.state", average.state())
    loaded = load_state(tmp_path / "a.state")
    assert loaded is not None
    assert loaded["steps"] == 50
    assert load_state(tmp_path / "none") is None
    (tmp_path / "bad").write_bytes(b"no state")
    with pytest.raises(CheckpointError, match="remove it to start anew"):
        load_state(tmp_path / "bad")


@pytest.fixture(scope="module")
def tokenizers(tmp_path_factory: pytest.TempPathFactory) -> Tokenizers:
    folder = tmp_path_factory.mktemp("demo")
    words = random.Random(0)
    texts = [caption(scene, words) for scene in demo.scenes(300, 0)]
    return Tokenizers.from_folders(*demo.write_tokenizers(folder, texts))


def test_a_tag_is_one_piece(tokenizers: Tokenizers) -> None:
    for tag in every_tag():
        if ", " not in tag:
            assert len(tokenizers.encode([(tag, 1.0)]).t5) == 2, tag
    tokens = tokenizers.encode([("masterpiece, red hair, ", 1.0), ("witch hat", 2.0)])
    assert tokens.weights[-2:] == (2.0, 1.0)
    odd = tokenizers.encode([("日本 zzz !?", 1.0)])
    assert max(odd.t5) < demo.T5_VOCABULARY
    assert max(odd.qwen) < demo.QWEN_VOCABULARY
    assert 2 not in odd.t5, "bytes spell what no piece does"


def test_training_sees_what_inference_computes(tokenizers: Tokenizers) -> None:
    """Batched and padded contexts are those that rendering makes one by one."""
    from anima_infer.encoder import Encoder

    trunk = demo.new_trunk()
    texts = ["1girl, red hair", "", "a much longer caption, with many words in it, and blue eyes"]
    prompts = [tokenizers.encode([(text, 1.0)] if text else []) for text in texts]
    with torch.no_grad():
        batch = trunk.contexts(prompts)
        alone = [Encoder(tokenizers, trunk.text, trunk.adapter).contexts([tokens])[0] for tokens in prompts]
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
        contexts = trunk.contexts(prompts)
    loss = flow_loss(trunk.velocity(contexts, noised(data, noise, sigmas), sigmas, around), data, noise).mean()
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
    rounded, loss = learning(tokenizers, precision.halved)
    torch.testing.assert_close(loss, right, atol=0, rtol=0.01)
    assert not torch.equal(loss, right), "something is rounded"
    for one, other in zip(whole.networks, rounded.networks, strict=True):
        for (name, exact), near in zip(one.named_parameters(), other.parameters(), strict=True):
            assert exact.grad is not None
            assert near.grad is not None, name
            assert near.grad.dtype == torch.float32, name
            difference = (near.grad - exact.grad).norm() / exact.grad.norm().clamp(min=1e-12)
            assert difference < 0.1, f"{name}: {difference}"


def test_bfloat16_is_for_products_and_only_where_it_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.ones(1, 2, 4, 8)
    with precision.halved():
        assert torch.nn.Linear(8, 8)(x).dtype == torch.bfloat16
    for pays, kind in ((True, torch.bfloat16), (False, torch.float32)):
        monkeypatch.setattr(precision, "halves_pay", lambda pays=pays: pays)
        with precision.faster():
            assert torch.nn.Linear(8, 8)(x).dtype == kind
    assert torch.nn.Linear(8, 8)(x).dtype == torch.float32


def test_attention_that_learns_is_attention() -> None:
    q, k, v = (torch.randn(2, 3, 5, 8, generator=source(seed), requires_grad=True) for seed in range(3))
    hides = torch.rand(2, 1, 5, 5, generator=source(3)) > 0.4
    hides[..., 0] = True
    bias = torch.zeros(2, 1, 1, 5)
    bias[1, ..., 3:] = -torch.inf
    bias[0, ..., -1] = 4.0
    for mask in (None, hides, bias):
        found = []
        for function in (attention, F.scaled_dot_product_attention):
            made = function(q, k, v, mask)
            found.append([made, *torch.autograd.grad(made.square().sum(), (q, k, v))])
        for ours, theirs in zip(*found, strict=True):
            torch.testing.assert_close(ours, theirs)
    nothing = attention(q, k, v, torch.zeros_like(hides))
    for gradient in torch.autograd.grad(torch.where(hides.any(), 0.0, nothing).sum(), (q, k, v)):
        assert torch.isfinite(gradient).all(), "a row that sees nothing does no harm"
    with torch.autocast("cpu", torch.bfloat16):
        assert attention(q.bfloat16(), k, v).dtype == torch.float32


def test_only_plain_attention_is_taken_over(monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.ones(1, 2, 4, 8)
    taken: list[int] = []
    monkeypatch.setattr(precision, "attention", lambda *_: taken.append(1))
    with precision.PlainAttention():
        F.scaled_dot_product_attention(x, x, x)
        F.scaled_dot_product_attention(x, x, x, attn_mask=None, dropout_p=0.0, scale=8**-0.5, is_causal=False)
        assert len(taken) == 2
        F.scaled_dot_product_attention(x, x, x, is_causal=True)
        F.scaled_dot_product_attention(x, x, x, scale=0.5)
        F.scaled_dot_product_attention(x, x, x, dropout_p=0.5)
        F.scaled_dot_product_attention(x, x[:, :1], x[:, :1], enable_gqa=True)
        assert torch.equal(torch.relu(x), x)
    assert len(taken) == 2


def test_a_compiler_that_spoils_gradients_is_found_out() -> None:
    true = [torch.randn(4, 4, generator=source(seed)) for seed in range(3)]
    near = [gradient * 1.05 for gradient in true]
    assert compiling.spoilt(true, true, near) == []
    assert compiling.spoilt(true, true, [near[0], torch.zeros(4, 4), near[2] * torch.nan]) == [1, 2]
    noisy = [gradient * 1.2 for gradient in true]
    assert compiling.spoilt(true, true, noisy) == [0, 1, 2]
    assert compiling.spoilt(true, near, noisy) == [0, 1, 2]
    assert compiling.spoilt(true, noisy, noisy) == [], "no further from the truth than without a compiler"


def _refused(_: torch.nn.Module) -> Callable[..., torch.Tensor]:
    raise RuntimeError("no compiler found\nmore about it")


def _wrapped(part: demo.Compiler) -> demo.Compiler:
    return partial(part)


def _deaf(network: torch.nn.Module) -> Callable[..., torch.Tensor]:
    return lambda *args, **options: network(*args, **options).detach() + 0 * network(*args, **options)


@pytest.mark.parametrize(
    ("compiler", "reason"),
    [
        (lambda network: network.forward, "^$"),
        (_deaf, "^[0-9]+ of [0-9]+ gradients are not those of the networks as they are$"),
        (_refused, "^no compiler found$"),
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


def test_the_vae_is_compiled_only_if_it_learns_the_same() -> None:
    vae = demo.new_vae()
    x = torch.rand(2, 3, 64, 64, generator=source()) * 2 - 1
    (encode, _), reason = demo.compiled_vae(vae, x, _wrapped)
    assert reason == ""
    assert encode is not vae.encoder
    assert torch.equal(encode(x), vae.encoder(x))
    for compiler, why in ((_deaf, "gradients are not those"), (_refused, "no compiler found")):
        (encode, _), reason = demo.compiled_vae(vae, x, compiler)
        assert why in reason
        assert encode is vae.encoder


def test_normalised_latents_change_no_picture() -> None:
    vae = demo.new_vae()
    data = demo.pictures(demo.scenes(48, 3), 3, workers=1)
    x = data[:4].float() / 127.5 - 1

    def through() -> torch.Tensor:
        with torch.inference_mode():
            moments = vae.conv1(vae.encoder(x))[:, :16]
            return vae.decoder.finish(vae.decoder.start(vae.conv2(moments)))

    before = through()
    demo.normalise_latents(vae, data)
    torch.testing.assert_close(through(), before, atol=2e-3, rtol=1e-3)
    latents = demo.encoded(vae, data).float()
    torch.testing.assert_close(latents.mean((0, 2, 3)), torch.zeros(16), atol=0.02, rtol=0)
    torch.testing.assert_close(latents.std((0, 2, 3)), torch.ones(16), atol=0.03, rtol=0)


def test_scenes_are_picked_by_their_odds_and_told_whole_at_first(
    tmp_path: Path, tokenizers: Tokenizers, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = demo.scenes(6, 0)
    told: list[tuple[Scene, float]] = []

    def recorded(scene: Scene, _: object, shares: Shares) -> list[tuple[str, float]]:
        told.append((scene, shares.drop_words))
        return [("1girl", 1.0)]

    monkeypatch.setattr("anima_infer.demo.trunk.weighted", recorded)
    latents, counts, odds = torch.zeros(6, 16, 8, 8), torch.ones(6, 1, 8, 8), torch.tensor([0.0, 0, 1, 0, 3, 0])
    pace = Pace(8, 64, 1e-3, warm=1)
    demo.train_trunk(
        demo.new_trunk(), tokenizers, chosen, latents, counts, pace, tmp_path / "a", lambda _: None, odds=odds, drop=0
    )
    assert [chance for _, chance in told] == [0.0] * 48 + [DEFAULT.drop_words] * 80
    often = sum(scene is chosen[4] for scene, _ in told)
    assert often + sum(scene is chosen[2] for scene, _ in told) == 128
    assert 80 < often < 112


def test_twins_differ_in_the_tag_without_weight(tokenizers: Tokenizers) -> None:
    words = random.Random(1)
    scenes = demo.scenes(60, 5)
    captions = [[], *[weighted(scene, words) for scene in scenes[1:]]]
    pairs = [(one, twin(one, scene, words), scene) for one, scene in zip(captions, scenes, strict=True)]
    assert 10 < sum(bool(other) for _, other, _ in pairs) < 30
    assert all(bool(other) == (0.0 in [weight for _, weight in one]) for one, other, _ in pairs)
    for one, other, scene in (pair for pair in pairs if pair[1]):
        (changed,) = [place for place, part in enumerate(one) if part[1] == 0]
        assert [*one[:changed], *one[changed + 1 :]] == [*other[:changed], *other[changed + 1 :]]
        assert other[changed][0] not in every_tag_of(scene)
        assert other[changed][1] == 0
    prompts, of = with_twins(tokenizers, captions, scenes=scenes, words=words)
    assert len(prompts) == len(captions) + TWINS
    assert all(0.0 in prompts[index].weights for index in of)
    assert [prompts[index].weights for index in of] == [tokens.weights for tokens in prompts[-TWINS:]]
    prompts, of = with_twins(tokenizers, captions[:1], scenes=scenes[:1], words=words)
    assert (prompts, of) == ([tokenizers.encode([])] * (1 + TWINS), [0] * TWINS)


def test_a_tag_without_weight_is_learnt_to_change_no_other_word(tmp_path: Path, tokenizers: Tokenizers) -> None:
    rows = torch.tensor([[[3.0, 4.0], [0.0, 0.0]]])
    assert leak(rows, rows) == 0
    assert leak(rows, rows + torch.tensor([3.0, 0.0])) == pytest.approx(18 / 25)

    scenes, words = demo.scenes(64, 5), random.Random(1)
    captions = [weighted(scene, words, replace(DEFAULT, blank_tag=1.0)) for scene in scenes]
    prompts, of = with_twins(tokenizers, captions, scenes=scenes, words=words)

    def leaks(trunk: demo.Trunk) -> float:
        with torch.no_grad():
            rows = trunk.contexts(prompts).rows
        return float(leak(rows[of], rows[-TWINS:]))

    trunk, pace = demo.new_trunk(), Pace(12, 32, 3e-3, warm=1)
    before = leaks(trunk)
    latents, nothing = torch.zeros(64, 16, 8, 8), torch.zeros(64, 1, 8, 8)
    demo.train_trunk(trunk, tokenizers, scenes, latents, nothing, pace, tmp_path / "a", lambda _: None)
    assert leaks(trunk) < before / 2, "where pictures count nothing, this is all that is learnt"


@pytest.mark.slow
def test_a_run_goes_on_where_it_stopped_and_its_export_renders(tmp_path: Path, tokenizers: Tokenizers) -> None:
    chosen = demo.scenes(24, 0)
    data = demo.pictures(chosen, 0, workers=1)
    pace = Pace(4, 8, 1e-3, warm=1)
    said: list[str] = []
    whole, halves = demo.new_vae(), demo.new_vae()
    demo.train_vae(whole, data, pace, tmp_path / "a.state", said.append)
    demo.train_vae(halves, data, Pace(2, 8, 1e-3, warm=1), tmp_path / "b.state", said.append)
    again = demo.new_vae()
    demo.train_vae(again, data, pace, tmp_path / "b.state", said.append)
    assert any(not torch.equal(a, b) for a, b in zip(halves.parameters(), again.parameters(), strict=True))
    latents, counts = demo.encoded(whole, data), demo.weights(chosen, 0, workers=1)
    before = {name: tensor.clone() for name, tensor in whole.state_dict().items()}
    demo.polish_decoder(whole, data, latents, Pace(2, 8, 1e-3, warm=1), said.append)
    changed = {name for name, tensor in whole.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed
    assert all(name.startswith(("decoder.", "conv2.")) for name in changed), "the latents stay as they are"
    trunk = demo.new_trunk()
    average = demo.train_trunk(
        trunk, tokenizers, chosen, latents, counts, pace, tmp_path / "t.state", said.append, until=2
    )
    other = demo.new_trunk()
    average = demo.train_trunk(other, tokenizers, chosen, latents, counts, pace, tmp_path / "t.state", said.append)
    assert average.steps == 4
    average.swap()
    folder = tmp_path / "model"
    demo.export(folder, whole, other)
    demo.write_tokenizers(folder, ["1girl"])
    models = Models.load(find(folder), dtype="fp32", device="cpu")
    (picture,) = Renderer(models).render([Job("1girl, red hair", "", Settings(64, 64, 2, "euler"), 1)])
    assert picture.image.size == (64, 64)
    with torch.inference_mode():
        x = data[:2].float() / 127.5 - 1
        torch.testing.assert_close(models.vae.encode(x), whole.encode(x), atol=0.05, rtol=0.05)
    assert sum(path.stat().st_size for path in folder.rglob("*.*")) < 12_000_000

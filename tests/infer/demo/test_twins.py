"""Facts about captions that are read twice."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from anima_infer import demo
from anima_infer.demo.captions import DEFAULT, every_tag_of, twin_caption, weighted_caption
from anima_infer.demo.twins import TWINS, leakage, with_twins
from anima_infer.training.optimizer import TrainingSchedule
from anima_prompt.tokens import Tokenizers


def test_twins_differ_in_the_tag_without_weight(tokenizers: Tokenizers) -> None:
    words = random.Random(1)
    scenes = demo.random_scenes(60, 5)
    captions = [[], *[weighted_caption(scene, words) for scene in scenes[1:]]]
    pairs = [(one, twin_caption(one, scene, words), scene) for one, scene in zip(captions, scenes, strict=True)]
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


def test_a_tag_without_weight_is_learned_to_change_no_other_word(tmp_path: Path, tokenizers: Tokenizers) -> None:
    rows = torch.tensor([[[3.0, 4.0], [0.0, 0.0]]])
    assert leakage(rows, rows) == 0
    assert leakage(rows, rows + torch.tensor([3.0, 0.0])) == pytest.approx(18 / 25)

    scenes, words = demo.random_scenes(64, 5), random.Random(1)
    captions = [weighted_caption(scene, words, replace(DEFAULT, blank_tag=1.0)) for scene in scenes]
    prompts, of = with_twins(tokenizers, captions, scenes=scenes, words=words)

    def leaks(trunk: demo.Trunk) -> float:
        with torch.no_grad():
            rows = trunk.encode(prompts).rows
        return float(leakage(rows[of], rows[-TWINS:]))

    trunk, schedule = demo.new_trunk(), TrainingSchedule(12, 32, 3e-3, warm=1)
    before = leaks(trunk)
    latents, nothing = torch.zeros(64, 16, 8, 8), torch.zeros(64, 1, 8, 8)
    demo.train_trunk(trunk, tokenizers, scenes, latents, nothing, schedule, tmp_path / "a", lambda _: None)
    assert leaks(trunk) < before / 2, "where images count nothing, this is all that is learned"

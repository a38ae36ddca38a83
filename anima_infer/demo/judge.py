"""A judge of the demo model's images: which of the drawings' tags does an image show?

A small network trained on the same drawings and on what the demo's VAE makes of them. It knows nothing of other
images.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anima_infer.demo import drawing as d
from anima_infer.demo.drawing import Figure, Scene, visible_eyes
from anima_infer.errors import CheckpointError
from anima_infer.images import to_pixels
from anima_infer.training.optimizer import Learner, TrainingSchedule
from anima_infer.training.precision import fastest_precision

if TYPE_CHECKING:
    from PIL.Image import Image

RUNGS = ("masterpiece", "good quality", "normal quality", "low quality", "worst quality")
"""Rungs that look different: a masterpiece and best quality are drawn alike."""
NO_STYLE = "(none)"
SCENE: dict[str, tuple[str, ...]] = {
    "count": d.COUNTS,
    "background": tuple(d.BACKGROUNDS),
    "framing": d.FRAMINGS,
    "style": (NO_STYLE, *d.STYLES),
    "quality": RUNGS,
}
FIGURE: dict[str, tuple[str, ...]] = {
    "hair": tuple(d.HAIR),
    "hair_style": d.HAIR_STYLES,
    "eyes": tuple(d.EYES),
    "expression": d.EXPRESSIONS,
    "clothes": d.CLOTHES,
    "dye": tuple(d.DYES),
}
FIGURES = 2
NOTHING = -100
"""Answer that there is nothing to see; the loss leaves it out."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the judge sees in an image.

    Attributes:
        scene: count, background, framing, style, quality.
        figures: hair, hair style, eyes, expression, clothes, dye of each character, from left to right.
        accessories: of each character.
    """

    scene: Mapping[str, str]
    figures: tuple[Mapping[str, str], ...]
    accessories: tuple[frozenset[str], ...]

    def tags(self) -> frozenset[str]:
        """Return everything as tags."""
        found = {self.scene["count"], self.scene["background"], self.scene["framing"], self.scene["quality"]}
        if self.scene["style"] != NO_STYLE:
            found.add(f"@{self.scene['style']}")
        for figure, accessories in zip(self.figures, self.accessories, strict=True):
            found |= {figure["hair"], figure["hair_style"], figure["eyes"], figure["expression"], *accessories}
            found.add(f"{figure['dye']} {figure['clothes']}")
        return frozenset(part for tag in found for part in tag.split(", "))


class Judge(nn.Module):
    """Convolutions, then one linear answer for each question."""

    def __init__(self, width: int = 32) -> None:
        """Make the network; ``load`` reads the weights."""
        super().__init__()
        sizes = (3, width, 2 * width, 3 * width, 4 * width, 4 * width)
        kernels, strides = (5, 3, 3, 3, 3), (2, 1, 2, 2, 1)
        layers: list[nn.Module] = []
        for before, after, kernel, stride in zip(sizes, sizes[1:], kernels, strides, strict=False):
            layers += [nn.Conv2d(before, after, kernel, stride, kernel // 2), nn.GroupNorm(8, after), nn.SiLU()]
        self.trunk = nn.Sequential(*layers)
        self.gather = nn.Linear(4 * width * 16 + 4 * width, 6 * width)
        outputs = sum(map(len, SCENE.values())) + FIGURES * (sum(map(len, FIGURE.values())) + len(d.ACCESSORIES))
        self.answer = nn.Linear(6 * width, outputs)

    def forward(self, pixels: Tensor) -> dict[str, Tensor]:
        """Return the answers' scores by question for B x 3 x 64 x 64 in [-1, 1]; figures as ``hair 0``, ``hair 1``."""
        x = self.trunk(pixels)
        places = F.adaptive_avg_pool2d(x, 4).flatten(1)
        strongest = x.amax((-2, -1))
        scores = self.answer(F.silu(self.gather(torch.cat((places, strongest), 1))))
        sizes = [len(names) for names in SCENE.values()]
        sizes += [len(names) for _ in range(FIGURES) for names in FIGURE.values()] + [len(d.ACCESSORIES)] * FIGURES
        names = [*SCENE, *(f"{name} {i}" for i in range(FIGURES) for name in FIGURE)]
        names += [f"accessories {i}" for i in range(FIGURES)]
        return dict(zip(names, scores.split(sizes, 1), strict=True))

    @classmethod
    def load(cls, path: Path) -> Judge:
        """Return a trained judge.

        Raises:
            CheckpointError: the file is missing or no judge.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        judge = cls()
        try:
            judge.load_state_dict({name: tensor.float() for name, tensor in load_file(path).items()})
        except (OSError, RuntimeError, SafetensorError) as error:
            reason = " ".join(str(error).split())[:120]
            raise CheckpointError(f"{path}: is no judge ({reason}); train one with scripts/train_demo.py") from None
        return judge.eval()

    @torch.inference_mode()
    def look(self, images: Sequence[Image]) -> list[Seen]:
        """Return what is seen in images of any size; they are scaled to 64 x 64."""
        if not images:
            return []
        small = [image.convert("RGB").resize((d.SIZE, d.SIZE)) for image in images]
        answers = self(torch.cat([to_pixels(image) for image in small]))
        return [_seen({name: scores[i] for name, scores in answers.items()}) for i in range(len(images))]

    def score(self, images: Sequence[Image], prompts: Sequence[str]) -> list[dict[str, float]]:
        """Return the share of the prompt's tags that each image shows, of the tags that the judge knows."""
        from anima_infer.demo.captions import every_tag
        from anima_prompt.prompt import Prompt

        known = {part for tag in every_tag() for part in tag.split(", ")} | {"masterpiece", "best quality"}
        made = []
        for seen, prompt in zip(self.look(images), prompts, strict=True):
            tags = [tag.text for _, tag in Prompt.parse(prompt).tags() if tag.weight > 0 and tag.text in known]
            asked = [tag for tag in tags if tag in _SEEN]
            shown = seen.tags() | ({"best quality"} if seen.scene["quality"] == "masterpiece" else set())
            made.append({"tags": sum(tag in shown for tag in asked) / len(asked)} if asked else {})
        return made


_SEEN = frozenset(
    [
        *(part for names in SCENE.values() for name in names for part in name.split(", ")),
        *(f"@{style}" for style in d.STYLES),
        *(name for key in ("hair", "hair_style", "eyes", "expression") for name in FIGURE[key]),
        *(f"{dye} {clothes}" for dye in d.DYES for clothes in d.CLOTHES),
        *d.ACCESSORIES,
        "best quality",
    ]
)
"""Tags that the judge can see; years and scores it cannot."""


def _seen(scores: Mapping[str, Tensor]) -> Seen:
    scene = {name: names[int(scores[name].argmax())] for name, names in SCENE.items()}
    count = {"no humans": 0, "2girls": 2, "1girl, 1boy": 2}.get(scene["count"], 1)
    figures = tuple(
        {name: names[int(scores[f"{name} {i}"].argmax())] for name, names in FIGURE.items()} for i in range(count)
    )
    worn = tuple(
        frozenset(
            name for name, score in zip(d.ACCESSORIES, scores[f"accessories {i}"].tolist(), strict=True) if score > 0
        )
        for i in range(count)
    )
    return Seen(scene, figures, worn)


# --- training --------------------------------------------------------------------------------------------------------


def rung_of(quality: str) -> str:
    """Return the rung that a quality looks like."""
    return "masterpiece" if quality == "best quality" else quality


def targets(scenes: Sequence[Scene]) -> dict[str, Tensor]:
    """Return the right answers by question; accessories as B x 10 of 0 and 1, others as indices or ``NOTHING``."""
    found: dict[str, list[Any]] = {}
    for scene in scenes:
        told = {"count": scene.count, "background": scene.background, "framing": scene.framing}
        told |= {"style": scene.style or NO_STYLE, "quality": rung_of(scene.quality)}
        for name, names in SCENE.items():
            nothing = name == "framing" and not scene.figures
            found.setdefault(name, []).append(NOTHING if nothing else names.index(told[name]))
        for i in range(FIGURES):
            figure = scene.figures[i] if i < len(scene.figures) else None
            for name, names in FIGURE.items():
                found.setdefault(f"{name} {i}", []).append(_answer(figure, name, names))
            worn = [-1.0 if figure is None else float(item in figure.accessories) for item in d.ACCESSORIES]
            found.setdefault(f"accessories {i}", []).append(worn)
    return {name: torch.tensor(values) for name, values in found.items()}


def _answer(figure: Figure | None, name: str, names: Sequence[str]) -> int:
    if figure is None or (name == "eyes" and not visible_eyes(figure)):
        return NOTHING
    return names.index(getattr(figure, name))


def judge_loss(scores: Mapping[str, Tensor], right: Mapping[str, Tensor]) -> Tensor:
    """Return the mean loss over questions that can be answered."""
    losses = []
    for name, answers in right.items():
        if name.startswith("accessories"):
            there = answers >= 0
            if there.any():
                losses.append(4 * F.binary_cross_entropy_with_logits(scores[name][there], answers[there]))
        elif (answers != NOTHING).any():
            losses.append(F.cross_entropy(scores[name], answers, ignore_index=NOTHING))
    return torch.stack(losses).mean()


def accuracies(judge: Judge, pixels: Tensor, right: Mapping[str, Tensor]) -> dict[str, float]:
    """Return the share of right answers by question, figures together; accessories count as right one by one."""
    hits: dict[str, list[Tensor]] = {}
    with torch.inference_mode():
        for start in range(0, len(pixels), 256):
            scores = judge(pixels[start : start + 256])
            for name, answers in right.items():
                part = answers[start : start + 256]
                if name.startswith("accessories"):
                    there = part >= 0
                    hits.setdefault("accessories", []).append((scores[name][there] > 0) == (part[there] > 0.5))
                else:
                    there = part != NOTHING
                    hits.setdefault(name.split(" ")[0], []).append(scores[name][there].argmax(1) == part[there])
    return {name: float(torch.cat(parts).float().mean()) for name, parts in hits.items()}


def moved(pixels: Tensor, source: torch.Generator) -> Tensor:
    """Return images shifted by up to 2 pixels, a little brighter or darker, with a breath of noise."""
    padded = F.pad(pixels, (2, 2, 2, 2), mode="replicate")
    x, y = (int(torch.randint(0, 5, (1,), generator=source)) for _ in range(2))
    cut = padded[..., y : y + pixels.shape[-2], x : x + pixels.shape[-1]]
    scale = 1 + 0.04 * torch.randn(len(cut), 1, 1, 1, generator=source)
    return cut * scale + 0.02 * torch.randn(cut.shape, generator=source)


def train_judge(
    judge: Judge, pixels: Tensor, right: Mapping[str, Tensor], schedule: TrainingSchedule, log: Callable[[str], None]
) -> None:
    """Train on uint8 images (N x 3 x 64 x 64) with a cosine schedule."""
    source = torch.Generator().manual_seed(5)
    learner = Learner(judge.parameters(), schedule, decay=0.02)
    count = len(next(iter(right.values())))
    while learner.step < schedule.steps:
        pick = torch.randint(len(pixels), (schedule.batch,), generator=source)
        x = moved(pixels[pick].float() / 127.5 - 1, source).contiguous(memory_format=torch.channels_last)
        answers = {name: values[pick % count] for name, values in right.items()}
        with fastest_precision():
            scores = judge(x)
        loss = learner.learn(judge_loss({name: score.float() for name, score in scores.items()}, answers))
        if learner.step % 100 == 0:
            log(f"judge {learner.step}/{schedule.steps} loss {loss:.4f}")

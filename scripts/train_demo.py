"""Train the demo model ``anima-tiny`` from scratch, on two CPU cores within three hours.

    python scripts/train_demo.py                    # everything, into out/anima-tiny
    python scripts/train_demo.py --stage vae        # one stage; each goes on from its last state

Stages: data (drawings), tokenizers, vae, dit, polish (the decoder alone), judge, export, measure. What is there already is not made again; the
networks go on from their last state. A sample sheet is written at the end and every 1,000 steps. In a whole run, polish and judge run beside dit.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from anima_infer import demo
from anima_infer.checkpoint import WeightFile, load_vae, write_weights
from anima_infer.demo import evaluation, judge
from anima_infer.demo.captions import caption
from anima_infer.files import find_files
from anima_infer.model.vae import Vae
from anima_infer.models import Models
from anima_infer.render.job import Job, settings_from_profile
from anima_infer.render.renderer import Renderer
from anima_infer.training.optimizer import TrainingSchedule
from anima_infer.training.state import WeightAverage, count_parameters, load_state, save_state
from anima_prompt.profiles import load_profile
from anima_prompt.tokens import Tokenizers

STAGES = ("data", "tokenizers", "vae", "dit", "polish", "judge", "export", "measure")
BESIDE = ("polish", "judge")
"""Stages that need no trunk: beside its training, one thread each, two cores get more done than one after the other."""
COMPILE_FROM = 2_000
"""Steps of a network that are worth the minute that it takes to compile it."""
PROMPTS = (
    "masterpiece, best quality, safe, 1girl, red hair, long hair, blue eyes, smile, green dress, day, portrait",
    "masterpiece, best quality, safe, 1girl, witch hat, blonde hair, twintails, purple cape, night, portrait",
    "masterpiece, best quality, safe, 1boy, blue hair, spiky hair, black jacket, city, upper body",
    "masterpiece, best quality, safe, 1girl, @demo inkwell, pink hair, cat ears, red kimono, forest, portrait",
    "masterpiece, best quality, safe, 2girls, snow. The girl on the left has red hair. The girl on the right has blue hair.",
    "masterpiece, best quality, safe, no humans, beach",
    "masterpiece, best quality, safe, 1girl, aqua hair, bob cut, headphones, yellow hoodie, rain, full body",
    "worst quality, 1girl, red hair, day",
)
ASKED = {
    "count": "one character, not two",
    "style": "style (`@demo ...`)",
    "hair": "hair color",
    "hair_style": "hair style",
    "clothes": "kind of clothes",
    "dye": "color of the clothes",
    "eyes": "eye color",
    "hat": "hat or no hat",
    "accessories": "all accessories",
    "two characters": "two characters, not one",
    "hair on its side": "two-character sentences: both hair colors on their side",
}
"""What the questions are called in the model card."""

PROFILE = Path(__file__).resolve().parent.parent / "data" / "models" / "anima-tiny" / "profile.yaml"


def main() -> None:
    """Run the stages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stage", choices=STAGES, action="append", help="run these stages alone")
    parser.add_argument("--output", type=Path, default=Path("out/anima-tiny"))
    parser.add_argument("--scenes", type=int, default=48_000)
    parser.add_argument("--vae-steps", type=int, default=5_000)
    parser.add_argument("--dit-steps", type=int, default=40_000)
    parser.add_argument("--polish-steps", type=int, default=1_000)
    parser.add_argument("--judge-steps", type=int, default=16_000)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--vae-batch", type=int, default=24)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    options.beside = None
    if options.stage:
        run(options.stage, options)
        return
    run(("data", "tokenizers", "vae"), options)
    load_latents(options.output, images(options.output))  # here, or both that need the latents would make them
    command = [sys.executable, *sys.argv, *(word for stage in BESIDE for word in ("--stage", stage))]
    with subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1"}) as options.beside:  # noqa: S603
        try:
            run(("dit",), options)
        except BaseException:
            options.beside.terminate()
            raise
        if options.beside.wait():
            sys.exit(f"{' or '.join(BESIDE)} failed, see above; run this again, and it goes on")
    run(("export", "measure"), options)


def run(stages: Sequence[str], options: argparse.Namespace) -> None:
    """Run stages one after the other."""
    for stage in stages:
        began = time.perf_counter()
        globals()[f"stage_{stage}"](options.output, options)
        log(f"{stage}: {time.perf_counter() - began:.0f} s")


def log(text: str) -> None:
    """Print a line at once."""
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def say_compiled(name: str, reason: str) -> None:
    """Log whether a network is compiled, and why not."""
    log(f"{name}: not compiled, {reason}" if reason else f"{name}: compiled, its gradients are the same")


def stage_data(work: Path, options: argparse.Namespace) -> None:
    """Draw the images."""
    if not (work / "images.pt").is_file():
        chosen = demo.random_scenes(options.scenes, 0)
        save_state(
            work / "images.pt", {"images": demo.draw_images(chosen, 0), "weights": demo.latent_weights(chosen, 0)}
        )


def drawings(work: Path) -> dict[str, torch.Tensor]:
    """Return the images, and how much each of their latents counts."""
    state = load_state(work / "images.pt")
    if state is None:
        sys.exit("no drawings; run the stage data first")
    return state


def images(work: Path) -> torch.Tensor:
    """Return the images."""
    return drawings(work)["images"]


def stage_tokenizers(work: Path, options: argparse.Namespace) -> None:
    """Write the tokenizers."""
    words = random.Random(4)
    texts = [caption(scene, words) for scene in demo.random_scenes(min(options.scenes, 6000), 0)]
    demo.write_tokenizers(work, texts)


def stage_vae(work: Path, options: argparse.Namespace) -> None:
    """Train the VAE and normalize its latents."""
    if (work / "vae.pt").is_file():
        return
    vae = demo.new_vae()
    log(f"vae: {count_parameters([vae]) / 1e6:.2f} M parameters")
    data = images(work)
    ways = None
    if options.vae_steps >= COMPILE_FROM:
        sample = data[: options.vae_batch].float() / 127.5 - 1
        ways, reason = demo.compiled_vae(vae, sample.contiguous(memory_format=torch.channels_last))
        say_compiled("vae", reason)
    demo.train_vae(
        vae, data, TrainingSchedule(options.vae_steps, options.vae_batch, 1.5e-3), work / "vae.state", log, ways=ways
    )
    demo.normalize_latents(vae, data[:4096])
    for made_of_it in ("latents.pt", "polished.pt"):
        (work / made_of_it).unlink(missing_ok=True)
    save_state(work / "vae.pt", vae.state_dict())
    reconstructions(vae, data, work / "vae.png")


def stage_polish(work: Path, options: argparse.Namespace) -> None:
    """Train the decoder alone for a while longer."""
    if (work / "polished.pt").is_file():
        return
    vae, data = trained_vae(work), images(work)
    schedule = TrainingSchedule(options.polish_steps, options.vae_batch, 5e-4)
    demo.polish_decoder(vae, data, load_latents(work, data), schedule, log)
    save_state(work / "polished.pt", vae.state_dict())
    reconstructions(vae, data, work / "polished.png")


def load_latents(work: Path, data: torch.Tensor) -> torch.Tensor:
    """Return the latents of the images."""
    kept = load_state(work / "latents.pt")
    if kept is None:
        kept = {"latents": demo.encode_images(trained_vae(work), data)}
        save_state(work / "latents.pt", kept)
    return kept["latents"]


def reconstructions(vae: Vae, data: torch.Tensor, path: Path) -> None:
    """Write images above what the VAE makes of them."""
    from anima_infer.images import to_image

    with torch.inference_mode():
        x = data[:16].float() / 127.5 - 1
        made = vae.decode(vae.encode(x))
    sheet = Image.new("RGB", (16 * 66, 132))
    for index in range(len(x)):
        sheet.paste(to_image(x[index]), (index * 66, 0))
        sheet.paste(to_image(made[index]), (index * 66, 66))
    sheet.save(path)
    log(f"psnr {float(-10 * ((made.clamp(-1, 1) - x).square().mean() / 4).log10()):.2f}; {path}")


def trained_vae(work: Path) -> Vae:
    """Return the VAE, its decoder polished if it has been."""
    state = load_state(work / "polished.pt") or load_state(work / "vae.pt")
    if state is None:
        sys.exit("no VAE; run the stage vae first")
    vae = demo.new_vae()
    vae.load_state_dict(state)
    return vae


def stage_judge(work: Path, options: argparse.Namespace) -> None:
    """Train the judge on the drawings and on what the VAE makes of them."""
    if (work / "judge.safetensors").is_file():
        return
    data, vae = images(work), trained_vae(work)
    chosen, latents = demo.random_scenes(len(data), 0), load_latents(work, data)
    vae.load_state_dict({name: tensor.half().float() for name, tensor in vae.state_dict().items()})
    with torch.inference_mode():
        made = [((vae.decode(z.float()) + 1) * 127.5).clamp(0, 255).round().byte() for z in latents.split(128)]
    torch.manual_seed(6)
    network = judge.Judge().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    both = torch.cat((data, *made))
    judge.train_judge(network, both, judge.targets(chosen), TrainingSchedule(options.judge_steps, 64, 2e-3), log)
    network.eval()
    write_weights(work / "judge.safetensors", {n: t.half() for n, t in network.state_dict().items()})
    good = [scene for scene in demo.random_scenes(3000, 99) if judge.rung_of(scene.quality) == "masterpiece"][:1500]
    drawn = demo.draw_images(good, 500_000).float() / 127.5 - 1
    figures = judge.accuracies(judge.Judge.load(work / "judge.safetensors"), drawn, judge.targets(good))
    log("judge on fresh drawings: " + ", ".join(f"{name} {share:.3f}" for name, share in figures.items()))


def stage_dit(work: Path, options: argparse.Namespace) -> None:
    """Train text encoder, adapter and DiT."""
    chosen, drawn = demo.random_scenes(options.scenes, 0), drawings(work)
    latents = load_latents(work, drawn["images"])
    trunk = demo.new_trunk()
    log(f"trunk: {count_parameters(trunk.networks) / 1e6:.2f} M parameters; {len(latents)} latents")
    tokenizers, odds = Tokenizers.find(work), demo.sampling_weights(chosen)
    if options.dit_steps >= COMPILE_FROM:
        sample = [
            tokenizers.encode([(caption(scene, random.Random(5)), 1.0)]) for scene in chosen[: options.batch // 4]
        ]
        reason = trunk.compiled(sample, latents[: options.batch].float())
        say_compiled("trunk", reason)
    done = 0
    threads = torch.get_num_threads()
    while done < options.dit_steps:
        torch.set_num_threads(1 if options.beside and options.beside.poll() is None else threads)
        done = min(options.dit_steps, (int((load_state(work / "dit.state") or {"step": 0})["step"]) // 1000 + 1) * 1000)
        schedule = TrainingSchedule(options.dit_steps, options.batch, 3e-3)
        average = demo.train_trunk(
            trunk,
            tokenizers,
            chosen,
            latents,
            drawn["weights"],
            schedule,
            work / "dit.state",
            log,
            odds=odds,
            until=done,
        )
        average.swap()
        demo.export(work, trained_vae(work), trunk)
        average.swap()
        sheet(work, work / f"sheet-{done:06}.png")


def stage_export(work: Path, options: argparse.Namespace) -> None:
    """Write the model's files and a sheet."""
    trunk = demo.new_trunk()
    state = load_state(work / "dit.state")
    if state is None:
        sys.exit("no DiT; run the stage dit first")
    for network, weights in zip(trunk.networks, state["networks"], strict=True):
        network.load_state_dict(weights)
    average = WeightAverage(trunk.networks)
    average.load(state["average"])
    average.swap()
    demo.export(work, trained_vae(work), trunk)
    load_vae(WeightFile.open(work / "qwen_image_vae_tiny.safetensors"), dtype=torch.float32, device=torch.device("cpu"))
    sheet(work, work / "sheet.png")


def stage_measure(work: Path, options: argparse.Namespace) -> None:
    """Count how often the exported model draws what was asked, and write ``measured.json``."""
    renderer = Renderer(Models.load(find_files(work), dtype="fp32", device="cpu"))
    seer, trained = judge.Judge.load(work / "judge.safetensors"), demo.random_scenes(options.scenes, 0)
    one, two = evaluation.held_out(200, 11, trained), evaluation.held_out(100, 12, trained, figures=2)
    profile = load_profile(PROFILE)
    measured: dict[str, dict[str, Any]] = {}
    for name, scale in (("defaults", float(profile.guidance_scale)), ("guidance 4", 4.0)):
        look = evaluation.seeing(renderer, seer, settings_from_profile(profile, guidance_scale=scale))
        shares = {question: score.share for question, score in evaluation.evaluate(look, one).items()}
        pairs = evaluation.evaluate(look, two)
        shares |= {"two characters": pairs["count"].share, "hair on its side": pairs["hair on its side"].share}
        measured[name] = {ASKED.get(question, question): round(value, 4) for question, value in shares.items()}
        log(f"{name}: " + ", ".join(f"{question} {value:.3f}" for question, value in shares.items()))
    settings = settings_from_profile(profile)
    look = evaluation.seeing(renderer, seer, settings)
    against = {
        negative or "(none)": evaluation.seeing(renderer, seer, settings, negative=negative)
        for negative in ("", *(f"(witch hat:{weight})" for weight in (0.5, 1, 2, 3)))
    }
    quality = {
        negative: evaluation.seeing(renderer, seer, settings, negative=negative)
        for negative in ("masterpiece, best quality", "normal quality", "worst quality")
    }
    styles = evaluation.styles_by_weight(look)
    effects = {
        "witch hat by its weight": evaluation.hat_by_weight(look),
        "style by its weight": mean_of(styles.values()),
        "style at weight 0": {style: shares["0"] for style, shares in styles.items()},
        "hinted witch hat by negative prompt": evaluation.hat_by_negative(against),
        "looks like a masterpiece by quality word": evaluation.good_by_quality(look),
        "looks like a masterpiece by negative prompt": evaluation.good_by_negative(quality),
    }
    for name, shares in effects.items():
        log(f"{name}: " + ", ".join(f"{key} {value:.2f}" for key, value in shares.items()))
    measured["effects"] = {
        name: {key: round(value, 4) for key, value in shares.items()} for name, shares in effects.items()
    }
    (work / "measured.md").write_text(tables(measured), encoding="utf-8")
    (work / "measured.json").write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")


def mean_of(tables: Iterable[dict[str, float]]) -> dict[str, float]:
    """Return the mean of figures by name."""
    rows = list(tables)
    return {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]}


def tables(measured: dict[str, dict[str, Any]]) -> str:
    """Return the figures as the model card shows them."""
    rows = ["| asked for | defaults | guidance 4 |", "|---|---|---|"]
    for question, value in measured["defaults"].items():
        rows.append(f"| {question} | {100 * value:.0f} % | {100 * measured['guidance 4'][question]:.0f} % |")
    rows.append("")
    for name, shares in measured["effects"].items():
        rows.append(f"- {name}: " + ", ".join(f"{key} {100 * value:.0f} %" for key, value in shares.items()))
    return "\n".join(rows) + "\n"


def sheet(work: Path, path: Path) -> None:
    """Render the sample prompts by the ordinary way."""
    renderer = Renderer(Models.load(find_files(work), dtype="fp32", device="cpu"))
    settings = settings_from_profile(load_profile(PROFILE))
    jobs = [Job(prompt, "", settings, seed) for prompt in PROMPTS for seed in range(4)]
    made = renderer.render(jobs)
    whole = Image.new("RGB", (len(PROMPTS) * 66, 4 * 66), "white")
    for index, image in enumerate(made):
        whole.paste(image.image, (index // 4 * 66, index % 4 * 66))
    whole.resize((whole.width * 2, whole.height * 2), Image.Resampling.NEAREST).save(path)
    log(f"{path}")


if __name__ == "__main__":
    main()

"""``anima-infer render``: prompt in, images out."""

from __future__ import annotations

import secrets
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from torch import Tensor

from anima_infer.errors import SettingsError
from anima_infer.files import DEMO, HUB, ModelFiles, default_files, find_files
from anima_infer.images import SUFFIXES, save_image
from anima_infer.models import Models
from anima_infer.render.job import Job, LoraUse, consecutive_seeds, default_profile, settings_from_profile
from anima_infer.render.preview import Preview
from anima_infer.render.renderer import RenderedImage, Renderer
from anima_infer.sampling.guidance import Apg
from anima_infer.sampling.guided_model import StartImage
from anima_infer.sampling.noise import check_seed
from anima_infer.sampling.settings import RenderSettings
from anima_prompt.cli.source import text_of
from anima_prompt.dialects import Dialect
from anima_prompt.interchange.promptfile import read_prompt_file
from anima_prompt.interchange.textfile import split_negative
from anima_prompt.numbers import SIZE, parse_size
from anima_prompt.profiles import Profile, load_profile

DONE, FINDINGS, INTERRUPTED = 0, 1, 130
DEMO_NOTE = (
    f"note: this is the bundled demo model {DEMO}, which draws small cartoons; for the real one download "
    f"huggingface.co/{HUB} and give --models FOLDER"
)


def run(source: str, given: dict[str, Any]) -> int:
    """Render; return the exit code."""
    dialect = Dialect.of(given["dialect"])
    output: Path = given["output"]
    if output.suffix.lower() not in SUFFIXES:
        raise SettingsError(f"{output}: ending is '{output.suffix}'; expected one of {', '.join(SUFFIXES)}")
    if given["mask"] and not given["init"]:
        raise SettingsError("--mask needs --init; give the image that the mask is for")
    files = chosen_files(given["folder"], given["checkpoint"])
    prompts = _prompts(source, given, dialect, default_profile(files))
    seed = secrets.randbelow(2**32) if given["seed"] is None else check_seed(given["seed"])
    loras = tuple(replace(use, path=files.lora(use.path)) for use in map(LoraUse.parse, given["loras"]))
    jobs = [
        Job(text, negative, _settings(given, profile), one, loras, dialect)
        for text, negative, profile in prompts
        for one in consecutive_seeds(seed, given["count"])
    ]
    if not given["no_lint"] and _has_errors(jobs, prompts):
        click.echo("error: the linter found errors; fix them, or render anyway with --no-lint", err=True)
        return FINDINGS
    renderer = Renderer(_models(files, given))
    if given["compiled"]:
        renderer.compile()
    done = 0
    try:
        for index, job in enumerate(jobs):
            path = numbered(output, index, len(jobs))
            _one(renderer, job, path, given)
            done += 1
    except KeyboardInterrupt:
        click.echo(f"\ninterrupted; {done} of {len(jobs)} images are finished and kept", err=True)
        return INTERRUPTED
    return DONE


def _prompts(source: str, given: dict[str, Any], dialect: Dialect, usual: Profile) -> list[tuple[str, str, Profile]]:
    """Return prompt, negative prompt and profile of everything in the source."""
    chosen = load_profile(given["profile"]) if given["profile"] else None
    fallback = chosen or usual
    if Path(source).suffix.lower() in (".yaml", ".yml", ".json"):
        found = []
        for item in read_prompt_file(source, profile=given["profile"]):
            profile = chosen or item.profile or fallback
            negative = None if item.prompt.negative is None else item.prompt.negative.to_text(dialect)
            found.append((item.prompt.to_text(dialect), _negative(given, negative, profile), profile))
        return found
    text, beside = split_negative(text_of(source))
    return [(text.strip("\n"), _negative(given, beside, fallback), fallback)]


def _negative(given: dict[str, Any], own: str | None, profile: Profile) -> str:
    if given["negative"] is not None:
        return str(given["negative"])
    return ", ".join(profile.negative) if own is None else own


def _settings(given: dict[str, Any], profile: Profile) -> RenderSettings:
    wanted = {key: given[key] for key in ("steps", "guidance_scale", "sampler", "scheduler", "shift", "denoise")}
    if given["size"]:
        size = parse_size(given["size"])
        if size is None:
            raise SettingsError(f"size is '{given['size']}'; expected {SIZE}")
        wanted |= {"width": size[0], "height": size[1]}
    if given["denoise"] is not None and not given["init"]:
        raise SettingsError("--denoise needs --init; give the image to start from")
    if given["interval"]:
        low, _, high = given["interval"].partition("-")
        try:
            wanted["interval"] = (float(low), float(high))
        except ValueError:
            raise SettingsError(f"interval is '{given['interval']}'; expected two shares such as 0.1-0.8") from None
        click.echo("note: a guidance interval is an approximation", err=True)
    apg = Apg.parse(given["apg"]) if given["apg"] else None
    settings = settings_from_profile(profile, zero_star=given["zero_star"] or None, apg=apg, **wanted)
    low, high = profile.area_range
    if not low <= settings.width * settings.height <= high:
        click.echo(f"warning: {settings.width}x{settings.height} is outside what {profile.name} was made for", err=True)
    return settings


def _has_errors(jobs: list[Job], prompts: list[tuple[str, str, Profile]]) -> bool:
    """Print what the linter finds; say whether there is an error among it."""
    from anima_prompt.diagnostics import Severity
    from anima_prompt.lint import Document, Linter
    from anima_prompt.lint.config import Config

    linter = Linter(Config())
    errors = False
    for text, negative, profile in prompts:
        dialect = jobs[0].dialect
        for d in linter.check(Document(text, negative or None, dialect=dialect, profile=profile.key)):
            if d.severity is not Severity.INFO:
                click.echo(f"{d.severity}: {d.code} {d.name}: {d.message}", err=True)
                errors = errors or d.severity is Severity.ERROR
    return errors


def chosen_files(folder: str | None, checkpoint: str | None = None, *, another: str = "--checkpoint") -> ModelFiles:
    """Return the model's files: those of a folder, or the usual ones, with the DiT that is asked for.

    Args:
        folder: where they are; None for the usual place.
        checkpoint: a DiT by name, or its file; None for the usual one.
        another: what the user is told to take another DiT with.

    Raises:
        CheckpointError: something is missing.
    """
    files = find_files(folder).require_all(folder) if folder else default_files()
    if checkpoint is not None:
        return files.with_checkpoint(checkpoint)
    if files.is_demo:
        click.echo(DEMO_NOTE, err=True)
    others = [path.stem for path in files.checkpoints() if path != files.dit and "anima" in path.stem.lower()]
    if others and files.dit is not None:
        click.echo(f"note: takes {files.dit.stem}; {another} takes another: {', '.join(others)}", err=True)
    return files


def _models(files: ModelFiles, given: dict[str, Any]) -> Models:
    start = time.perf_counter()
    models = Models.load(files, dtype=given["dtype"], device=given["device"], offload=given["offload"])
    click.echo(f"loaded {files.dit} in {time.perf_counter() - start:.1f} s", err=True)
    return models


def _one(renderer: Renderer, job: Job, path: Path, given: dict[str, Any]) -> None:
    start: StartImage | None = None
    if given["init"]:
        start = renderer.start_from(given["init"], job.settings, given["mask"], strip=given["strip"])
    preview = Preview(renderer.models.vae) if given["preview"] else None
    began = time.perf_counter()

    def show(step: int, total: int, denoised: Tensor) -> None:
        if preview is not None and step % given["preview"] == 0:
            preview.save(denoised[0], path.with_suffix(".preview.png"))
        _say(step, total, began)

    (image,) = renderer.render([job], start=start, progress=show, strip=given["strip"])
    _save(image, path)
    path.with_suffix(".preview.png").unlink(missing_ok=True) if preview else None
    clear = "\r\x1b[K" if sys.stderr.isatty() else ""
    click.echo(f"{clear}{path}: seed {job.seed}, {time.perf_counter() - began:.1f} s", err=True)
    click.echo(str(path))


def _say(step: int, total: int, began: float) -> None:
    if not sys.stderr.isatty():
        return
    seconds = time.perf_counter() - began
    rate = step / seconds
    click.echo(
        f"\r\x1b[Kstep {step} of {total}, {rate:.2f} it/s, {(total - step) / rate:.0f} s left", nl=False, err=True
    )


def _save(image: RenderedImage, path: Path) -> None:
    save_image(image.image, path, parameters=image.parameters, workflow=image.workflow)


def numbered(path: Path, index: int, count: int) -> Path:
    """Return a path with a number where several images are written.

    >>> numbered(Path("a.png"), 2, 12).name
    'a-03.png'
    """
    width = max(2, len(str(count)))
    return path if count == 1 else path.with_stem(f"{path.stem}-{index + 1:0{width}}")

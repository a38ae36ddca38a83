"""``anima-infer render``."""

from __future__ import annotations

import secrets
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from torch import Tensor

from anima_infer.errors import SettingsError
from anima_infer.files import DEMO, HUB, ModelFiles, default_files, find_files
from anima_infer.models import Models
from anima_infer.render.job import Job, LoraUse, consecutive_seeds, default_profile, settings_from_profile
from anima_infer.render.metadata import start_files
from anima_infer.render.preview import Preview
from anima_infer.render.renderer import RenderedImage, Renderer
from anima_infer.sampling.guidance import Apg
from anima_infer.sampling.guided_model import StartImage
from anima_infer.sampling.noise import check_seed
from anima_infer.sampling.settings import RenderSettings
from anima_prompt.cli.progress import ProgressBar
from anima_prompt.cli.source import text_of
from anima_prompt.dialects import Dialect
from anima_prompt.interchange.images import SUFFIXES, save_image
from anima_prompt.interchange.promptfile import read_prompt_file
from anima_prompt.interchange.textfile import split_negative
from anima_prompt.numbers import SIZE, parse_size
from anima_prompt.profiles import Profile, load_profile

DONE, FINDINGS, INTERRUPTED = 0, 1, 130
RANDOM = -1
"""The seed that A1111-style programs write for a random one."""

DEMO_NOTE = (
    f"note: using the bundled demo model {DEMO}, which draws small cartoons; for the real model, download "
    f"huggingface.co/{HUB} and pass --models FOLDER"
)


def run(source: str, options: dict[str, Any]) -> int:
    """Render; return the exit code."""
    dialect = Dialect.of(options["dialect"])
    output: Path = options["output"]
    if output.suffix.lower() not in SUFFIXES:
        raise SettingsError(f"{output}: suffix is '{output.suffix}'; expected one of {', '.join(SUFFIXES)}")
    if options["mask"] and not options["init"]:
        raise SettingsError("--mask needs --init; pass the image that the mask is for")
    files = chosen_files(options["folder"], options["checkpoint"])
    default = default_profile(files)
    if default.note and not options["profile"]:
        click.echo(f"note: {default.title}: {default.note}", err=True)
    prompts = _prompts(source, options, dialect, default)
    seed = secrets.randbelow(2**32) if options["seed"] in (None, RANDOM) else check_seed(options["seed"])
    loras = tuple(replace(use, path=files.find_lora(use.path)) for use in map(LoraUse.parse, options["loras"]))
    jobs = [
        Job(text, negative, _settings(options, profile), job_seed, loras, dialect)
        for text, negative, profile in prompts
        for job_seed in consecutive_seeds(seed, options["count"])
    ]
    if not options["no_lint"] and _has_errors(jobs, prompts):
        click.echo("error: the linter reports errors; fix them, or render anyway with --no-lint", err=True)
        return FINDINGS
    renderer = Renderer(_models(files, options), notify=lambda line: click.echo(f"note: {line}", err=True))
    if options["compiled"]:
        renderer.compile()
    done = 0
    try:
        for index, job in enumerate(jobs):
            path = numbered(output, index, len(jobs))
            _render(renderer, job, path, options, is_first=index == 0)
            done += 1
    except KeyboardInterrupt:
        click.echo(f"\ninterrupted; {done} of {len(jobs)} images are finished", err=True)
        return INTERRUPTED
    return DONE


def _prompts(
    source: str, options: dict[str, Any], dialect: Dialect, default: Profile
) -> list[tuple[str, str, Profile]]:
    """Return prompt, negative prompt and profile of every prompt in the source."""
    chosen = load_profile(options["profile"]) if options["profile"] else None
    fallback = chosen or default
    if Path(source).suffix.lower() in (".yaml", ".yml", ".json"):
        prompts = []
        for item in read_prompt_file(source, profile=options["profile"]):
            profile = chosen or item.profile or fallback
            negative = None if item.prompt.negative is None else item.prompt.negative.to_text(dialect)
            prompts.append((item.prompt.to_text(dialect), _negative(options, negative, profile), profile))
        return prompts
    text, negative = split_negative(text_of(source))
    return [(text.strip("\n"), _negative(options, negative, fallback), fallback)]


def _negative(options: dict[str, Any], in_source: str | None, profile: Profile) -> str:
    if options["negative"] is not None:
        return str(options["negative"])
    return ", ".join(profile.negative) if in_source is None else in_source


def _settings(options: dict[str, Any], profile: Profile) -> RenderSettings:
    overrides = {key: options[key] for key in ("steps", "guidance_scale", "sampler", "scheduler", "shift", "denoise")}
    if options["size"]:
        size = parse_size(options["size"])
        if size is None:
            raise SettingsError(f"size is '{options['size']}'; expected {SIZE}")
        overrides |= {"width": size[0], "height": size[1]}
    if options["denoise"] is not None and not options["init"]:
        raise SettingsError("--denoise needs --init; pass the image to start from")
    if options["interval"]:
        low, _, high = options["interval"].partition("-")
        try:
            overrides["interval"] = (float(low), float(high))
        except ValueError:
            raise SettingsError(
                f"interval is '{options['interval']}'; expected two fractions of the steps, such as 0.1-0.8"
            ) from None
        click.echo("note: a guidance range is an approximation", err=True)
    apg = Apg.parse(options["apg"]) if options["apg"] else None
    settings = settings_from_profile(profile, zero_star=options["zero_star"] or None, apg=apg, **overrides)
    low, high = profile.area_range
    if not low <= settings.width * settings.height <= high:
        click.echo(
            f"warning: {settings.width}x{settings.height} is outside the sizes that {profile.name} was trained for",
            err=True,
        )
    return settings


def _has_errors(jobs: list[Job], prompts: list[tuple[str, str, Profile]]) -> bool:
    """Print the findings of the linter; return whether there are errors."""
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


def chosen_files(folder: str | None, checkpoint: str | None = None, *, option: str = "--checkpoint") -> ModelFiles:
    """Return the files of a model.

    Args:
        folder: of the model; None for the default model.
        checkpoint: DiT to use, a name or a file; None for the default one.
        option: name of the option or key that the hint tells the user to set.

    Raises:
        CheckpointError: a file is missing.
    """
    files = find_files(folder).require_all(folder) if folder else default_files()
    if checkpoint is not None:
        return files.with_checkpoint(checkpoint)
    if files.is_demo:
        click.echo(DEMO_NOTE, err=True)
    names = [path.stem for path in files.checkpoints() if path != files.dit and "anima" in path.stem.lower()]
    if names and files.dit is not None:
        click.echo(f"note: using {files.dit.stem}; also found: {', '.join(names)} (select with {option})", err=True)
    return files


def _models(files: ModelFiles, options: dict[str, Any]) -> Models:
    start = time.perf_counter()
    models = Models.load(files, dtype=options["dtype"], device=options["device"], offload=options["offload"])
    click.echo(f"loaded {files.dit} in {time.perf_counter() - start:.1f} s", err=True)
    return models


def _render(renderer: Renderer, job: Job, path: Path, options: dict[str, Any], *, is_first: bool) -> None:
    start: StartImage | None = None
    if options["init"]:
        start = renderer.load_start_image(options["init"], job.settings, options["mask"], strip=options["strip"])
    preview = Preview(renderer.models.vae) if options["preview"] else None
    start_time = time.perf_counter()
    with ProgressBar("rendering") as bar:

        def show(step: int, total: int, denoised: Tensor) -> None:
            if preview is not None and step % options["preview"] == 0:
                preview.save(denoised[0], path.with_suffix(".preview.png"))
            rate = step / (time.perf_counter() - start_time)
            bar.update(step, total, f"step {step} of {total}, {rate:.2f} it/s, {(total - step) / rate:.0f} s left")

        names = start_files(options["init"], options["mask"]) if options["init"] else None
        (rendered,) = renderer.render([job], start=start, start_files=names, progress=show, strip=options["strip"])
    _save(rendered, path)
    path.with_suffix(".preview.png").unlink(missing_ok=True) if preview else None
    click.echo(f"{path}: seed {job.seed}, {time.perf_counter() - start_time:.1f} s", err=True)
    for note in rendered.notes if is_first and not renderer.models.files.is_demo else ():
        click.echo(f"note: ComfyUI workflow: {note}", err=True)
    click.echo(str(path))


def _save(rendered: RenderedImage, path: Path) -> None:
    save_image(rendered.image, path, parameters=rendered.parameters, workflow=rendered.workflow)


def numbered(path: Path, index: int, count: int) -> Path:
    """Return a path, with a number if several images are written.

    >>> numbered(Path("a.png"), 2, 12).name
    'a-03.png'
    """
    width = max(2, len(str(count)))
    return path if count == 1 else path.with_stem(f"{path.stem}-{index + 1:0{width}}")

"""Commands of ``anima-infer``: thin shells round the library.

Results go to standard output, messages to standard error; 0 is done, 1 is stopped by findings, 2 is wrong usage or
input, 130 is interrupted.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import click

from anima_prompt.cli.program import USAGE, Commands, run_program


class InferCommands(Commands):
    """Also turns this package's errors, and missing packages, into one line."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        from anima_infer.errors import InferError

        try:
            return super().invoke(ctx)
        except InferError as error:
            click.echo(f"error: {error}", err=True)
            ctx.exit(USAGE)
        except ImportError as error:
            click.echo(f"error: the package {error.name} is missing; install anima-prompt[infer]", err=True)
            ctx.exit(USAGE)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the program and leave with its exit code."""
    run_program(commands, "anima-infer", arguments)


@click.group(cls=InferCommands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="anima-prompt", prog_name="anima-infer")
def commands() -> None:
    """Render images with the Anima text-to-image model."""


def models_option(command: Any) -> Any:
    """Add ``--models``."""
    return click.option(
        "--models",
        "folder",
        metavar="FOLDER",
        envvar="ANIMA_MODELS",
        help="Folder of ComfyUI, or of the model's files.",
    )(command)


@commands.command()
@click.argument("source", metavar="TEXT|FILE|-")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    default="anima.png",
    show_default=True,
    help="PNG or WebP; several images are numbered.",
)
@models_option
@click.option("--checkpoint", metavar="NAME|FILE", help="DiT to use, where there are several.")
@click.option("--profile", metavar="NAME|FILE", help="Release whose defaults hold; by default the checkpoint's.")
@click.option("--negative", help="Negative prompt; the profile's by default.")
@click.option("--size", metavar="WxH", help="Width and height in pixels, multiples of 16.")
@click.option("--steps", type=int, help="Sampler steps.")
@click.option("--cfg", "guidance_scale", type=float, help="Guidance scale; 1 is off.")
@click.option("--sampler", help="Sampler, by ComfyUI's name.")
@click.option("--scheduler", help="Scheduler, by ComfyUI's name.")
@click.option("--shift", type=float, help="Shift of the schedule; 3 is the model's own.")
@click.option("--seed", type=int, help="Seed of the first image; random by default, and said.")
@click.option("--count", type=click.IntRange(1), default=1, help="How many images, with seeds that rise by one.")
@click.option("--lora", "loras", multiple=True, metavar="NAME|FILE[:STRENGTH]", help="LoRA; may be repeated.")
@click.option("--init", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Image to start from.")
@click.option(
    "--mask", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="With --init: white is what changes."
)
@click.option("--denoise", type=float, help="With --init: share of the way that runs, 0 to 1.")
@click.option("--dialect", default="comfyui", show_default=True, help="Front end whose weights the prompt has.")
@click.option("--zero-star", is_flag=True, help="CFG-Zero* guidance.")
@click.option(
    "--apg", metavar="ETA:NORM:MOMENTUM", help="Adaptive projected guidance (APG), such as 0:15:-0.5; not with --cfg 1."
)
@click.option(
    "--interval", metavar="FROM-TO", help="Shares of the way in which guidance acts, such as 0.1-0.8 (approximate)."
)
@click.option("--dtype", default="auto", show_default=True, help="auto, bf16, fp16, fp32, fp8 (stored so).")
@click.option(
    "--offload", default="none", show_default=True, help="none, parts or blocks: less memory on the device, slower."
)
@click.option("--compile", "compiled", is_flag=True, help="Let PyTorch compile the DiT: slower start, faster steps.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, mps.")
@click.option(
    "--strip", type=click.IntRange(1), help="Decode in strips of so many latent rows: less memory, same image."
)
@click.option("--preview", type=click.IntRange(1), metavar="N", help="Write OUTPUT.preview.png every N steps.")
@click.option("--no-lint", is_flag=True, help="Render even if the linter finds errors.")
@click.pass_context
def render(ctx: click.Context, /, source: str, **given: Any) -> None:
    """Render a prompt, a prompt file or standard input.

    \b
    Try:
      anima-infer render "1girl, red hair, witch hat, night" -o witch.png --models ~/ComfyUI
      anima-infer render prompts.yaml -o out/image.webp --count 4 --seed 1
    """
    from anima_infer.cli.render import run

    ctx.exit(run(source, given))


@commands.group()
def models() -> None:
    """Say which model files are there, and whether they fit."""


@models.command()
@click.argument("place", required=False, metavar="[FOLDER]")
@models_option
@click.option("--load", is_flag=True, help="Load everything, too: finds damage and values that are not finite.")
@click.pass_context
def check(ctx: click.Context, /, place: str | None, folder: str | None, load: bool) -> None:
    """Say what was found in a folder, and what is wrong with it.

    The folder is named alone or after --models.
    """
    from anima_infer.cli.models import check as run

    ctx.exit(run(place or folder, load=load))


@commands.group()
def lora() -> None:
    """Look into LoRA files, convert, merge and extract them."""


@lora.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def inspect(path: Path, as_json: bool) -> None:
    """Show rank, alpha, targets, trigger words and training metadata."""
    from anima_infer.cli.lora import inspect as run

    run(path, as_json=as_json)


@lora.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--to", type=click.Choice(["sd-scripts", "comfyui"]), required=True, help="Whose names to write.")
@click.option("--output", "-o", type=click.Path(path_type=Path), required=True)
def convert(path: Path, to: str, output: Path) -> None:
    """Write a LoRA under the names of another program."""
    from anima_infer.cli.lora import convert as run

    run(path, to, output)


@lora.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("loras", nargs=-1, required=True, metavar="PATH[:STRENGTH]...")
@click.option("--output", "-o", type=click.Path(path_type=Path), required=True)
def merge(model: Path, loras: tuple[str, ...], output: Path) -> None:
    """Write a model with LoRAs merged into it."""
    from anima_infer.cli.lora import merge as run

    run(model, loras, output)


@lora.command()
@click.argument("base", type=click.Path(path_type=Path))
@click.argument("tuned", type=click.Path(path_type=Path))
@click.option("--rank", type=click.IntRange(1, 1024), default=32, show_default=True)
@click.option("--output", "-o", type=click.Path(path_type=Path), required=True)
def extract(base: Path, tuned: Path, rank: int, output: Path) -> None:
    """Write the LoRA that comes nearest to the difference of two models."""
    from anima_infer.cli.lora import extract as run

    run(base, tuned, rank, output)


@commands.group()
def grid() -> None:
    """Render A/B grids, look at them, and vote on them blindly."""


_FOLDER = click.argument("folder", type=click.Path(path_type=Path, file_okay=False, exists=True))


@grid.command()
@click.argument("spec", type=click.Path(dir_okay=False))
@click.option("--output", "-o", type=click.Path(path_type=Path), help="Folder of an earlier run that will be extended.")
@models_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@click.pass_context
def plan(ctx: click.Context, /, spec: str, output: Path | None, folder: str | None, as_json: bool) -> None:
    """Say what a grid holds and costs, and what the linter thinks."""
    from anima_infer.cli.grid import plan as run

    ctx.exit(run(spec, output, folder, as_json=as_json))


@grid.command("run")
@click.argument("spec", type=click.Path(dir_okay=False))
@click.option("--output", "-o", type=click.Path(path_type=Path), required=True, help="Folder for everything.")
@click.option("--resume", is_flag=True, help="Go on with what is in the folder, or extend it.")
@models_option
@click.option("--dtype", default="auto", show_default=True, help="auto, bf16, fp16, fp32, fp8 (stored so).")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, mps.")
@click.option("--offload", default="none", show_default=True, help="none, parts or blocks: less memory, slower.")
@click.option("--compile", "compiled", is_flag=True, help="Let PyTorch compile the DiT: slower start, faster steps.")
@click.option("--no-lint", is_flag=True, help="Render even if the linter finds errors.")
@click.pass_context
def run_grid(ctx: click.Context, /, spec: str, output: Path, **given: Any) -> None:
    """Render what is missing of a grid; write sheet and report.

    \b
    Try:
      anima-infer grid run examples/grids/weights.yaml -o out/weights
      anima-infer grid run examples/grids/weights.yaml -o out/weights --resume
    """
    from anima_infer.cli.grid import run

    ctx.exit(run(spec, output, given))


@grid.command()
@_FOLDER
@click.option("--output", "-o", type=click.Path(path_type=Path), help="PNG or WebP; FOLDER/sheet.png by default.")
@click.option("--cell", type=click.IntRange(32, 2048), help="Side of a cell in pixels.")
@click.pass_context
def sheet(ctx: click.Context, /, folder: Path, output: Path | None, cell: int | None) -> None:
    """Write the contact sheet of a grid."""
    from anima_infer.cli.grid import sheet as run

    ctx.exit(run(folder, output, cell))


@grid.command()
@_FOLDER
@click.option("--output", "-o", type=click.Path(path_type=Path), help="HTML file; FOLDER/report.html by default.")
@click.option("--embed/--link", "embed", default=None, help="Put whole images into the page, or link them.")
@click.option("--tagger", metavar="FOLDER|demo", help="ONNX tagger that scores the prompts' tags, or the demo's judge.")
@click.pass_context
def report(ctx: click.Context, /, folder: Path, output: Path | None, **given: Any) -> None:
    """Write the report page of a grid."""
    from anima_infer.cli.grid import report as run

    ctx.exit(run(folder, output, given))


@grid.command()
@_FOLDER
@click.option("--axis", help="Show pairs that differ on this axis alone; all axes by default.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port; a free one by default.")
@click.option("--open/--no-open", "open_page", default=True, help="Open the page in the browser.")
@click.pass_context
def review(ctx: click.Context, /, folder: Path, axis: str | None, port: int, open_page: bool) -> None:
    """Serve a page on this machine that collects blind votes."""
    from anima_infer.cli.grid import review as run

    ctx.exit(run(folder, axis, port, open_page=open_page))


@grid.command()
@_FOLDER
@click.option("--format", "form", type=click.Choice(["text", "json", "csv"]), default="text", show_default=True)
@click.pass_context
def results(ctx: click.Context, /, folder: Path, form: str) -> None:
    """Say what the votes say."""
    from anima_infer.cli.grid import results as run

    ctx.exit(run(folder, form))


@grid.command()
@click.argument("spec", type=click.Path(dir_okay=False))
@click.option("--comfyui", is_flag=True, required=True, help="Write ComfyUI API workflows.")
@click.option("--output", "-o", type=click.Path(path_type=Path), required=True, help="Empty folder for them.")
@click.option("--model", metavar="NAME", help="File name of the DiT in ComfyUI.")
@click.option("--profile", metavar="NAME|FILE", help="Release whose defaults hold; base-1.0 by default.")
@click.pass_context
def export(
    ctx: click.Context, /, spec: str, comfyui: bool, output: Path, model: str | None, profile: str | None
) -> None:
    """Write a grid as workflows for another program."""
    from anima_infer.cli.grid import export as run

    del comfyui
    ctx.exit(run(spec, output, model, profile))


@grid.command()
@_FOLDER
@click.option("--output", "-o", type=click.Path(path_type=Path), required=True, help="Folder for the grid.")
@click.pass_context
def adopt(ctx: click.Context, /, folder: Path, output: Path) -> None:
    """Build a grid from images made elsewhere, by their metadata."""
    from anima_infer.cli.grid import adopt as run

    ctx.exit(run(folder, output))


@grid.command()
@click.pass_context
def schema(ctx: click.Context, /) -> None:
    """Print the JSON schema of grid specifications, for editors."""
    from anima_infer.cli.grid import schema as run

    ctx.exit(run())

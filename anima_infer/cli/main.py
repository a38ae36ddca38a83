"""Commands of ``anima-infer``: options, and calls of the functions that do the work.

Results go to standard output, messages to standard error. Exit codes: 0 done, 1 findings, 2 wrong usage or unreadable
input, 130 interrupted.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import click

from anima_infer.grid.executors import DEFAULT_EXECUTOR, EXECUTORS
from anima_prompt.cli.program import Commands, echo_message, run_program


class InferCommands(Commands):
    """Prints warnings about weight files as one line each."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        with _warnings_as_lines():
            return super().invoke(ctx)


@contextmanager
def _warnings_as_lines() -> Iterator[None]:
    """Print each warning about a weight file once, as one line, without a place in the code."""
    from anima_infer.errors import CheckpointWarning

    printed: set[str] = set()

    def show(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
        if issubclass(category, CheckpointWarning):
            if str(message) in printed:
                return
            printed.add(str(message))
            echo_message(f"warning: {message}")
        else:
            show_other(message, category, *place, **more)

    with warnings.catch_warnings():
        show_other = warnings.showwarning
        warnings.showwarning = show
        warnings.simplefilter("always", CheckpointWarning)
        yield


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the program and exit with its exit code."""
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
        help="ComfyUI folder, or folder of the model's files.",
    )(command)


def profile_option(command: Any) -> Any:
    """Add ``--profile``."""
    return click.option(
        "--profile",
        metavar="NAME|FILE",
        help="Release whose default settings are used (default: detected from the checkpoint).",
    )(command)


@commands.command()
@click.argument("source", metavar="TEXT|FILE|-")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    default="anima.png",
    show_default=True,
    help="PNG or WebP file; several images are numbered.",
)
@models_option
@click.option("--checkpoint", metavar="NAME|FILE", help="DiT to use if the folder contains several.")
@profile_option
@click.option("--negative", help="Negative prompt (default: the profile's).")
@click.option("--size", metavar="WxH", help="Width and height in pixels, multiples of 16.")
@click.option("--steps", type=int, help="Sampler steps.")
@click.option("--cfg", "guidance_scale", type=float, help="Guidance scale; 1 is off.")
@click.option("--sampler", help="Sampler, by its name in ComfyUI.")
@click.option("--scheduler", help="Scheduler, by its name in ComfyUI.")
@click.option("--shift", type=float, help="Shift of the schedule; the model was trained with 3.")
@click.option("--seed", type=int, help="Seed of the first image (default, or -1: random; printed).")
@click.option("--count", type=click.IntRange(1), default=1, help="Number of images, with consecutive seeds.")
@click.option("--lora", "loras", multiple=True, metavar="NAME|FILE[:STRENGTH]", help="LoRA to apply; repeatable.")
@click.option(
    "--init", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Image to start from (image to image)."
)
@click.option(
    "--mask",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="With --init: mask image; white may change (inpainting).",
)
@click.option("--denoise", type=float, help="With --init: denoising strength, 0-1.")
@click.option("--dialect", default="comfyui", show_default=True, help="Front end whose weight syntax the prompt uses.")
@click.option("--zero-star", is_flag=True, help="Use CFG-Zero* guidance.")
@click.option(
    "--apg", metavar="ETA:NORM:MOMENTUM", help="Adaptive projected guidance (APG), such as 0:15:-0.5; not with --cfg 1."
)
@click.option(
    "--interval",
    metavar="FROM-TO",
    help="Guidance range: fraction of the steps during which guidance is active, such as 0.1-0.8 (approximate).",
)
@click.option("--dtype", default="auto", show_default=True, help="auto, bf16, fp16, fp32, or fp8 (storage only).")
@click.option(
    "--offload", default="none", show_default=True, help="none, parts or blocks: less memory on the device, slower."
)
@click.option(
    "--compile", "compiled", is_flag=True, help="Compile the DiT with torch.compile: slower start, faster steps."
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, mps.")
@click.option(
    "--strip", type=click.IntRange(1), help="Decode in strips of this many latent rows: less memory, same image."
)
@click.option("--preview", type=click.IntRange(1), metavar="N", help="Write OUTPUT.preview.png every N steps.")
@click.option("--no-lint", is_flag=True, help="Render even if the linter reports errors.")
@click.pass_context
def render(ctx: click.Context, /, source: str, **options: Any) -> None:
    """Render a prompt, a prompt file or standard input.

    \b
    Try:
      anima-infer render "1girl, red hair, witch hat, night" -o witch.png --models ~/ComfyUI
      anima-infer render prompts.yaml -o out/image.webp --count 4 --seed 1
    """
    from anima_infer.cli.render import run

    ctx.exit(run(source, options))


@commands.group()
def models() -> None:
    """Check which model files are present and compatible."""


@models.command()
@click.argument("path", required=False, metavar="[FOLDER]")
@models_option
@click.option("--load", is_flag=True, help="Also load every file, to find damage and values that are not finite.")
@click.pass_context
def check(ctx: click.Context, /, path: str | None, folder: str | None, load: bool) -> None:
    """List the model files in a folder, and what is wrong with them.

    Pass the folder as argument or with --models.
    """
    from anima_infer.cli.models import check as run

    ctx.exit(run(path or folder, load=load))


@commands.group()
def lora() -> None:
    """Inspect, convert, remap, merge and extract LoRA files."""


@lora.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def inspect(path: Path, as_json: bool) -> None:
    """Show rank, alpha, targets, trigger words and training metadata."""
    from anima_infer.cli.lora import inspect as run

    run(path, as_json=as_json)


@lora.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--to", type=click.Choice(["sd-scripts", "comfyui"]), required=True, help="Program whose names to write.")
@click.option("--output", "-o", type=click.Path(path_type=Path), required=True)
def convert(path: Path, to: str, output: Path) -> None:
    """Convert the names in a LoRA file to those of another program."""
    from anima_infer.cli.lora import convert as run

    run(path, to, output)


@lora.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--to", type=click.Choice(["28", "40", "52"]), required=True, help="Number of the model's blocks.")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    help="LoRA file (default: the name with '-40-blocks' at its end).",
)
def remap(path: Path, to: str, output: Path | None) -> None:
    """Move a LoRA between models of 28, 40 and 52 blocks.

    40 blocks: Anima-2.9B; 52: Anima-3.8B.
    """
    from anima_infer.cli.lora import remap as run

    run(path, int(to), output)


@lora.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("loras", nargs=-1, required=True, metavar="PATH[:STRENGTH]...")
@click.option("--output", "-o", type=click.Path(path_type=Path), required=True)
@click.option(
    "--dtype",
    type=click.Choice(["fp32", "fp16", "bf16", "fp8"]),
    help="Dtype of the changed weights (default: the file's; bf16 for quantized layers).",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**31 - 1),
    default=0,
    show_default=True,
    help="Seed of the stochastic rounding to bf16 and fp8.",
)
def merge(model: Path, loras: tuple[str, ...], output: Path, dtype: str | None, seed: int) -> None:
    """Merge LoRAs into a model and write the model."""
    from anima_infer.cli.lora import merge as run

    run(model, loras, output, dtype=dtype, seed=seed)


@lora.command()
@click.argument("base", type=click.Path(path_type=Path))
@click.argument("tuned", type=click.Path(path_type=Path))
@click.option("--rank", type=click.IntRange(1, 1024), default=32, show_default=True)
@click.option("--output", "-o", type=click.Path(path_type=Path), required=True)
def extract(base: Path, tuned: Path, rank: int, output: Path) -> None:
    """Extract the difference of two models as a LoRA."""
    from anima_infer.cli.lora import extract as run

    run(base, tuned, rank, output)


@commands.group()
def grid() -> None:
    """Render A/B grids, compare the images, and vote blind."""


_FOLDER = click.argument("folder", type=click.Path(path_type=Path, file_okay=False, exists=True))


@grid.command()
@click.argument("spec", type=click.Path(dir_okay=False))
@click.option("--output", "-o", type=click.Path(path_type=Path), help="Folder of an earlier run to extend.")
@models_option
@profile_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@click.pass_context
def plan(ctx: click.Context, /, spec: str, output: Path | None, folder: str | None, **options: Any) -> None:
    """Say what a grid holds and costs, and what the linter thinks."""
    from anima_infer.cli.grid import plan as run

    ctx.exit(run(spec, output, folder, options["profile"], as_json=options["as_json"]))


@grid.command("run")
@click.argument("spec", type=click.Path(dir_okay=False))
@click.option("--output", "-o", type=click.Path(path_type=Path), required=True, help="Folder of the grid.")
@click.option("--resume", is_flag=True, help="Continue or extend the grid in the folder.")
@click.option(
    "--executor",
    type=click.Choice(list(EXECUTORS)),
    default=DEFAULT_EXECUTOR,
    show_default=True,
    help=f"Where images are rendered. {'; '.join(f'{name}: {kind.about}' for name, kind in EXECUTORS.items())}.",
)
@models_option
@profile_option
@click.option("--dtype", default="auto", show_default=True, help="auto, bf16, fp16, fp32, or fp8 (storage only).")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, mps.")
@click.option("--offload", default="none", show_default=True, help="none, parts or blocks: less memory, slower.")
@click.option(
    "--compile", "compiled", is_flag=True, help="Compile the DiT with torch.compile: slower start, faster steps."
)
@click.option("--no-lint", is_flag=True, help="Render even if the linter reports errors.")
@click.pass_context
def run_grid(ctx: click.Context, /, spec: str, output: Path, **options: Any) -> None:
    """Render the missing images of a grid; write sheet and report.

    \b
    Try:
      anima-infer grid run examples/grids/weights.yaml -o out/weights
      anima-infer grid run examples/grids/weights.yaml -o out/weights --resume
    """
    from anima_infer.cli.grid import run

    ctx.exit(run(spec, output, options))


@grid.command()
@_FOLDER
@click.option("--output", "-o", type=click.Path(path_type=Path), help="PNG or WebP file (default: FOLDER/sheet.png).")
@click.option("--cell", type=click.IntRange(32, 2048), help="Side of a cell in pixels.")
@click.pass_context
def sheet(ctx: click.Context, /, folder: Path, output: Path | None, cell: int | None) -> None:
    """Write the contact sheet of a grid."""
    from anima_infer.cli.grid import sheet as run

    ctx.exit(run(folder, output, cell))


@grid.command()
@_FOLDER
@click.option("--output", "-o", type=click.Path(path_type=Path), help="HTML file (default: FOLDER/report.html).")
@click.option(
    "--embed/--link",
    "embed",
    default=None,
    help="Embed the images in the page, or link to the files (default: embed up to 24 MB).",
)
@click.option(
    "--tagger",
    metavar="FOLDER|demo",
    help="ONNX tagger that checks the prompts' tags in the images, or the demo model's judge.",
)
@click.pass_context
def report(ctx: click.Context, /, folder: Path, output: Path | None, **options: Any) -> None:
    """Write the report page of a grid."""
    from anima_infer.cli.grid import report as run

    ctx.exit(run(folder, output, options))


@grid.command()
@_FOLDER
@click.option("--axis", help="Only compare values of this axis (default: all axes).")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port (default: a free one).")
@click.option("--open/--no-open", "open_page", default=True, help="Open the page in the browser.")
@click.pass_context
def review(ctx: click.Context, /, folder: Path, axis: str | None, port: int, open_page: bool) -> None:
    """Serve a local page that collects blind votes."""
    from anima_infer.cli.grid import review as run

    ctx.exit(run(folder, axis, port, open_page=open_page))


@grid.command()
@_FOLDER
@click.option("--format", "form", type=click.Choice(["text", "json", "csv"]), default="text", show_default=True)
@click.pass_context
def results(ctx: click.Context, /, folder: Path, form: str) -> None:
    """Summarize the votes."""
    from anima_infer.cli.grid import results as run

    ctx.exit(run(folder, form))


@grid.command()
@click.argument("spec", type=click.Path(dir_okay=False))
@click.option("--comfyui", is_flag=True, required=True, help="Write ComfyUI API workflows.")
@click.option("--output", "-o", type=click.Path(path_type=Path), required=True, help="Empty folder for the workflows.")
@models_option
@profile_option
@click.option("--model", metavar="NAME", help="File name of the DiT in ComfyUI (default: that of the model's file).")
@click.option("--dtype", default="auto", show_default=True, help="auto, bf16, fp16, fp32, or fp8 (storage only).")
@click.option(
    "--check",
    metavar="FILE",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Answer of your server to GET /object_info: also check nodes, models and LoRAs against it.",
)
@click.pass_context
def export(ctx: click.Context, /, spec: str, output: Path, **options: Any) -> None:
    """Write a grid as ComfyUI workflows, one per image.

    What ComfyUI has no nodes for is refused by name, with exit code 1; the other images are written.
    """
    from anima_infer.cli.grid import export as run

    ctx.exit(run(spec, output, options))


@grid.command("import")
@_FOLDER
@click.option("--output", "-o", type=click.Path(path_type=Path), required=True, help="Folder of the new grid.")
@click.pass_context
def import_(ctx: click.Context, /, folder: Path, output: Path) -> None:
    """Build a grid from images of other programs, by their metadata."""
    from anima_infer.cli.grid import import_images as run

    ctx.exit(run(folder, output))


@grid.command()
@click.pass_context
def schema(ctx: click.Context, /) -> None:
    """Print the JSON schema of grid specifications, for editors."""
    from anima_infer.cli.grid import schema as run

    ctx.exit(run())


class TrainCommands(click.Group):
    """``train SPEC`` is short for ``train run SPEC``."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command of the arguments; a first argument that names none is a specification."""
        if args and args[0] not in self.commands:
            args = ["run", *args]
        return super().resolve_command(ctx, args)


@commands.group(cls=TrainCommands)
def train() -> None:
    """Train a LoRA, LoHa or LoKr, or fine-tune the model: train SPEC.yaml."""


_SPEC = click.argument("spec", type=click.Path(dir_okay=False))


@train.command("run")
@_SPEC
@click.option("--resume", is_flag=True, help="Continue the training in the output folder.")
@click.option("--overwrite", is_flag=True, help="Start again, and delete the state in the output folder.")
@click.option("--dry-run", is_flag=True, help="Print what would be done (as train plan).")
@click.pass_context
def train_run(ctx: click.Context, /, spec: str, resume: bool, overwrite: bool, dry_run: bool) -> None:
    """Train as a specification says."""
    from anima_infer.cli.train import plan, run

    if dry_run:
        ctx.exit(plan(spec, as_json=False, modules=False))
    ctx.exit(run(spec, resume=resume, overwrite=overwrite))


@train.command("plan")
@_SPEC
@click.option("--modules", is_flag=True, help="List every trained module with its shapes.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@click.pass_context
def train_plan(ctx: click.Context, /, spec: str, modules: bool, as_json: bool) -> None:
    """Show modules, memory, steps and samples of a training."""
    from anima_infer.cli.train import plan

    ctx.exit(plan(spec, as_json=as_json, modules=modules))


@train.command("prepare")
@_SPEC
@click.pass_context
def train_prepare(ctx: click.Context, /, spec: str) -> None:
    """Encode images and captions into the cache."""
    from anima_infer.cli.train import prepare

    ctx.exit(prepare(spec))


@train.command("schema")
@click.pass_context
def train_schema(ctx: click.Context, /) -> None:
    """Print the JSON schema of specifications, for editors."""
    from anima_infer.cli.train import schema

    ctx.exit(schema())


@train.command("options")
@click.pass_context
def train_options(ctx: click.Context, /) -> None:
    """Print the table of all options in Markdown."""
    from anima_infer.cli.train import options

    ctx.exit(options())

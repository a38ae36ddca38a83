"""``anima-infer train``: run, plan, prepare, schema, options."""

from __future__ import annotations

import json
import math
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from anima_infer.errors import TrainingError
from anima_infer.training.running.plan import TrainPlan, make_plan
from anima_infer.training.running.previews import Previews, preview_settings
from anima_infer.training.running.session import Session
from anima_infer.training.running.trainer import LOG, STATE, StepReport, Trainer
from anima_infer.training.spec.reader import read_spec
from anima_prompt.numbers import counted

DONE, INTERRUPTED = 0, 130
GIGABYTE = 1e9


def run(spec_path: str, *, resume: bool, overwrite: bool) -> int:
    """Train; return the exit code."""
    session = Session.open(read_spec(spec_path))
    folder = session.spec.output.folder
    _check_output(folder, resume=resume, overwrite=overwrite)
    if session.spec.previews.prompts:
        preview_settings(session.spec.previews, session.files)  # wrong settings are found before anything is encoded
    with _bars() as bars:
        data, validation = session.prepare(bars.notify)
        trainer = session.trainer(data, validation, preview=_previews(session))
        if resume:
            trainer.resume()
        click.echo(_first_line(trainer), err=True)
        last = None
        with _stop_on_interrupt(trainer):
            for last in trainer.run():
                bars.step(last)
    return _ended(trainer, last)


def _check_output(folder: Path, *, resume: bool, overwrite: bool) -> None:
    """Raise TrainingError where the output folder contains a training that would be lost."""
    if resume or not (folder / STATE).exists():
        return
    if not overwrite:
        raise TrainingError(f"{folder} contains a training; pass --resume to continue, or --overwrite to start again")
    for path in (folder / STATE, folder / LOG):
        path.unlink(missing_ok=True)
    shutil.rmtree(folder / "previews", ignore_errors=True)


def _previews(session: Session) -> Any:
    if not session.spec.previews.prompts:
        return None
    return lambda trainer: Previews(
        session.spec.previews,
        session.encoding(),
        trainer.trained.networks,
        session.spec.output.folder / "previews",
    )


def _first_line(trainer: Trainer) -> str:
    count = sum(parameter.numel() for parameter in trainer.trained.updater.parameters.values())
    start = f"from step {trainer.step} " if trainer.step else ""
    return (
        f"training {trainer.spec.method.kind}: {counted(count, 'parameter')}, "
        f"{counted(len(trainer.data.samples), 'image')}, {start}to step {trainer.steps}, on {trainer.device}"
    )


def _ended(trainer: Trainer, last: StepReport | None) -> int:
    if trainer.step < trainer.steps:
        click.echo(f"stopped after step {trainer.step}; the state is saved; continue with --resume", err=True)
        return INTERRUPTED
    path = None if last is None else last.saved
    if path is None:
        click.echo("nothing left to do: the training has ended", err=True)
    else:
        click.echo(path)
    return DONE


@contextmanager
def _stop_on_interrupt(trainer: Trainer) -> Iterator[None]:
    """Let the first Ctrl-C end the training after the step under way, and the second one at once."""

    def stop(*_: object) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        trainer.stop()

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class _Bars:
    """Progress on standard error: encoding, then steps with loss, learning rate and time left."""

    def __init__(self, progress: Any) -> None:
        self.progress = progress
        self.tasks: dict[str, Any] = {}
        self.loss = math.nan

    def notify(self, kind: str, done: int, total: int) -> None:
        if kind not in self.tasks:
            self.tasks[kind] = self.progress.add_task(f"encoding {kind}", total=total, detail="")
        self.progress.update(self.tasks[kind], completed=done)

    def step(self, report: StepReport) -> None:
        if "steps" not in self.tasks:
            self.tasks["steps"] = self.progress.add_task("training", total=report.steps, detail="")
        if not math.isnan(report.loss):
            self.loss = report.loss if math.isnan(self.loss) else 0.95 * self.loss + 0.05 * report.loss
        detail = f"loss {self.loss:.4f} rate {report.rate:.2e}"
        self.progress.update(self.tasks["steps"], completed=report.step, detail=detail)
        if report.validation is not None:
            self.progress.console.print(f"step {report.step}: validation loss {report.validation['mean']:.4f}")


@contextmanager
def _bars() -> Iterator[_Bars]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[detail]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        yield _Bars(progress)


def prepare(spec_path: str) -> int:
    """Encode what the cache lacks; return the exit code."""
    session = Session.open(read_spec(spec_path))
    with _bars() as bars:
        data, _ = session.prepare(bars.notify)
    click.echo(f"{session.cache.folder}: {counted(len(data.samples), 'image')} ready", err=True)
    return DONE


def plan(spec_path: str, *, as_json: bool, modules: bool) -> int:
    """Print what a training will do; return the exit code."""
    planned = make_plan(Session.open(read_spec(spec_path)))
    if as_json:
        click.echo(json.dumps(planned.to_dict(), ensure_ascii=False, indent=1))
    else:
        _print_plan(planned, modules=modules)
    return DONE


def _print_plan(planned: TrainPlan, *, modules: bool) -> None:
    memory = planned.memory
    click.echo(f"trains      {memory.trained:,} parameters in {counted(len(planned.modules), 'module')}")
    if modules:
        for name, shape, count in planned.modules:
            click.echo(f"            {name}  {shape}  {count:,}")
    click.echo(f"steps       {planned.steps} ({planned.batches_per_epoch} batches an epoch)")
    parts = (("weights", memory.weights), ("gradients", memory.gradients), ("optimizer", memory.optimizer))
    listed = ", ".join(f"{name} {size / GIGABYTE:.2f}" for name, size in (*parts, ("activations", memory.activations)))
    click.echo(f"memory      {memory.peak / GIGABYTE:.2f} GB at the peak ({listed})")
    sizes = ", ".join(f"{size.width}x{size.height} ({count})" for size, count in planned.sizes.items())
    click.echo(f"sizes       {sizes}")
    for folder, times in planned.exposures:
        click.echo(f"exposures   each image of {folder}: {times:.0f} times")
    for item in planned.cut:
        click.echo(f"cut         {item.path}: caption has {item.tokens} tokens")
    for line in planned.warnings:
        click.echo(f"warning     {line}")
    for sample in planned.samples:
        size = sample.image.size
        click.echo(f"\n{sample.image.path} at {size.width}x{size.height}")
        for text in sample.texts:
            click.echo(f"  {text}")


def schema() -> int:
    """Print the JSON schema of specifications; return the exit code."""
    from anima_infer.training.spec.schema import train_schema

    click.echo(json.dumps(train_schema(), ensure_ascii=False, indent=2))
    return DONE


def options() -> int:
    """Print the table of options; return the exit code."""
    from anima_infer.training.spec.schema import options_table

    click.echo(options_table(), nl=False)
    return DONE

"""``anima-infer models``."""

from __future__ import annotations

import os

import click

from anima_infer.errors import CheckpointError, InferError
from anima_infer.files import describe_files, find_files
from anima_infer.models import Models
from anima_prompt.tokens import VARIABLE

DONE, FINDINGS = 0, 1


def check(folder: str | None, *, load: bool) -> int:
    """Print the model files in a folder; return 1 if a file is missing or does not fit."""
    folder = folder or os.environ.get(VARIABLE)
    if not folder:
        raise CheckpointError(f"no folder; pass --models FOLDER or set {VARIABLE}")
    files = find_files(folder)
    for part, path, description in describe_files(files):
        click.echo(f"{part:15} {description}{'  ' + path if path else ''}")
    missing = files.missing()
    if missing:
        click.echo(f"missing: {', '.join(missing)}", err=True)
        return FINDINGS
    if load:
        try:
            Models.load(files)
        except InferError as error:
            click.echo(f"error: {error}", err=True)
            return FINDINGS
        click.echo("all files load and fit")
    return DONE

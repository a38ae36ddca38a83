"""``anima-infer models``."""

from __future__ import annotations

import os

import click

from anima_infer.errors import CheckpointError
from anima_infer.files import find_files
from anima_infer.inspection import fit_problem, inspect_files, misplaced_parts
from anima_prompt.safe_paths import expand_home
from anima_prompt.tokens import VARIABLE

DONE, FINDINGS = 0, 1


def check(folder: str | None, *, load: bool) -> int:
    """Print the model files in a folder; return 1 if a file is missing, in the wrong place, or does not fit."""
    folder = folder or os.environ.get(VARIABLE)
    if not folder:
        raise CheckpointError(f"no folder; pass --models FOLDER or set {VARIABLE}")
    files = find_files(folder)
    reports = inspect_files(files, values=load)
    for report in reports:
        click.echo(f"{report.name:15} {report.description}{f'  {report.path}' if report.path else ''}")
    problems = [f"{report.path}: {report.problem}" for report in reports if report.problem]
    problems += misplaced_parts(expand_home(folder), files)
    missing = files.missing()
    if missing:
        problems.append(f"missing: {', '.join(missing)}")
    elif not problems:
        problems += [problem] if (problem := fit_problem(files)) else []
    for problem in dict.fromkeys(problems):
        click.echo(f"error: {problem}", err=True)
    if problems:
        return FINDINGS
    click.echo("all files load and fit" if load else "all files fit; --load reads the weights too")
    return DONE

"""What every program of the library does alike: one line for an error, and exit codes.

Results go to standard output, messages to standard error; 0 is clean, 1 is findings, 2 is wrong usage or input, 130 is
interrupted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any, ClassVar, NoReturn

import click

from anima_prompt.errors import AnimaPromptError

CLEAN, FINDINGS, USAGE, INTERRUPTED = 0, 1, 2, 130


class Commands(click.Group):
    """Turns the library's errors into one line each and exit code 2."""

    errors: ClassVar[tuple[type[Exception], ...]] = (AnimaPromptError,)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except self.errors as error:
            for line in str(error).splitlines():
                click.echo(f"error: {line}", err=True)
            ctx.exit(USAGE)


def run_program(commands: click.Group, name: str, arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a program and leave with its exit code; wrong usage gives one line, like any other error."""
    try:
        result = commands.main(arguments, prog_name=name, standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(USAGE)
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else name
        message = " ".join(error.format_message().split()).rstrip(".")
        click.echo(f"error: {message}; see '{path} --help'", err=True)
        sys.exit(USAGE)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FINDINGS)
    sys.exit(result if isinstance(result, int) else CLEAN)

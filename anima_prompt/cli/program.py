"""Shared by all programs of the library: one line for an error, exit codes, and streams that may be closed or full.

Results go to standard output, messages to standard error; 0 is clean, 1 is findings, 2 is wrong usage or input, 130 is
interrupted. Control characters never reach a terminal.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NoReturn

import click

from anima_prompt.errors import AnimaPromptError
from anima_prompt.escapes import visible
from anima_prompt.extras import package_error

CLEAN, FINDINGS, USAGE, INTERRUPTED = 0, 1, 2, 130
_ARGUMENTS = "anima_prompt.arguments"
_LONGEST_MESSAGE = 600


class Commands(click.Group):
    """Turns errors of both packages, and missing packages, into one line each and exit code 2."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Remember the arguments for messages that quote them."""
        ctx.meta[_ARGUMENTS] = tuple(args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except AnimaPromptError as error:
            _echo_lines(str(error), ctx.meta[_ARGUMENTS])
        except ImportError as error:
            echo_error(str(package_error(error)))
        return ctx.exit(USAGE)


class PathArgument(click.Path):
    """A path; a name that no file can have is wrong usage and not an exception."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path."""
        try:
            return super().convert(value, param, ctx)
        except ValueError as error:
            self.fail(f"'{value}' is not a possible file name ({error}).", param, ctx)


def _echo_lines(message: str, arguments: Sequence[str]) -> None:
    """Print an error, whose lines are errors each; line breaks in what it quotes of the arguments do not count."""
    for argument in arguments:
        if len(argument.splitlines()) > 1 or argument.isspace():
            message = message.replace(argument, visible(argument))
    for line in message.splitlines():
        echo_error(line)


def echo_message(text: str) -> None:
    """Print one line on standard error, control characters as escapes."""
    click.echo(visible(text), err=True)


def echo_error(text: str) -> None:
    """Print an error in one line on standard error; the middle of a very long one is left out."""
    if len(text) > _LONGEST_MESSAGE:
        text = f"{text[: _LONGEST_MESSAGE // 2]} ... {text[-_LONGEST_MESSAGE // 2 :]}"
    echo_message(f"error: {text}")


def echo_result(text: str, *, nl: bool = True) -> None:
    """Print a prompt or another result: as it is into a file or pipe, control characters as escapes on a terminal."""
    if is_terminal(sys.stdout):
        click.echo(visible(text, keep="\n\t"), nl=nl)
        return
    sys.stdout.write(f"{text}\n" if nl else text)  # click.echo would drop escape sequences, which the prompt contains
    sys.stdout.flush()


def is_terminal(stream: Any) -> bool:
    """Return whether a stream is open and a terminal."""
    return stream is not None and stream.isatty()


def run_program(commands: click.Group, name: str, arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a program and leave with its exit code; wrong usage gives one line, like any other error.

    Arguments stay as they are on Windows too, where click would expand ``~_~``, ``%`` and ``{a|b}`` in prompts.
    """
    _replace_closed_streams()
    _use_utf8()
    try:
        result = commands.main(arguments, prog_name=name, standalone_mode=False, windows_expand_args=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(USAGE)
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else name
        message = " ".join(error.format_message().split()).rstrip(".")
        echo_error(f"{message}; see '{path} --help'")
        sys.exit(USAGE)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # the reader, such as head, has seen enough
        _discard_output()
        sys.exit(FINDINGS)
    except OSError as error:
        _discard_output()
        echo_error(_described(error))
        sys.exit(USAGE)
    sys.exit(result if isinstance(result, int) else CLEAN)


def _described(error: OSError) -> str:
    """Return a message for an error of the system; without a file name it comes from standard output."""
    reason = error.strerror or str(error)
    reason = reason[:1].lower() + reason[1:]
    if error.filename:
        return f"{error.filename}: cannot be read or written ({reason}); check the path and its permissions"
    if error.errno == errno.EBADF:
        return "standard output is closed; open it, or write to a file"
    return f"standard output cannot be written ({reason}); the output is incomplete"


def _replace_closed_streams() -> None:
    """Open the null device for each closed standard stream, so that no data file gets its number.

    Writing to a standard output that is closed is an error; reading a closed standard input is one, too.
    """
    if os.name != "posix":
        return
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDONLY)  # gets the lowest number that is free
            if descriptor == 1:
                sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115  writing to it fails


def _use_utf8() -> None:
    """Read and write UTF-8 whatever the console or the environment says; what UTF-8 cannot encode is escaped."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            errors = "surrogateescape" if stream is sys.stdin else "backslashreplace"
            stream.reconfigure(encoding="utf-8", errors=errors)


def _discard_output() -> None:
    """Send what is left in the buffer of standard output nowhere, so that it does not fail again at the end."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

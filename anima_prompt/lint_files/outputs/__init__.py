"""The forms in which findings are written, one writer each: it takes reports as they come and closes at the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from anima_prompt.lint_files.report import Report

Echo = Callable[[str], None]


class Writer(Protocol):
    """Writes findings in one form."""

    def report(self, report: Report) -> None:
        """Take the findings of one file."""
        ...

    def close(self) -> None:
        """Write what has to come last."""
        ...


FORMATS = ("text", "concise", "json", "jsonl", "github", "gitlab", "sarif", "junit", "html")


def writer_for(name: str, echo: Echo, *, colour: bool = False) -> Writer:
    """Return the writer of a form.

    Args:
        echo: writes a text without a line end.
        colour: whether the terminal shows colours; for ``text`` and ``concise``.
    """
    if name in ("text", "concise"):
        from anima_prompt.lint_files.outputs.plain import Concise, FullText

        return FullText(echo, colour=colour) if name == "text" else Concise(echo, colour=colour)
    if name == "html":
        from anima_prompt.lint_files.outputs.page import HtmlPage

        return HtmlPage(echo)
    from anima_prompt.lint_files.outputs import machine

    writers: dict[str, Callable[[Echo], Writer]] = {
        "json": machine.Json,
        "jsonl": machine.JsonLines,
        "github": machine.GitHub,
        "gitlab": machine.GitLab,
        "sarif": machine.Sarif,
        "junit": machine.JUnit,
    }
    return writers[name](echo)

"""Output formats of findings: a writer per format, which receives reports one by one and is closed at the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from anima_prompt.lint_files.report import Report

Echo = Callable[[str], None]


class Writer(Protocol):
    """Write findings in a format."""

    def report(self, report: Report) -> None:
        """Write or collect the findings of a file."""
        ...

    def close(self) -> None:
        """Write the end of the output."""
        ...


FORMATS = ("text", "concise", "json", "jsonl", "github", "gitlab", "sarif", "junit", "html")


def writer_for(name: str, echo: Echo, *, color: bool = False, fix: str = "--fix") -> Writer:
    """Return the writer of a format.

    Args:
        echo: writes a text without a line end.
        color: whether the terminal supports colors; for ``text`` and ``concise``.
        fix: the option or command that applies fixes, for the line of totals.
    """
    if name in ("text", "concise"):
        from anima_prompt.lint_files.outputs.plain import Concise, FullText

        return (FullText if name == "text" else Concise)(echo, color=color, fix=fix)
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

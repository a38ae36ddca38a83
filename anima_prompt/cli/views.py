"""Results as tables for people and plain data for programs.

Colors only if standard output is a terminal (rich decides, and respects ``NO_COLOR``).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from anima_prompt.cli.program import echo_result, is_terminal
from anima_prompt.diagnostics import Diagnostic, Severity
from anima_prompt.escapes import visible
from anima_prompt.sections import Section

if TYPE_CHECKING:
    from anima_prompt.interchange.promptfile import PromptFile
    from anima_prompt.profiles import Profile
    from anima_prompt.prompt import Prompt, Reading

_COLORS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "blue"}


@dataclass(frozen=True, slots=True)
class Built:
    """One built prompt, ready to print."""

    name: str
    dialect: str
    prompt: Prompt
    profile: Profile | None
    positive: str
    negative: str | None
    diagnostics: tuple[Diagnostic, ...]

    @classmethod
    def of(cls, item: PromptFile, dialect: str) -> Built:
        """Print both prompts of a file's entry."""
        from anima_prompt.prompt import print_prompt

        positive = print_prompt(item.prompt, dialect)
        negative = None if item.prompt.negative is None else print_prompt(item.prompt.negative, dialect)
        diagnostics = positive.diagnostics + (negative.diagnostics if negative else ())
        return cls(
            item.name,
            dialect,
            item.prompt,
            item.profile,
            positive.text,
            negative.text if negative else None,
            diagnostics,
        )

    def data(self) -> dict[str, Any]:
        """Return a JSON-ready mapping."""
        return {
            "name": self.name,
            "dialect": self.dialect,
            "positive": self.positive,
            "negative": self.negative,
            "profile": self.profile.name if self.profile else None,
            "settings": settings_data(self.profile) if self.profile else None,
            "prompt": self.prompt.to_dict(),
            "diagnostics": [d.to_dict() for d in self.diagnostics],
        }


def reading_data(reading: Reading) -> dict[str, Any]:
    """Return sections with spans, sentences and diagnostics."""
    from anima_prompt.prompt.mapping import number

    sections: dict[str, list[dict[str, Any]]] = {}
    sentences: list[dict[str, Any]] = []
    leading = not any(i.section not in (Section.TEXT, Section.DATASET) for i in reading.items)
    for item in reading.items:
        entry: dict[str, Any] = {"text": item.text, "weight": number(item.weight), "start": item.start, "end": item.end}
        if item.section is Section.TEXT:
            sentences.append({**entry, "place": "after" if leading else "before"})
            continue
        leading = leading or item.section is not Section.DATASET
        if item.verbatim is not None:
            entry["verbatim"] = True
        sections.setdefault(item.section.value, []).append(entry)
    for position, sentence in enumerate(sentences):
        follows = any(i.start > sentence["start"] and i.section is not Section.TEXT for i in reading.items)
        if sentence["place"] == "after" and follows:
            sentences[position]["place"] = "between"
    return {
        "sections": {s.value: sections[s.value] for s in Section if s.value in sections},
        "sentences": sentences,
        "comments": list(reading.prompt.comments),
        "diagnostics": [d.to_dict() for d in reading.diagnostics],
    }


def print_reading(reading: Reading, text: str) -> None:
    """Print a table of tags and sentences by section, with weights and spans."""
    from rich.table import Table

    from anima_prompt.prompt.printer import weight_text

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("section")
    table.add_column("text", overflow="fold")
    table.add_column("weight", justify="right")
    table.add_column("span", justify="right")
    order = list(Section)
    for item in sorted(reading.items, key=lambda i: (order.index(i.section), i.start)):
        weight = "" if item.weight == 1 else weight_text(item.weight)
        shown = f"{item.text}  (as written)" if item.verbatim is not None else item.text
        table.add_row(item.section.value, plain(shown), weight, f"{item.start}-{item.end}")
    if reading.items:
        print_wide(table)
    else:
        click.echo("the prompt is empty" if not text.strip() else "the prompt contains no tags and no sentences")


def print_diagnostics(diagnostics: Iterable[Diagnostic], name: str = "") -> None:
    """Print one line per diagnostic on standard error."""
    for diagnostic in diagnostics:
        place = f"{visible(name)}:" if name else ""
        message = f"{visible(diagnostic.message)} [{diagnostic.name}]"
        severity = click.style(diagnostic.severity.value, fg=_COLORS[diagnostic.severity])
        click.echo(
            f"{place}{diagnostic.start}-{diagnostic.end}: {severity}: {message}",
            err=True,
        )


def print_diff(lines: Iterable[str]) -> None:
    """Print a unified diff."""
    colors = {"+": "green", "-": "red", "@": "cyan"}
    for line in lines:
        if is_terminal(sys.stdout):
            click.echo(click.style(visible(line, keep="\t"), fg=colors.get(line[:1])))
        else:
            echo_result(line)


def settings_data(profile: Profile) -> dict[str, Any]:
    """Return the sampling defaults of a profile."""
    from anima_prompt.prompt.mapping import number

    width, height = profile.resolutions[0]
    return {
        "steps": profile.steps,
        "guidance_scale": number(profile.guidance_scale),
        "sampler": profile.sampler,
        "scheduler": profile.scheduler,
        "shift": number(profile.shift),
        "width": width,
        "height": height,
    }


def profile_data(profile: Profile) -> dict[str, Any]:
    """Return every value of a profile and its source."""
    data = {f.name: _jsonable(getattr(profile, f.name)) for f in fields(profile)}
    data["sources"] = dict(profile.sources)
    return data


def print_profile(profile: Profile) -> None:
    """Print a table of values and their sources."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in (profile.name, "value", "source"):
        table.add_column(plain(title), overflow="fold")
    sources = dict(profile.sources)
    for field in fields(profile):
        if field.name not in ("name", "sources"):
            table.add_row(field.name, plain(_shown(getattr(profile, field.name))), plain(sources.get(field.name, "")))
    print_wide(table)


def print_profiles(profiles: list[Profile]) -> None:
    """Print one line per profile."""
    from rich.table import Table

    from anima_prompt.prompt.printer import weight_text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("profile", "prefix", "steps", "guidance", "sampler", "scheduler", "negative"):
        table.add_column(title, overflow="fold")
    for p in profiles:
        negative = "yes" if p.negative_works else "no effect"
        scale = weight_text(p.guidance_scale)
        table.add_row(plain(p.name), plain(", ".join(p.prefix)), str(p.steps), scale, p.sampler, p.scheduler, negative)
    print_wide(table)


def print_wide(table: Any) -> None:
    """Print a table in the width of the terminal; into a file or pipe up to 200 wide, without trailing spaces."""
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=False)
    if console.is_terminal:
        console.print(table)
        return
    console = Console(highlight=False, width=200)
    with console.capture() as printed:
        console.print(table)
    for line in printed.get().splitlines():
        click.echo(line.rstrip())


def plain(text: str) -> Any:
    """Return text that rich does not interpret as markup, with control characters as escapes."""
    from rich.text import Text

    return Text(visible(text))


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        pairs = [f"{v[0]}x{v[1]}" if isinstance(v, tuple) else str(v) for v in value]
        return ", ".join(pairs)
    return str(value)


def _jsonable(value: Any) -> Any:
    from anima_prompt.prompt.mapping import number

    if isinstance(value, Decimal):
        return number(value)
    return [_jsonable(v) for v in value] if isinstance(value, tuple) else value

"""Commands of ``anima-prompt tags``: search, show and extend the vocabulary."""

from __future__ import annotations

import csv
import io
import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from anima_prompt.cli.program import PathArgument, echo_error, echo_message, echo_result
from anima_prompt.cli.progress import ProgressBar
from anima_prompt.errors import InputError
from anima_prompt.escapes import dump_json, visible
from anima_prompt.interchange.textfile import split_negative
from anima_prompt.names import name_to_text, text_to_name
from anima_prompt.numbers import counted
from anima_prompt.safe_paths import exists, is_file

if TYPE_CHECKING:
    from anima_prompt.vocabulary import Entry
    from anima_prompt.vocabulary.lists import TagList
    from anima_prompt.vocabulary.search import Match
    from anima_prompt.vocabulary.user_store import UserStore

CATEGORIES = click.Choice(["general", "artist", "copyright", "character", "meta", "closed"])
RESULTS, NO_RESULTS = 0, 1
_IMPORT_NAME = re.compile(r"\w[\w.-]{0,99}")

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


@click.group()
def tags() -> None:
    """Search and extend the vocabulary."""


@tags.command()
@click.argument("query")
@click.option("--category", type=CATEGORIES, help="Only tags of this category.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="Maximum number of results.")
@click.option("--with", "prompt", metavar="TEXT", help="Prompt so far: tags that often occur with its tags come first.")
@json_option
def search(query: str, category: str | None, limit: int, prompt: str | None, as_json: bool) -> None:
    """Find tags by name, alias, part or typo.

    '*_hair' is a pattern, '/bhs' searches by the first letters of the words.

    Exits with 1 without results.
    """
    from anima_prompt.vocabulary import Vocabulary

    prompt_tags = names_in(prompt) if prompt else ()
    matches = Vocabulary.default().search(query, category=category, limit=limit, prompt_tags=prompt_tags)
    if as_json:
        data = [
            {**entry_data(m.entry), "found_by": m.tier.name.lower(), "found_as": m.form, "score": round(m.score, 3)}
            for m in matches
        ]
        click.echo(dump_json(data, indent=2))
    else:
        rows = [(written(m.entry), m.entry.category, count(m.entry), note(m.entry), _how(m)) for m in matches]
        print_table(("write", "category", "posts", "belongs to", "found by"), rows)
    sys.exit(RESULTS if matches else NO_RESULTS)


def _how(match: Match) -> str:
    """Return how an entry matched, with the matching spelling if it is not the entry's name."""
    tier = match.tier.name.lower()
    return tier if match.form == match.entry.name else f"{tier}: {match.form}"


@tags.command()
@click.argument("name")
@json_option
def show(name: str, as_json: bool) -> None:
    """Show everything known about a tag. Exits with 1 and suggests similar names if it is unknown."""
    from anima_prompt.vocabulary import Vocabulary

    table = Vocabulary.default()
    entry = table.lookup(text_to_name(name.removeprefix("@"))) or table.find(name)
    if entry is None:
        near = ", ".join(written(match.entry) for match in table.search(name, limit=3)) or "no similar names"
        echo_error(f"'{name}' is not in the vocabulary; similar: {near}")
        sys.exit(NO_RESULTS)
    data = entry_data(entry)
    data |= {"implies": table.implies(entry.name), "implied_by": table.implied_by(entry.name)}
    if as_json:
        click.echo(dump_json(data, indent=2))
    else:
        known = {key.replace("_", " "): shown(value) for key, value in data.items() if value}
        print_table(("", ""), list(known.items()))


@tags.command()
@click.argument("prefix")
@click.option("--limit", type=click.IntRange(1, 1000), default=10, show_default=True, help="Maximum number of results.")
def complete(prefix: str, limit: int) -> None:
    """Print the most common names with a prefix, one per line."""
    from anima_prompt.vocabulary import Vocabulary

    for name in Vocabulary.default().complete(prefix, limit=limit):
        click.echo(visible(name))


@tags.command()
@click.argument("path", default="")
@json_option
def group(path: str, as_json: bool) -> None:
    """List tag groups, or the tags in one group. Exits with 1 if the group does not exist."""
    from anima_prompt.vocabulary import Vocabulary

    entries = Vocabulary.default().group(path)
    if path and as_json:
        click.echo(dump_json([entry_data(entry) for entry in entries], indent=2))
    elif path:
        print_table(("write", "posts", "group"), [(written(e), count(e), e.group) for e in entries])
    else:
        sizes = sorted(Counter(entry.group for entry in entries).items())
        if as_json:
            click.echo(dump_json(dict(sizes), indent=2))
        else:
            print_table(("group", "tags"), [(name, f"{size:,}") for name, size in sizes])
    sys.exit(RESULTS if entries else NO_RESULTS)


@tags.command()
@click.argument("source", metavar="TEXT|FILE|-")
@json_option
def conflicts(source: str, as_json: bool) -> None:
    """List tags of a prompt that exclude each other. Exits with 1 if the prompt has such tags."""
    from anima_prompt.cli.source import text_of
    from anima_prompt.prompt import Prompt
    from anima_prompt.vocabulary import Vocabulary

    prompt = Prompt.parse(split_negative(text_of(source))[0])
    conflicting = Vocabulary.default().conflicts(prompt)
    if as_json:
        click.echo(dump_json([asdict(conflict) for conflict in conflicting], indent=2))
    elif conflicting:
        print_table(("group", "keep one of"), [(c.group, ", ".join(map(name_to_text, c.tags))) for c in conflicting])
    else:
        click.echo("no tags exclude each other", err=True)
    sys.exit(NO_RESULTS if conflicting else RESULTS)


@tags.command()
@click.argument("name")
@click.option("--limit", type=click.IntRange(1, 60), default=20, show_default=True, help="Maximum number of results.")
@json_option
def related(name: str, limit: int, as_json: bool) -> None:
    """List tags that often occur with a tag. Exits with 1 if no related tags are known.

    Uses the counts of 'tags learn'; without them, lists the tags of the same group or the characters of the series.
    """
    from anima_prompt.vocabulary import Vocabulary

    tags = Vocabulary.default().related(text_to_name(name.removeprefix("@")), limit=limit)
    if as_json:
        click.echo(dump_json([asdict(tag) for tag in tags], indent=2))
    elif tags and tags[0].captions:
        rows = [(name_to_text(tag.name), f"{tag.captions:,}", f"{tag.score:.3f}") for tag in tags]
        print_table(("tag", "together", "score"), rows)
    elif tags:
        print_table(("tag",), [(name_to_text(tag.name),) for tag in tags])
    sys.exit(RESULTS if tags else NO_RESULTS)


@tags.command()
@click.argument("folder", type=PathArgument(path_type=Path, exists=True, file_okay=False))
def learn(folder: Path) -> None:
    """Count which tags occur together in a folder of captions.

    Reads the .txt files of FOLDER and its subfolders. 'tags related' and 'tags search --with' use the
    counts. Each run replaces the previous counts.
    """
    from anima_prompt.vocabulary.user_store import UserStore

    files = sorted(path for path in folder.rglob("*.txt") if path.is_file())
    if not files:
        raise InputError(f"{folder}: contains no captions; pass a folder with .txt files")
    captions = (names_in(path.read_text(encoding="utf-8", errors="replace")) for path in files)
    counts = UserStore.default().learn(captions)
    totals = (counted(counts.captions, "caption"), counted(counts.tags, "tag"), counted(counts.pairs, "pair"))
    click.echo(", ".join(totals), err=True)


@tags.command()
@click.option("--base", default=None, metavar="URL", help="Site with a Danbooru-compatible API; Danbooru by default.")
@click.option(
    "--until",
    metavar="YYYY-MM-DD",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Exclude everything created after this day.",
)
@click.option("--delay", type=click.FloatRange(0), default=1.0, show_default=True, help="Seconds between requests.")
@click.option(
    "--kind",
    "kinds",
    type=click.Choice(["tags", "tag_aliases", "tag_implications", "artists"]),
    multiple=True,
    help="Only fetch this kind. Repeatable.",
)
def sync(base: str | None, until: datetime | None, delay: float, kinds: tuple[str, ...]) -> None:
    """Fetch tags, aliases and artists from Danbooru, and import them.

    Implications are imported with the tags. An interrupted run is resumed. The training images end in September 2025:
    --until 2025-09-30 excludes later tags.
    """
    from anima_prompt.vocabulary.sync import BASE, KINDS, Pace
    from anima_prompt.vocabulary.user_store import UserStore

    library = UserStore.default()
    for kind in kinds or KINDS:
        path = _fetched(
            kind,
            library.folder / "sync",
            base=base or BASE,
            until=None if until is None else until.date(),
            pace=Pace(delay=delay),
        )
        if not path.stat().st_size:
            click.echo(f"{kind}: none", err=True)
            path.unlink()
            continue
        report = _imported(library, path, name=f"sync_{kind}", skip_bad=True)
        click.echo(f"{kind}: {report.taken} imported", err=True)
        path.unlink()


_MOST_WORDS = 7


def names_in(text: str) -> tuple[str, ...]:
    """Return the names of a caption's tags, without sentences."""
    parts = (part.strip() for part in text.replace("\n", ",").split(","))
    return tuple(
        text_to_name(part.removeprefix("@"))
        for part in parts
        if part and not part.endswith((".", "!", "?")) and part.count(" ") < _MOST_WORDS
    )


@tags.command()
@json_option
def stats(as_json: bool) -> None:
    """Count the vocabulary by category, and list its imports."""
    from anima_prompt.vocabulary import Vocabulary
    from anima_prompt.vocabulary.user_store import UserStore

    sizes = Counter((entry.category, entry.section.value) for entry in Vocabulary.default().entries())
    library = UserStore.default()
    imports = [path.stem for path in (*library.imports(), *library.overlays(), *library.implications())]
    if as_json:
        rows = [{"category": c, "section": s, "tags": n} for (c, s), n in sizes.most_common()]
        click.echo(dump_json({"tags": sizes.total(), "by_kind": rows, "imports": imports}, indent=2))
    else:
        print_table(("category", "section", "tags"), [(c, s, f"{n:,}") for (c, s), n in sizes.most_common()])
        click.echo(
            visible(f"{counted(sizes.total(), 'tag')}; curated packs, and imports: {', '.join(imports) or 'none'}")
        )


@tags.command("import")
@click.argument("file", type=PathArgument(path_type=Path))
@click.option("--name", help="Name of the import (default: the file name); an import of the same name is replaced.")
@click.option("--category", type=CATEGORIES, help="Category of the names in a .txt file.")
@click.option("--skip-bad", is_flag=True, help="Skip bad rows instead of rejecting the file.")
def import_list(file: Path, name: str | None, category: str | None, skip_bad: bool) -> None:
    """Add a tag list of your own.

    FILE is a tagcomplete CSV (name,category,count,"aliases"), a .txt file with one name per line, JSON of the Danbooru
    API (tags, aliases, artists, and implications if the file name contains the word; .json, .jsonl, also .gz), the
    style explorer's table of artists (.tsv), or a CSV with the columns name,action,value,category,post_count,aliases,
    whose actions are add, rename, hide and alias.

    Where both define a tag, the built-in data wins; counts and aliases come from your list. A failed import does
    not change the vocabulary.
    """
    from anima_prompt.vocabulary.user_store import UserStore

    if exists(file) and not is_file(file):
        raise InputError(f"{file}: is not a regular file; pass a tag list")
    if name is not None and not _IMPORT_NAME.fullmatch(name):
        raise InputError(f"name is '{name}'; expected letters, digits, '_', '-' and '.', such as my-tags")
    library = UserStore.default()
    report = _imported(library, file, name=name, category=category, skip_bad=skip_bad)
    for row in report.warnings:
        echo_message(f"{file}:{row}")
    for row in report.bad_rows:
        echo_message(f"skipped {file}:{row}")
    echo_message(f"{report.taken} imported into {library.folder}")


def _fetched(kind: str, folder: Path, **options: Any) -> Path:
    from anima_prompt.vocabulary.sync import fetch

    with ProgressBar(f"fetching {kind}") as bar:
        return fetch(kind, folder, on_progress=lambda _, rows: bar.update(rows, None, counted(rows, "row")), **options)


def _imported(library: UserStore, path: Path, **options: Any) -> TagList:
    with ProgressBar("importing") as bar:
        return library.add(path, on_progress=lambda stage, share: bar.update(share, 1.0, stage), **options)


@tags.command()
@click.argument("name")
def forget(name: str) -> None:
    """Remove an imported list; 'tags stats' lists the imports."""
    from anima_prompt.vocabulary.user_store import UserStore

    UserStore.default().remove(name)
    echo_message(f"import '{name}' removed")


@tags.command()
@click.option("--category", type=CATEGORIES, help="Only tags of this category.")
def export(category: str | None) -> None:
    """Print the vocabulary as a tagcomplete CSV.

    Most common tags first; tags without a category number on Danbooru are excluded.
    """
    from anima_prompt.vocabulary import Vocabulary
    from anima_prompt.vocabulary.lists import CATEGORIES as NUMBERS

    numbers = {kind: number for number, (kind, _) in NUMBERS.items()}
    rows = io.StringIO()
    writer = csv.writer(rows, lineterminator="\n")
    for entry in Vocabulary.default().entries():
        if entry.category in numbers and category in (None, entry.category):
            writer.writerow([entry.name, numbers[entry.category], entry.post_count, ",".join(entry.aliases)])
    echo_result(rows.getvalue(), nl=False)


@tags.command()
def where() -> None:
    """Print the folder of the user's vocabulary."""
    from anima_prompt.vocabulary.user_store import UserStore

    click.echo(visible(str(UserStore.default().folder)))


def entry_data(entry: Entry) -> dict[str, Any]:
    """Return a JSON-ready mapping of an entry, with its prompt text."""
    data = asdict(entry)
    data["section"] = entry.section.value
    return {"text": written(entry), **data}


def written(entry: Entry) -> str:
    """Return the tag as written in a prompt for ComfyUI."""
    text = name_to_text(entry.trained)
    return f"@{text}" if entry.category == "artist" else text


def count(entry: Entry) -> str:
    """Return the post count with thousands separators, empty if it is 0."""
    return f"{entry.post_count:,}" if entry.post_count else ""


def note(entry: Entry) -> str:
    """Return the series of a character, or the group of any other tag."""
    return name_to_text(entry.series) if entry.series else entry.group


def shown(value: Any) -> str:
    """Return a value for a table."""
    return ", ".join(value) if isinstance(value, list | tuple) else str(value)


def print_table(titles: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """Print a table; numbers are aligned right."""
    from rich.table import Table

    from anima_prompt.cli.views import plain, print_wide

    table = Table(box=None, pad_edge=False, header_style="bold", show_header=any(titles))
    for title in titles:
        table.add_column(title, justify="right" if title in ("posts", "tags") else "left", overflow="fold")
    for row in rows:
        table.add_row(*(plain(cell) for cell in row))
    if rows:
        print_wide(table)
    else:
        click.echo("no results")

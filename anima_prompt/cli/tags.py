"""Commands of ``anima-prompt tags``: search, show and fill the vocabulary.

Thin shells round :class:`Vocabulary` and :class:`UserStore`, as the other commands are round the rest.
"""

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

from anima_prompt.cli.program import PathArgument, echo_error, echo_message, echo_result, is_terminal
from anima_prompt.errors import InputError
from anima_prompt.escapes import dump_json, visible
from anima_prompt.interchange.textfile import split_negative
from anima_prompt.names import name_to_text, text_to_name
from anima_prompt.numbers import counted
from anima_prompt.safe_paths import exists, is_file

if TYPE_CHECKING:
    from anima_prompt.vocabulary import Entry
    from anima_prompt.vocabulary.search import Match

CATEGORIES = click.Choice(["general", "artist", "copyright", "character", "meta", "closed"])
FOUND, NOTHING = 0, 1
_IMPORT_NAME = re.compile(r"\w[\w.-]{0,99}")

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


@click.group()
def tags() -> None:
    r"""Search and fill the vocabulary."""


@tags.command()
@click.argument("query")
@click.option("--category", type=CATEGORIES, help="Only tags of this category.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="Maximum number of results.")
@click.option("--with", "beside", metavar="TEXT", help="Prompt so far: tags that fit it come first.")
@json_option
def search(query: str, category: str | None, limit: int, beside: str | None, as_json: bool) -> None:
    """Find tags by name, alias, part or typo.

    '*_hair' is a pattern, '/bhs' are the first letters of the words.

    Exits with 1 if nothing is found.
    """
    from anima_prompt.vocabulary import Vocabulary

    held = names_in(beside) if beside else ()
    found = Vocabulary.default().search(query, category=category, limit=limit, beside=held)
    if as_json:
        data = [
            {**entry_data(m.entry), "found_by": m.tier.name.lower(), "found_as": m.form, "score": round(m.score, 3)}
            for m in found
        ]
        click.echo(dump_json(data, indent=2))
    else:
        rows = [(written(m.entry), m.entry.category, count(m.entry), note(m.entry), _how(m)) for m in found]
        print_table(("write", "category", "posts", "belongs to", "found by"), rows)
    sys.exit(FOUND if found else NOTHING)


def _how(match: Match) -> str:
    """Return how an entry was found, with the spelling that fits the query if it is not the entry's name."""
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
        near = ", ".join(written(match.entry) for match in table.search(name, limit=3)) or "nothing near"
        echo_error(f"'{name}' is not in the vocabulary; near it: {near}")
        sys.exit(NOTHING)
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
    """Print the most common names that start with PREFIX, one a line."""
    from anima_prompt.vocabulary import Vocabulary

    for name in Vocabulary.default().complete(prefix, limit=limit):
        click.echo(visible(name))


@tags.command()
@click.argument("path", default="")
@json_option
def group(path: str, as_json: bool) -> None:
    """List tag groups, or the tags in one group. Exits with 1 if there is no such group."""
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
    sys.exit(FOUND if entries else NOTHING)


@tags.command()
@click.argument("source", metavar="TEXT|FILE|-")
@json_option
def conflicts(source: str, as_json: bool) -> None:
    """List tags of a prompt that exclude each other. Exits with 1 if any do."""
    from anima_prompt.cli.source import text_of
    from anima_prompt.prompt import Prompt
    from anima_prompt.vocabulary import Vocabulary

    prompt = Prompt.parse(split_negative(text_of(source))[0])
    found = Vocabulary.default().conflicts(prompt)
    if as_json:
        click.echo(dump_json([asdict(conflict) for conflict in found], indent=2))
    elif found:
        print_table(("group", "keep one of"), [(c.group, ", ".join(map(name_to_text, c.tags))) for c in found])
    else:
        click.echo("no tags exclude each other", err=True)
    sys.exit(NOTHING if found else FOUND)


@tags.command()
@click.argument("name")
@click.option("--limit", type=click.IntRange(1, 60), default=20, show_default=True, help="Maximum number of results.")
@json_option
def related(name: str, limit: int, as_json: bool) -> None:
    """List tags that often occur with a tag. Exits with 1 if there are none.

    From the captions that 'tags learn' read; otherwise the tags of its group, or the characters of its series.
    """
    from anima_prompt.vocabulary import Vocabulary

    found = Vocabulary.default().related(text_to_name(name.removeprefix("@")), limit=limit)
    if as_json:
        click.echo(dump_json([asdict(one) for one in found], indent=2))
    elif found and found[0].captions:
        rows = [(name_to_text(one.name), f"{one.captions:,}", f"{one.score:.3f}") for one in found]
        print_table(("tag", "together", "score"), rows)
    elif found:
        print_table(("tag",), [(name_to_text(one.name),) for one in found])
    sys.exit(FOUND if found else NOTHING)


@tags.command()
@click.argument("folder", type=PathArgument(path_type=Path, exists=True, file_okay=False))
def learn(folder: Path) -> None:
    """Count which tags go together in a folder of captions.

    Reads the .txt files of FOLDER and of the folders in it. 'tags related' and 'tags search --with' use the
    counts. Each run replaces the previous counts.
    """
    from anima_prompt.vocabulary.user_store import UserStore

    files = sorted(path for path in folder.rglob("*.txt") if path.is_file())
    if not files:
        raise InputError(f"{folder}: contains no captions; give a folder with .txt files")
    captions = (names_in(path.read_text(encoding="utf-8", errors="replace")) for path in files)
    lesson = UserStore.default().learn(captions)
    counts = (counted(lesson.captions, "caption"), counted(lesson.tags, "tag"), counted(lesson.pairs, "pair"))
    click.echo(", ".join(counts), err=True)


@tags.command()
@click.option("--base", default=None, metavar="URL", help="Site with a Danbooru-compatible API; Danbooru by default.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Leave out what was made after this day.")
@click.option("--delay", type=click.FloatRange(0), default=1.0, show_default=True, help="Seconds between requests.")
@click.option(
    "--kind",
    "kinds",
    type=click.Choice(["tags", "tag_aliases", "tag_implications", "artists"]),
    multiple=True,
    help="Fetch this alone; may be repeated.",
)
def sync(base: str | None, until: datetime | None, delay: float, kinds: tuple[str, ...]) -> None:
    """Fetch tags, aliases and artists from Danbooru, and import them.

    Implications come with the tags. Goes on where it was interrupted. The model's knowledge ends in September 2025:
    --until 2025-09-30 stays inside it.
    """
    from anima_prompt.vocabulary.sync import BASE, KINDS, Pace, fetch
    from anima_prompt.vocabulary.user_store import UserStore

    library = UserStore.default()
    for kind in kinds or KINDS:
        path = fetch(
            kind,
            library.folder / "sync",
            base=base or BASE,
            until=None if until is None else until.date(),
            pace=Pace(delay=delay),
            tell=_show_count,
        )
        if not path.stat().st_size:
            click.echo(f"{kind}: none", err=True)
            path.unlink()
            continue
        found = library.add(path, name=f"sync_{kind}", skip_bad=True, tell=_show_progress)
        click.echo(f"{kind}: {found.taken} imported", err=True)
        path.unlink()


def _show_count(kind: str, rows: int) -> None:
    if is_terminal(sys.stderr):
        click.echo(f"\r\x1b[K{kind}: {rows:,} rows", nl=False, err=True)


_MOST_WORDS = 7


def names_in(text: str) -> tuple[str, ...]:
    """Return the names of a caption's tags; sentences are left out."""
    parts = (part.strip() for part in text.replace("\n", ",").split(","))
    return tuple(
        text_to_name(part.removeprefix("@"))
        for part in parts
        if part and not part.endswith((".", "!", "?")) and part.count(" ") < _MOST_WORDS
    )


@tags.command()
@json_option
def stats(as_json: bool) -> None:
    """Count the vocabulary by category, and name its imports."""
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

    It is a tagcomplete CSV (name,category,count,"aliases"), a .txt file with one name a line, JSON of the Danbooru API
    (tags, aliases, artists, and implications where the file's name says so; .json, .jsonl, also .gz), the style
    explorer's table of artists (.tsv), or changes of your own: a CSV with the columns
    name,action,value,category,post_count,aliases, whose actions are add, rename, hide and alias.

    Where both define a tag, the built-in data wins; counts and aliases come from your list. A failed import leaves the
    vocabulary as it was.
    """
    from anima_prompt.vocabulary.user_store import UserStore

    if exists(file) and not is_file(file):
        raise InputError(f"{file}: is not a regular file; give a tag list")
    if name is not None and not _IMPORT_NAME.fullmatch(name):
        raise InputError(f"name is '{name}'; expected letters, digits, '_', '-' and '.', such as my-tags")
    library = UserStore.default()
    found = library.add(file, name=name, category=category, skip_bad=skip_bad, tell=_show_progress)
    for row in found.warnings:
        echo_message(f"{file}:{row}")
    for row in found.bad_rows:
        echo_message(f"skipped {file}:{row}")
    echo_message(f"{found.taken} imported into {library.folder}")


def _show_progress(stage: str, share: float) -> None:
    if is_terminal(sys.stderr):
        bar = "#" * round(30 * share)
        click.echo(f"\r\x1b[K[{bar:30}] {visible(stage) if share < 1 else ''}", nl=share >= 1, err=True)


@tags.command()
@click.argument("name")
def forget(name: str) -> None:
    """Remove an imported list; 'stats' names them."""
    from anima_prompt.vocabulary.user_store import UserStore

    UserStore.default().remove(name)
    echo_message(f"import '{name}' removed")


@tags.command()
@click.option("--category", type=CATEGORIES, help="Only tags of this category.")
def export(category: str | None) -> None:
    """Print the vocabulary as a tagcomplete CSV.

    Most common tags first; words that have no category number on Danbooru are left out.
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
    """Return a JSON-ready mapping of an entry, with the text that a prompt writes."""
    data = asdict(entry)
    data["section"] = entry.section.value
    return {"text": written(entry), **data}


def written(entry: Entry) -> str:
    """Return the tag as a prompt writes it in ComfyUI's dialect."""
    text = name_to_text(entry.trained)
    return f"@{text}" if entry.category == "artist" else text


def count(entry: Entry) -> str:
    """Return the post count with thousands separated, empty where there is none."""
    return f"{entry.post_count:,}" if entry.post_count else ""


def note(entry: Entry) -> str:
    """Return the series of a character, or the group of any other tag."""
    return name_to_text(entry.series) if entry.series else entry.group


def shown(value: Any) -> str:
    """Return a value for a table."""
    return ", ".join(value) if isinstance(value, list | tuple) else str(value)


def print_table(titles: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """Print rows under titles; numbers stand to the right."""
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
        click.echo("nothing found")

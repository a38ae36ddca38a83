"""Fetch tags, aliases, implications and artists from a Danbooru-compatible API into a file that the library imports.

Pages by id, so that nothing is missed or fetched twice while the site changes; waits between requests, tries again with
longer and longer pauses, and goes on where it was interrupted. Source: danbooru.donmai.us/wiki_pages/help:api
(``limit``, ``page=a<id>``, ``search[...]``, 429 for too many requests).
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from anima_prompt.atomic import replace_file
from anima_prompt.errors import DataFileError, InputError
from anima_prompt.locks import locked

BASE = "https://danbooru.donmai.us"
KINDS = {
    "tags": {"search[hide_empty]": "true"},
    "tag_aliases": {"search[status]": "active"},
    "tag_implications": {"search[status]": "active"},
    "artists": {"search[is_deleted]": "false"},
}
"""What is fetched, and with which filters."""
_PAGE, _TRIES, _TIMEOUT = 1000, 6, 60.0
_AGAIN = (429, 500, 502, 503, 504)
_LONGEST = 300.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How politely to ask.

    Attributes:
        delay: seconds between requests.
        back_off: seconds before the second try; doubled for each further one.
        timeout: seconds to wait for an answer.
    """

    delay: float = 1.0
    back_off: float = 2.0
    timeout: float = _TIMEOUT


FetchProgress = Callable[[str, int], object]
"""Told what is being fetched, and how many rows there are so far."""


def fetch(
    kind: str,
    folder: Path,
    *,
    base: str = BASE,
    until: date | None = None,
    pace: Pace | None = None,
    tell: FetchProgress | None = None,
) -> Path:
    """Fetch all rows of a kind; return the file with one JSON object a line.

    A file of an interrupted run is gone on with; a whole one carries the ending ``.jsonl``, one under way ``.part``.

    Args:
        kind: ``tags``, ``tag_aliases``, ``tag_implications`` or ``artists``.
        folder: where the file goes.
        base: address of the site.
        until: rows that were made after this day are left out.
        pace: how politely to ask.
        tell: told how far it is.

    Raises:
        InputError: the address is no web address, or the site cannot be reached or refuses.
        DataFileError: the answer is of another shape, or the disk is full.
        LockError: another process fetches the same into the folder.
    """
    if urlsplit(base).scheme not in ("http", "https"):
        raise InputError(f"base is '{base}'; expected an address such as {BASE}")
    pace = pace or Pace()
    part, whole = folder / f"{kind}.part", folder / f"{kind}.jsonl"
    try:
        with locked(folder / f".{kind}.lock"):
            last, count = _resumed(part)
            with part.open("ab") as file:
                for page in _pages(kind, base, last, until, pace):
                    file.writelines(json.dumps(row).encode("ascii") + b"\n" for row in page)
                    file.flush()
                    count += len(page)
                    if tell is not None:
                        tell(kind, count)
            replace_file(part, whole)
    except OSError as error:
        raise DataFileError(
            f"{part}: cannot be written ({error}); free some space, then go on with the same command"
        ) from None
    return whole


def _resumed(part: Path) -> tuple[int, int]:
    """Return the last id in a file and its rows; a line that was cut off is taken out."""
    if not part.is_file():
        return 0, 0
    content = part.read_bytes()
    content = content[: content.rfind(b"\n") + 1]
    part.write_bytes(content)
    lines = content.splitlines()
    return (int(json.loads(lines[-1])["id"]), len(lines)) if lines else (0, 0)


def _pages(kind: str, base: str, last: int, until: date | None, pace: Pace) -> Iterator[list[dict[str, Any]]]:
    """Yield pages of rows by rising id, until one is empty."""
    filters = dict(KINDS[kind])
    if until is not None:
        filters["search[created_at]"] = f"..{until.isoformat()}"
    first = True
    while True:
        if not first:
            time.sleep(pace.delay)
        first = False
        query = urlencode({"limit": _PAGE, "page": f"a{last}", **filters})
        rows = _asked(f"{base.rstrip('/')}/{kind}.json?{query}", pace)
        fresh = sorted((row for row in rows if row["id"] > last), key=lambda row: row["id"])
        if not fresh:
            return
        last = fresh[-1]["id"]
        yield fresh


def _asked(address: str, pace: Pace) -> list[dict[str, Any]]:
    """Return the rows at an address; passing troubles are waited out."""
    pause = pace.back_off
    trouble = ""
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(min(pause, _LONGEST))
            pause *= 2
        request = urllib.request.Request(address, headers={"User-Agent": "anima-prompt (tags sync)"})  # noqa: S310  checked
        try:
            with urllib.request.urlopen(request, timeout=pace.timeout) as answer:  # noqa: S310  http and https alone
                return _rows(answer.read(), address)
        except urllib.error.HTTPError as error:
            trouble = f"status {error.code}"
            if error.code not in _AGAIN:
                raise InputError(f"{address}: answers {error.code} ({error.reason}); check the address") from None
            wanted = error.headers.get("Retry-After", "")
            pause = max(pause, float(wanted)) if wanted.isdecimal() else pause
        except (OSError, TimeoutError) as error:
            trouble = str(getattr(error, "reason", error)) or type(error).__name__
    raise InputError(f"{address}: cannot be reached ({trouble}); go on later with the same command")


def _rows(content: bytes, address: str) -> list[dict[str, Any]]:
    try:
        rows = json.loads(content)
    except ValueError:
        raise DataFileError(f"{address}: answers with something that is no JSON; is it a Danbooru API?") from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) and isinstance(row.get("id"), int) for row in rows):
        raise DataFileError(f"{address}: answers with something else than rows with ids; is it a Danbooru API?")
    return rows

"""Renew the post counts in ``data/`` from a reference list, and report what the list does not know.

Run it with ``python scripts/fill_facts.py LIST``, where LIST is a tab-separated file (gzip or plain) with the columns
name, category number, post_count, deprecated. Rows are never added or removed, that is for people. Aliases, series
and looks are left alone. Note the list's date in ``data/README.md``.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import sys
from pathlib import Path

from anima_prompt.atomic import write_atomically

DATA = Path(__file__).resolve().parent.parent / "data"


def read_counts(path: Path) -> dict[str, tuple[int, bool]]:
    """Return post count and deprecation by name."""
    opener = gzip.open if path.suffix == ".gz" else open
    counts: dict[str, tuple[int, bool]] = {}
    with opener(path, "rt", encoding="utf-8") as rows:
        for row in rows:
            name, _, count, *rest = row.rstrip("\n").split("\t")
            if count.isdecimal():
                counts[name] = (int(count), rest[:1] == ["1"])
    return counts


def renew(path: Path, counts: dict[str, tuple[int, bool]]) -> tuple[int, list[str]]:
    """Rewrite one pack; return how many counts changed and the names that the list lacks or calls deprecated."""
    with path.open(encoding="utf-8", newline="") as stream:
        header, *rows = list(csv.reader(stream))
    column = header.index("post_count")
    changed, odd = 0, []
    for row in rows:
        count, deprecated = counts.get(row[0], (None, False))
        if count is None or deprecated:
            odd.append(row[0])
        elif row[column] != str(count):
            row[column] = str(count)
            changed += 1
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    write_atomically(path, text.getvalue().encode("utf-8"))
    return changed, odd


def main() -> int:
    """Renew every pack that has post counts."""
    parser = argparse.ArgumentParser(description="Renew the post counts in data/ from a reference list.")
    parser.add_argument("list", type=Path, help="tab-separated: name, category, post_count, deprecated")
    path = parser.parse_args().list
    if not path.is_file():
        print(f"error: {path}: no such file; give a tag list", file=sys.stderr)
        return 2
    counts = read_counts(path)
    for pack in sorted(DATA.glob("*/*.csv")):
        if "post_count" in pack.read_text(encoding="utf-8").partition("\n")[0]:
            changed, odd = renew(pack, counts)
            print(f"{pack.relative_to(DATA)}: {changed} counts changed; not in the list: {', '.join(odd) or 'none'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Measure the company of every packed tag, list what a general audience should not meet, and renew the golden file.

    python scripts/check_audience.py REFERENCE            # list offenders; exit code 1 if there are any
    python scripts/check_audience.py REFERENCE --update   # write tests/golden/audience/company.csv first
    python scripts/check_audience.py --list-word WORD     # add a word's hash to tests/golden/audience/listed.txt
    python scripts/check_audience.py --list-name NAME     # the same for a whole name, --list-piece for a part of one in
                                                          # Japanese, Chinese or Korean

REFERENCE is a folder with the co-occurrence table, the tag groups and the implications under their usual names. After
adding rows to a pack run it with ``--update``; a row over a threshold then needs an entry in ``allowed.csv``, or goes.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from anima_prompt.vocabulary import PACKS, data_folder, read_pack  # noqa: E402  the tests are no package of the wheel
from tests import audience  # noqa: E402

PAIRS = "danbooru_cooccurrence_min100.tsv.gz"
GROUPS = "danbooru_tag_groups_2025-09-24.json.gz"
IMPLICATIONS = "danbooru_implications_2025-05-01.tsv.gz"


def measured(reference: Path) -> dict[str, audience.Company]:
    """Return the company of every row that says what is seen, and of series and characters."""
    table = audience.read_co_occurrences(reference / PAIRS)
    explicit = audience.explicit_tags(reference / GROUPS, packed_names())
    rows = audience.pack_rows((*audience.DECLARED, *audience.TITLES))
    return {name: audience.measure(entry, table, explicit) for name, entry in sorted(rows.items())}


def packed_names() -> set[str]:
    """Return the names of all packs."""
    return {entry.name for pack in PACKS for entry in read_pack(pack, data_folder())}


def write_company(rows: dict[str, audience.Company]) -> None:
    """Write the golden file: one row one name, in percent."""
    with (audience.FOLDER / "company.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["name", "company", "nearest"])
        for name, found in rows.items():
            writer.writerow(
                [name, *("" if value is None else f"{value:.1f}" for value in (found.company, found.nearest))]
            )


def offenders(rows: dict[str, audience.Company], reference: Path) -> list[str]:
    """Return a line per fault, the words first."""
    listed, allowed = audience.read_hashes("listed.txt"), audience.read_allowed()
    declared = audience.pack_rows(audience.DECLARED)
    names = packed_names()
    explicit = audience.explicit_tags(reference / GROUPS, names)
    alone = audience.only_explicit_imply(reference / IMPLICATIONS, explicit, names)
    inside = audience.adult_tags(reference / GROUPS) & names
    implied = audience.implied_explicit(reference / IMPLICATIONS, explicit, names)
    found = [
        f"{place}: '{text}' has a listed word"
        for place, texts in audience.pack_texts().items()
        for text in texts
        if ("word", text) not in allowed and audience.listed_parts(text, listed)
    ]
    for name, company in rows.items():
        needed = (name in declared and company.needs_review) or name in alone | inside or name in implied
        if company.is_out or (needed and ("meaning", name) not in allowed):
            found.append(
                f"{name}: company {company.company} %, nearest {company.nearest} %"
                f"{', in an adult group' * (name in inside)}{', implied by explicit tags alone' * (name in alone)}"
            )
    return found


def add_hashes(kind: str, texts: list[str]) -> None:
    """Add texts to the list of words, as hashes."""
    path = audience.FOLDER / "listed.txt"
    hashes = audience.read_hashes("listed.txt") | {audience.digest(kind, text.lower()) for text in texts}
    path.write_text("".join(f"{line}\n" for line in sorted(hashes)), encoding="utf-8")


def main() -> int:
    """Print the offenders, or change a file of the gates."""
    parser = argparse.ArgumentParser(description="List packed names that are not for a general audience.")
    parser.add_argument("reference", type=Path, nargs="?", help="folder with the reference tables")
    parser.add_argument("--update", action="store_true", help="write tests/golden/audience/company.csv")
    for kind in ("word", "name", "piece"):
        parser.add_argument(f"--list-{kind}", action="append", default=[], metavar=kind.upper(), help="add its hash")
    options = parser.parse_args()
    for kind in ("word", "name", "piece"):
        add_hashes(kind, getattr(options, f"list_{kind}"))
    if options.reference is None:
        return 0
    if not (options.reference / PAIRS).is_file():
        print(
            f"error: {options.reference}: {PAIRS} is missing; pass the folder with the reference tables",
            file=sys.stderr,
        )
        return 2
    rows = measured(options.reference)
    if options.update:
        write_company(rows)
    found = offenders(rows, options.reference)
    print("\n".join([*found, f"{len(rows):,} rows measured, {len(found)} offenders"]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

"""The command ``anima-prompt tokens``: count the tokens of a prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from anima_prompt.cli.source import text_of
from anima_prompt.dialects import Dialect
from anima_prompt.escapes import dump_json
from anima_prompt.interchange.textfile import split_negative

if TYPE_CHECKING:
    from anima_prompt.tokens import Tokenizers

_BETWEEN = "commas"


@click.command()
@click.argument("source", metavar="TEXT|FILE|-")
@click.option(
    "--tokenizers",
    "folder",
    metavar="FOLDER",
    help="Folder of ComfyUI or of the model (default: the environment variable ANIMA_MODELS).",
)
@click.option(
    "--dialect",
    type=click.Choice([dialect.value for dialect in Dialect]),
    default=Dialect.COMFYUI.value,
    show_default=True,
    help="Front end whose weight syntax the prompt uses.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def tokens(source: str, folder: str | None, dialect: str, as_json: bool) -> None:
    """Count a prompt's tokens by section.

    The model reads a prompt twice: with Qwen, and with T5, limited to 512 tokens during training.

    \b
    Try:
      anima-prompt tokens "masterpiece, 1girl, smile" --tokenizers ~/ComfyUI
    """
    from anima_prompt.tokens import TRAINED_ROWS, Tokenizers

    text, _ = split_negative(text_of(source))
    counts, total = sections_of(text.strip("\n"), Dialect.of(dialect), Tokenizers.find(folder))
    if as_json:
        rows = {name: {"qwen": qwen, "t5": t5} for name, (qwen, t5) in counts.items()}
        data = {"sections": rows, "qwen": total[0], "t5": total[1], "trained": TRAINED_ROWS}
        click.echo(dump_json(data, indent=2))
        return
    click.echo(f"{'section':12} {'T5':>5} {'Qwen':>5}")
    for name, (qwen, t5) in counts.items():
        click.echo(f"{name:12} {t5:>5} {qwen:>5}")
    click.echo(f"{'all':12} {total[1]:>5} {total[0]:>5}")
    left = TRAINED_ROWS - total[1]
    if left < 0:
        click.echo(
            f"warning: {-left} more T5 tokens than in training; many programs cut them off, shorten the prompt",
            err=True,
        )


def sections_of(
    text: str, dialect: Dialect, tokenizers: Tokenizers
) -> tuple[dict[str, tuple[int, int]], tuple[int, int]]:
    """Return the Qwen and T5 token counts by section, and in total.

    A section counts its tags and sentences separately; the difference to the total, with T5's end token, is listed as
    ``commas``.
    """
    from anima_prompt.names import unescape
    from anima_prompt.prompt import read
    from anima_prompt.sections import Section
    from anima_prompt.syntax import weighted_segments

    whole = tokenizers.encode((segment.text, float(segment.weight)) for segment in weighted_segments(text, dialect))
    total = len(whole.qwen), len(whole.t5)
    counts: dict[str, tuple[int, int]] = {}
    for item in read(text, dialect=dialect).items:
        qwen, t5 = tokenizers.count(unescape(item.text, dialect))
        before = counts.get(item.section.value, (0, 0))
        counts[item.section.value] = before[0] + qwen, before[1] + t5
    ordered = {section.value: counts[section.value] for section in Section if section.value in counts}
    between = total[0] - sum(q for q, _ in ordered.values()), total[1] - sum(t for _, t in ordered.values())
    return ordered | {_BETWEEN: between}, total

"""``anima-prompt captions``: training captions, from a folder of images and texts to what a trainer reads."""

from __future__ import annotations

import click

from anima_prompt.cli.captions.fix import fix, undo
from anima_prompt.cli.captions.lint import lint
from anima_prompt.cli.captions.stats import stats
from anima_prompt.cli.captions.views import select_command, show


@click.group()
def captions() -> None:
    """Check, count, select and edit the captions of a training set.

    \b
    Try:
      anima-prompt captions lint dataset/ --trigger mychar
      anima-prompt captions stats dataset/ --html stats.html
      anima-prompt captions select "tag:smile AND NOT artist:*" dataset/
      anima-prompt captions fix dataset/ --do "remove all artist tags"
      anima-prompt captions fix dataset/ --trigger mychar --at after:count --apply
      anima-prompt captions undo dataset/
    """


captions.add_command(lint)
captions.add_command(select_command)
captions.add_command(show)
captions.add_command(stats)
captions.add_command(fix)
captions.add_command(undo)

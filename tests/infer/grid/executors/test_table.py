"""The table of executors."""

from __future__ import annotations

from functools import partial

import pytest

from anima_infer.errors import GridError
from anima_infer.files import ModelFiles
from anima_infer.grid.executors import DEFAULT_EXECUTOR, EXECUTORS, make_executor
from anima_infer.grid.executors.executor import Setup
from anima_infer.grid.executors.in_process import InProcess
from anima_infer.models import Models
from tests.infer.tiny import Tiny


def test_the_default_renders_in_this_process(tiny: Tiny) -> None:
    setup = Setup(lambda: tiny.files, partial(Models.load, dtype="fp32"))
    assert isinstance(make_executor(DEFAULT_EXECUTOR, setup), InProcess)


def test_an_unknown_executor_is_named_with_the_known_ones() -> None:
    def files() -> ModelFiles:
        raise AssertionError("no executor asked for them")

    with pytest.raises(GridError, match=f"executor is 'moon'; expected one of {', '.join(EXECUTORS)}"):
        make_executor("moon", Setup(files, Models.load))

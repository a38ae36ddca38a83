"""Facts about ``lint`` and ``fix`` of what is not a text."""

from __future__ import annotations

from typing import Any

import pytest

from anima_prompt import Prompt, Settings
from anima_prompt.errors import InputError
from anima_prompt.lint import fix, lint

TEXT = "masterpiece, 1girl, (smile:1.2), long hair"


@pytest.mark.parametrize("dialect", ["comfyui", "a1111", "invokeai", "plain"])
def test_a_prompt_is_linted_as_its_text_in_the_dialect(dialect: str) -> None:
    prompt = Prompt.parse(TEXT)
    assert lint(prompt, dialect=dialect) == lint(prompt.to_text(dialect), dialect=dialect)
    assert fix(prompt, dialect=dialect) == fix(prompt.to_text(dialect), dialect=dialect)


def test_the_negative_prompt_of_a_prompt_is_linted_unless_another_is_given() -> None:
    prompt = Prompt.parse("1girl, smile", negative="bad hands, long hair")
    negative = Prompt.parse("bad hands, long hair")
    assert lint(prompt) == lint("1girl, smile", negative="bad hands, long hair")
    assert lint(prompt, negative="blurry") == lint("1girl, smile", negative="blurry")
    assert lint("1girl, smile", negative=negative) == lint(prompt)
    assert fix(prompt).negative == "bad hands, long hair"


@pytest.mark.parametrize("wrong", [None, b"1girl", 3, ["1girl"], {"general": ["smile"]}, object()])
def test_anything_else_is_an_error_that_names_the_type(wrong: Any) -> None:
    for call in (lint, fix):
        with pytest.raises(InputError, match=rf"text is of type {type(wrong).__name__}; expected a text"):
            call(wrong)
    if wrong is not None:
        with pytest.raises(InputError, match=rf"negative is of type {type(wrong).__name__}"):
            lint("1girl", negative=wrong)


def test_settings_of_the_wrong_type_are_an_error() -> None:
    with pytest.raises(InputError, match="settings is of type dict"):
        lint("1girl", settings={"steps": 3})  # type: ignore[arg-type]
    assert lint("1girl", settings=Settings(steps=30)) is not None

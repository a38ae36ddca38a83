"""Facts about pages from templates: what is a value stays text."""

from __future__ import annotations

from pathlib import Path

import pytest
from jinja2 import UndefinedError

from anima_prompt.pages import fragment, inline, render_page


def template(folder: Path, text: str, name: str = "page.html") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8", newline="")
    return path


def test_values_are_escaped_and_control_characters_shown(tmp_path: Path) -> None:
    path = template(tmp_path, '<p title="{{ text }}">{{ text }}</p>\n')
    page = render_page(path, text="<b>\"'&\x07\n\u202e")
    escaped = "&lt;b&gt;&#34;&#39;&amp;\\x07\n\\u202e"
    assert page == f'<p title="{escaped}">{escaped}</p>\n'


def test_our_own_files_and_fragments_are_not_escaped(tmp_path: Path) -> None:
    outer, inner = template(tmp_path, "{{ style }}{{ item }}"), template(tmp_path, "<i>{{ text }}</i>", "item.html")
    style = template(tmp_path, "a > b {}", "page.css")
    assert render_page(outer, style=inline(style), item=fragment(inner, text="<")) == "a > b {}<i>&lt;</i>"


def test_data_cannot_close_its_script_and_keeps_its_order(tmp_path: Path) -> None:
    path = template(tmp_path, "<script>{{ data | tojson }}</script>")
    page = render_page(path, data={"b": "</script>", "a": "微笑"})
    assert page == '<script>{"b":"\\u003c/script\\u003e","a":"微笑"}</script>'


def test_a_value_that_is_not_passed_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UndefinedError, match="'nothing' is undefined"):
        render_page(template(tmp_path, "{{ nothing }}"))

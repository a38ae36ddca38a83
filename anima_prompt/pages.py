"""HTML pages from Jinja templates: every value is escaped, and control characters are shown as escapes."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from anima_prompt.escapes import visible

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup


def render_page(template: Path, **values: object) -> str:
    """Return a template with values filled in.

    A value is text, whatever it contains, unless it is the result of :func:`inline` or :func:`fragment`, or passes the
    filter ``tojson``.
    """
    return _environment(template.parent).get_template(template.name).render(values)


def fragment(template: Path, **values: object) -> Markup:
    """Return a rendered template as a value for another one."""
    from markupsafe import Markup

    return Markup(render_page(template, **values))  # noqa: S704  escaped by the template


def inline(path: Path) -> Markup:
    """Return a style sheet or a script of ours as a value that is not escaped."""
    from markupsafe import Markup

    return Markup(path.read_text(encoding="utf-8"))  # noqa: S704  a file of this package


@cache
def _environment(folder: Path) -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        auto_reload=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_shown,
    )
    environment.policies["json.dumps_kwargs"] = {"ensure_ascii": False, "separators": (",", ":")}
    return environment


def _shown(value: object) -> object:
    return visible(value, keep="\n\t") if isinstance(value, str) and not hasattr(value, "__html__") else value

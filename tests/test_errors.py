"""Facts about the tree of errors of both packages."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_every_error_that_users_see_is_in_one_tree() -> None:
    bases: dict[str, list[str]] = {}
    for package in ("anima_prompt", "anima_infer"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ClassDef) and node.name.endswith("Error"):
                    bases[node.name] = [ast.unparse(base) for base in node.bases]
    outside = {name for name, of in bases.items() if not {"AnimaPromptError", *bases} & set(of)}
    assert outside == {"AnimaPromptError"}
    assert len(bases) > 12

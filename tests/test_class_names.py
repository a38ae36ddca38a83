"""One name, one meaning: facts about the class names of both packages."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_no_class_name_is_defined_twice() -> None:
    files: dict[str, list[str]] = defaultdict(list)
    for package in ("anima_prompt", "anima_infer"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ClassDef):
                    files[node.name].append(path.relative_to(ROOT).as_posix())
    assert len(files) > 200
    assert {name: paths for name, paths in files.items() if len(paths) > 1} == {}

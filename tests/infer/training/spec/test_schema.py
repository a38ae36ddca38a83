"""The schema and the table say what the reader does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from anima_infer.training.spec.definition import TrainSpec
from anima_infer.training.spec.options import kind_of, option_of, walk
from anima_infer.training.spec.reader import spec_from_dict, value_at
from anima_infer.training.spec.schema import options_table, train_schema
from tests.infer.training.spec.test_reader import SMALLEST


def test_every_option_has_a_meaning_and_what_it_needs_exists() -> None:
    spec = spec_from_dict(SMALLEST)
    for name, owner, item in walk(TrainSpec):
        option = option_of(item)
        assert option.about, name
        kind = kind_of(owner, item.name)
        for path, values in option.needs:
            assert value_at(spec, path) is not None
            choices = next(kind_of(o, i.name).choices for n, o, i in walk(TrainSpec) if n == path)
            assert not choices or set(values) <= set(choices), (name, path)
        assert not kind.choices or item.default in kind.choices, name


def test_the_schema_lists_every_option() -> None:
    def names(schema: dict[str, Any], prefix: str = "") -> set[str]:
        found = set()
        for name, inner in schema.get("properties", {}).items():
            found.add(prefix + name)
            for form in (inner, *inner.get("anyOf", ())):
                if "properties" in form:
                    is_list = any("items" in other for other in inner.get("anyOf", ()))
                    found |= names(form, f"{prefix}{name}[]." if is_list else f"{prefix}{name}.")
        return found

    assert {name for name, _, _ in walk(TrainSpec)} <= names(train_schema())
    kind = train_schema()["properties"]["method"]["properties"]["kind"]
    assert kind["enum"] == ["lora", "loha", "lokr", "full"]


def test_the_documentation_has_the_table() -> None:
    text = (Path(__file__).parents[4] / "docs" / "training-options.md").read_text(encoding="utf-8")
    assert options_table() in text, "run: anima-infer train options > docs/training-options.md"

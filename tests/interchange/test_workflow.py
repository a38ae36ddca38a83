"""Facts about workflows: the prompts come out, and nothing that a program may write there breaks the reader."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from anima_prompt.interchange.workflow import is_workflow, read_workflow

API: dict[str, Any] = {
    "1": {"class_type": "UNETLoader", "inputs": {"unet_name": "anima-base-v1.0.safetensors"}},
    "2": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["9", 0], "text": "1girl"}},
    "3": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["9", 0], "text": "blurry"}},
    "4": {
        "class_type": "KSampler",
        "inputs": {"model": ["1", 0], "positive": ["2", 0], "negative": ["3", 0], "latent_image": ["5", 0], "cfg": 4},
    },
    "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 832, "height": 1216}},
}
EDITOR: dict[str, Any] = {
    "nodes": [
        {
            "id": 1,
            "type": "KSampler",
            "inputs": [
                {"name": "positive", "link": 1},
                {"name": "negative", "link": 2},
                {"name": "latent_image", "link": 3},
            ],
            "widgets_values": [7, "fixed", 20, 4, "euler", "simple", 1],
        },
        {"id": 2, "type": "CLIPTextEncode", "inputs": [{"name": "clip", "link": None}], "widgets_values": ["1girl"]},
        {"id": 3, "type": "CLIPTextEncode", "widgets_values": ["blurry"]},
        {"id": 4, "type": "EmptyLatentImage", "widgets_values": [832, 1216, 1]},
    ],
    "links": [[1, 2, 0, 1, 0, "C"], {"id": 2, "origin_id": 3, "origin_slot": 0}, [3, 4, 0, 1, 2, "L"]],
    "definitions": {"subgraphs": [{"nodes": [], "links": []}]},
}
ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=4),
    st.lists(st.one_of(st.integers(0, 5), st.lists(st.integers(), max_size=1), st.text(max_size=1)), max_size=4),
    st.dictionaries(st.sampled_from(["id", "link", "text", "nodes", "inputs"]), st.integers(0, 5), max_size=2),
)  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of everything inside a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, one in inner for found in ((*path, key), *places(one, (*path, key)))]


def test_both_forms_say_the_same() -> None:
    for data in (API, EDITOR):
        (found,) = read_workflow(data, "x")
        assert (found.prompt, found.negative, found.role) == ("1girl", "blurry", "positive")
        assert found.settings.items() >= {"guidance_scale": "4", "width": "832", "height": "1216"}.items()


@settings(max_examples=400)
@given(st.data(), st.sampled_from([API, EDITOR]), st.integers(1, 3))
def test_whatever_stands_in_a_workflow_it_is_read_or_left(
    data: st.DataObject, whole: dict[str, Any], changes: int
) -> None:
    changed = copy.deepcopy(whole)
    for _ in range(changes):
        *path, last = data.draw(st.sampled_from(places(changed)))
        holder = changed
        for key in path:
            holder = holder[key]
        holder[last] = data.draw(ODD)
    if is_workflow(changed):
        for found in read_workflow(changed, "x"):
            assert found.prompt is not None or found.not_read or found.negative

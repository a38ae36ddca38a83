"""What the whole way from text to sections, formatting and conversion gives, kept as files that a person reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from anima_prompt import Prompt, convert, format_text, read
from anima_prompt.cli.views import reading_data

PROMPTS = {
    "layouts": (
        "masterpiece, best quality, safe. An anime girl with purple hair lies on a futon. from above, smile",
        "Digital anime-style illustration. masterpiece, 1girl",
        "deviantart\nThe Last Ferry\nA small ferry crosses a dark lake at dusk.",
        '# draft\n1girl, storefront. A neon sign above the door reads "ANIMA (NOW)". night',
    ),
    "markup": (
        "((masterpiece)), (smile:1.20), ((a:1.2), b:0.5), [hat], [cat:dog:0.5], len (tsukihime)",
        "{red|blue} hair, __hat__ dress, <lora:my_lora:0.8>, embedding:foo, 1girl BREAK forest",
        "fern \\(sousou no frieren\\), \\m/, >:(, @_@, <|>_<|>, 00 qan[t], reverse:1999, (:3:1.2)",
    ),
    "malformed": (
        "1girl, (smile:1.2, hat",
        "smile), hat",
        "(a:1,2), (b:nan), (c;1.2)",
        'a sign that says "HELLO',
        "{a, ${b, [c",
    ),
    "typography": ("masterpiece ,best_quality,1girl,  ( smile : 1.3 ), , @shinkawa_youji，@my_lora,\n\n\nnight ",),
}


@pytest.mark.parametrize("name", PROMPTS)
def test_prompts_read_as_they_did(name: str, golden: Callable[[str, Any], None]) -> None:
    golden(
        name,
        [
            {
                "prompt": text,
                **reading_data(read(text)),
                "to_text": Prompt.parse(text).to_text(),
                "format_text": format_text(text),
                "convert": {target: convert(text, "comfyui", target).text for target in ("a1111", "plain")},
            }
            for text in PROMPTS[name]
        ],
    )

"""Facts about the demo model's tokenizers."""

from __future__ import annotations

from anima_infer import demo
from anima_infer.demo.captions import every_tag
from anima_prompt.tokens import Tokenizers


def test_a_tag_is_one_piece(tokenizers: Tokenizers) -> None:
    for tag in every_tag():
        if ", " not in tag:
            assert len(tokenizers.encode([(tag, 1.0)]).t5) == 2, tag
    tokens = tokenizers.encode([("masterpiece, red hair, ", 1.0), ("witch hat", 2.0)])
    assert tokens.weights[-2:] == (2.0, 1.0)
    odd = tokenizers.encode([("日本 zzz !?", 1.0)])
    assert max(odd.t5) < demo.T5_VOCABULARY
    assert max(odd.qwen) < demo.QWEN_VOCABULARY
    assert 2 not in odd.t5, "bytes spell what no piece does"

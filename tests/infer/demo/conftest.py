"""What the tests of the demo model's trainer share."""

from __future__ import annotations

import random

import pytest

from anima_infer import demo
from anima_infer.demo.captions import caption
from anima_prompt.tokens import Tokenizers


@pytest.fixture(scope="module")
def tokenizers(tmp_path_factory: pytest.TempPathFactory) -> Tokenizers:
    folder = tmp_path_factory.mktemp("demo")
    words = random.Random(0)
    texts = [caption(scene, words) for scene in demo.random_scenes(300, 0)]
    return Tokenizers.from_folders(*demo.write_tokenizers(folder, texts))

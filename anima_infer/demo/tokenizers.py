"""Tokenizers of the demo model, trained on captions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from anima_infer.demo.captions import every_tag
from anima_infer.demo.sizes import QWEN_VOCABULARY


def write_tokenizers(folder: Path, texts: Sequence[str]) -> tuple[Path, Path]:
    """Write both tokenizers: byte-level BPE trained on captions, and Unigram pieces that are whole tags.

    One piece per tag suits an adapter of two layers; letters and bytes spell everything else.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    qwen = Tokenizer(models.BPE())
    qwen.normalizer = normalizers.NFC()
    qwen.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    qwen.decoder = decoders.ByteLevel()
    learner = trainers.BpeTrainer(
        vocab_size=QWEN_VOCABULARY,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    qwen.train_from_iterator(texts, learner)
    words = sorted({word for text in texts for word in text.replace(",", " ").replace(".", " ").split()})
    tags = sorted(set(every_tag()), key=lambda tag: (-len(tag), tag))
    pieces: dict[str, float] = {"<pad>": 0.0, "</s>": 0.0, "<unk>": 0.0}
    pieces |= {f"<0x{byte:02X}>": -30.0 for byte in range(256)}
    pieces |= {f"▁{tag.replace(' ', '▁')}": -2.0 for tag in tags}
    for word in words:
        pieces.setdefault(f"▁{word}", -6.0)
    for letter in ("▁", *(chr(code) for code in range(33, 127))):
        pieces.setdefault(letter, -12.0)
    t5 = Tokenizer(models.Unigram(list(pieces.items()), 2, byte_fallback=True))
    t5.normalizer = normalizers.Replace(Regex(r"\s+"), " ")
    t5.pre_tokenizer = pre_tokenizers.Metaspace(split=False)
    places = folder / "tokenizers" / "qwen3", folder / "tokenizers" / "t5"
    for place, tokenizer in zip(places, (qwen, t5), strict=True):
        place.mkdir(parents=True, exist_ok=True)
        tokenizer.save(str(place / "tokenizer.json"))
    return places

"""Texts and prompts for property tests."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import strategies as st

from anima_prompt import Prompt, Sentence, Tag

PIECES = (
    "a", "b ", "1girl", "smile", " ", ",", ", ", ".", ". ", "(", ")", "[", "]", "{", "}", ":", ":1.2", '"', "\\", "\n",
    "_", "@", "@wlop", "|", "<", "!", "?", "$", "# note", "// note", "<lora:x:1>", "BREAK", "__colour__", "“", "”",
    "safe. A girl is here.", "She waves at it. ", "ye-pop\n", "embedding:foo", "long_hair", "\\(", "\\)", "dr. stone",
    "v", "...", ":)", ">:(", "，", "kimi no na wa.", "hatsune miku", "(smile:1.2)", "[a|b]", "[a:b:0.5]", "\u3000", "é",
    "\U0001f600", "女", "。", "\r\n", "\x00", "{a|b}", "${v}", "((", "))", ":nan)", "1e1", "-1",
    "Soft light. ", "Left: ", "Right: red hair, ", "Girl on the left: ", "On the left, ", "to her right: ", "Night.",
    "Dr. ", "mt. ", "e.g. ", "- ", "1. ", "[SCENE] ", "(left) ", "Description:\n", "the girl in the\n", "…", "; ", " — ",
    "A sign reads \"NO, ", "Red Hair", "Blue eyes, ", "HER COAT IS RED. ", "<random:a,b>", "<random:", "<embed:foo>",
    "<wildcard:x, <var:y>>", ">", ">_<", "embedding:foo.pt:1.2", "(embedding:foo:1.2)",
    ")(", "。(", "((<lora:x:1>", "((embedding:foo", "、", "“ hello", "homulilly", "vocaloid", "foo.", "(a",
)  # fmt: skip
"""Pieces of prompt syntax, whole and broken, so that random texts meet the grammar and not only its outside."""

syntax_texts = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)
any_texts = st.one_of(st.text(max_size=60), syntax_texts)
paren_texts = st.text(alphabet="()[]\\:a1.2e ,-", max_size=24)

WEIGHTS = st.sampled_from([Decimal(w) for w in ("1", "1.2", "1.50", "0.7", "2", "-1", "0", "15")])
BY_SECTION = {
    "quality": ("masterpiece", "best quality", "score_7"),
    "meta": ("highres", "official art"),
    "year": ("year 2025", "newest"),
    "safety": ("safe", "sensitive"),
    "count": ("1girl", "2boys", "6+girls", "no humans"),
    "character": ("hatsune miku", "fern \\(sousou no frieren\\)", "2b \\(nier:automata\\)"),
    "series": ("vocaloid", "dr. stone", "kono subarashii sekai ni shukufuku wo!", "kimi no na wa."),
    "artist": ("@wlop", "@poco \\(asahi age\\)", "@my_lora_trigger", "@@ichigo", "kantoku"),
    "general": ("smile", "long hair", "@_@", ":3", ";d", ">:\\(", "\\m/", "v", "...", 'don\'t say "lazy"', "20% off"),
}
SENTENCES = (
    "A girl stands in the rain.",
    "She looks up at the sign and smiles.",
    'A neon sign above the door reads "ANIMA".',
    "The red dress (silk:1.3) is on the bed.",
    "On the left side of the image is Hatsune Miku, with long hair and a grey shirt.",
    "Soft morning light.",
    "Girl on the left: red hair, blue eyes.",
    "On the right, a black cat; behind it, a lantern.",
    "A market at night, (food stalls:2), lanterns above the crowd.",
)


def tags(section: str) -> st.SearchStrategy[tuple[Tag, ...]]:
    tag = st.builds(Tag, text=st.sampled_from(BY_SECTION[section]), weight=WEIGHTS)
    return st.lists(tag, max_size=3).map(tuple)


def sentences() -> st.SearchStrategy[tuple[Sentence, ...]]:
    sentence = st.builds(Sentence, text=st.sampled_from(SENTENCES), place=st.sampled_from(("before", "after")))
    return st.lists(sentence, max_size=3).map(lambda found: tuple(sorted(found, key=lambda s: s.place == "after")))


def prompts(*, negative: bool = True) -> st.SearchStrategy[Prompt]:
    """Prompts whose tags stand in the section that the vocabulary gives them."""
    fields = {section: tags(section) for section in BY_SECTION}
    beside = st.none() | prompts(negative=False) if negative else st.none()
    return st.builds(Prompt, **fields, closing=tags("general"), sentences=sentences(), negative=beside)

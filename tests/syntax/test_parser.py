"""Facts about the loss-free tree."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anima_prompt import syntax
from anima_prompt.syntax import parse, print_tree, walk
from tests.strategies import any_texts

DIALECTS = ("comfyui", "a1111", "invokeai", "plain")


def kinds(text: str, dialect: str = "comfyui") -> list[tuple[str, str]]:
    """Name and source of every node at the top, separators left out."""
    tree = parse(text, dialect=dialect)
    return [(type(n).__name__, text[n.start : n.end]) for n in tree.nodes if not isinstance(n, syntax.Separator)]


def names(text: str) -> list[str]:
    return [d.name for d in parse(text).diagnostics]


@given(text=any_texts, dialect=st.sampled_from(DIALECTS))
def test_printing_the_tree_gives_every_text_back(text: str, dialect: str) -> None:
    assert print_tree(parse(text, dialect=dialect)) == text


@given(text=any_texts, dialect=st.sampled_from(DIALECTS))
def test_every_span_cuts_its_own_text_and_children_tile_their_parent(text: str, dialect: str) -> None:
    tree = parse(text, dialect=dialect)
    position = 0
    for node in tree.nodes:
        assert node.start == position
        position = node.end
    assert position == len(text)
    for node in walk(tree.nodes):
        assert getattr(node, "text", text[node.start : node.end]) == text[node.start : node.end]
        children = syntax.children_of(node)
        if children:
            edges = [node.start, *(child.end for child in children)]
            assert [child.start for child in children] == edges[:-1]
            assert edges[-1] == node.end


@given(text=any_texts)
def test_every_diagnostic_points_into_the_text(text: str) -> None:
    for found in parse(text).diagnostics:
        assert 0 <= found.start < found.end <= len(text)


def test_a_prefix_sentence_and_tags_are_told_apart() -> None:
    text = "masterpiece, best quality, safe. An anime girl with purple hair lies on a futon. from above, smile"
    assert kinds(text) == [
        ("TagNode", "masterpiece"),
        ("TagNode", "best quality"),
        ("TagNode", "safe"),
        ("SentenceNode", "An anime girl with purple hair lies on a futon."),
        ("TagNode", "from above"),
        ("TagNode", "smile"),
    ]


@pytest.mark.parametrize(
    "tag",
    [
        ";d", ":3", "re:zero", "dr. stone", "kono subarashii sekai ni shukufuku wo!", "walt disney's peter pan", "...",
        "._.", "@_@", ">_@", "<|>_<|>", "|_|", ":d", "d:", "?", "!?", "v", "2023", "inf", "20% off", "uu~", "steins;gate",
        "cosmic break", "reverse:1999", "fate/grand order", "monkey d. luffy", "no+bi=", "\\m/", "\\o/", "#compass",
        "t.m. opera o", "mr. c.b.", "st. louis", "don't say \"lazy\"", "00 qan[t]", "@@ichigo", "blackheart`", "mt. fuji",
        "super mario bros. 3", "super mario bros. wonder", "n corp. fanatic", "kizuna ai inc.", "skorpion vz. 61",
        "noh-p.u.n.k. ze amin", "a.i.m.s. shotriser", "@mx. moz", "@gd. fengzi", "@ren. \\(ren.ko\\)", "capt. locke",
        "wa2000 \\(op. manta ray\\)", "mash kyrielight \\(fgo fes. 2025\\)", "girl who trained on mt. haku \\(touhou\\)",
        "the cake is a lie \\(meme\\)", "what is my life? \\(love live!\\)", "persona 5: dancing star night", "<o>_<o>", "<3",
        ":<", "honkai: star rail", "artist: wlop", "lotte no omocha!",
    ],
)  # fmt: skip
def test_names_that_look_like_syntax_are_one_tag(tag: str) -> None:
    for text in (f"1girl, {tag}, smile", f"{tag}, smile"):
        assert ("TagNode", tag) in kinds(text)
        assert not parse(text).diagnostics


@pytest.mark.parametrize("tag", ["safe", "6+girls", "2girls", "night", "white dress", "fern \\(sousou no frieren\\)"])
def test_a_full_stop_behind_a_tag_ends_the_prefix(tag: str) -> None:
    tree = parse(f"1girl, {tag}. A girl stands in the rain.")
    stop = next(n for n in tree.nodes if isinstance(n, syntax.Separator) and n.kind == "stop")
    assert stop.text == ". "
    assert ("TagNode", tag) in kinds(tree.source)
    assert kinds(tree.source)[-1][0] == "SentenceNode"


@pytest.mark.parametrize(
    "sentence",
    [
        "Digital anime-style illustration.",
        "She smiles.",
        "Waves break below it and gulls circle the lamp.",
        "In the background, a castle burns.",
        "On the left side of the image is Hatsune Miku, with long aqua twintails and a grey shirt.",
        "hatsune miku is skating.",
        "a cute girl.",
        'A neon sign above the door reads "ANIMA".',
        "Mr. Smith walks home.",
        "the girl has red hair, blue eyes, and a hat.",
        "Is this a dream?",
        "一个女孩站在樱花树下。",
    ],
)
def test_a_sentence_is_one_node_wherever_it_stands(sentence: str) -> None:
    for text in (sentence, f"safe. {sentence}", f"1girl\n{sentence}", f"{sentence} from above, smile"):
        assert ("SentenceNode", sentence) in kinds(text)


def test_a_quotation_that_ends_a_sentence_needs_a_capital_behind_it() -> None:
    assert kinds('She says "Hello." The crowd is quiet.')[0] == ("SentenceNode", 'She says "Hello."')
    assert kinds('She says "Hello." and waves.') == [("SentenceNode", 'She says "Hello." and waves.')]


@pytest.mark.parametrize(
    "text",
    [
        "Blue Hair, smile, hat.",
        "A girl, solo, smile, looking at viewer, night.",
        "The Legend of Zelda, smile",
        "closed eyes.",
    ],
)
def test_tags_with_capitals_or_a_full_stop_are_no_sentence(text: str) -> None:
    assert all(kind == "TagNode" for kind, _ in kinds(text))


def test_a_known_name_that_looks_like_a_sentence_stays_a_tag() -> None:
    text = "my little pony: friendship is magic, smile"
    assert kinds(text)[0][0] == "SentenceNode"
    known = parse(text, known="my little pony: friendship is magic".__eq__)
    assert [type(n).__name__ for n in known.nodes] == ["TagNode", "Separator", "TagNode"]


def test_a_known_name_keeps_its_own_full_stop() -> None:
    tree = parse("1girl, kimi no na wa.", known="kimi no na wa.".__eq__)
    assert tree.nodes[-1] == syntax.TagNode(7, 21, "kimi no na wa.")


@pytest.mark.parametrize(
    ("text", "node", "source"),
    [
        ("<lora:x_y:0.8>, a", "LoraReference", "<lora:x_y:0.8>"),
        ("a <lora:x:1>", "LoraReference", "<lora:x:1>"),
        ("embedding:easy-neg.v2, a", "Embedding", "embedding:easy-neg.v2"),
        ("1girl BREAK forest", "Keyword", "BREAK"),
        ("# a note\n1girl", "Comment", "# a note"),
        ("1girl\n// a note", "Comment", "// a note"),
        ("[a:b:0.5], c", "Bracket", "[a:b:0.5]"),
        ("[a|b], c", "Bracket", "[a|b]"),
        ("[hat], c", "Bracket", "[hat]"),
        ("(a, @b:0.8), c", "Group", "(a, @b:0.8)"),
        ("ye-pop\nA tree stands on a hill.", "Dataset", "ye-pop"),
    ],
)
def test_markup_is_a_node_of_its_own(text: str, node: str, source: str) -> None:
    assert (node, source) in kinds(text)


@pytest.mark.parametrize(
    "directive",
    [
        "<random:red,blue>", "<wildcard:hats, coats>", "<alternate:cat, (dog:1.5)>", "<fromto[0.5]:hat, cap>",
        "<preset:x, y>", "<segment:face,0.6>", "<setvar[x]:red, blue>", "<var:x>", "<random:<var:x>, [b], \"c>",
        "<unheard_of:a, B. C>", "<break>",
    ],
)  # fmt: skip
def test_what_another_program_replaces_is_one_node(directive: str) -> None:
    for text in (directive, f"1girl, {directive}, smile", f"a {directive} hat, smile", f"She holds a {directive} hat."):
        found = [n for n in walk(parse(text).nodes) if isinstance(n, syntax.Dynamic)]
        assert [(n.text, n.kind) for n in found] == [(directive, "directive")]
        assert len(kinds(text)) == text.replace(directive, "").count(",") + 1


@pytest.mark.parametrize(
    "text",
    ["a < b, c > d", "1girl, <3, smile", "<random:a, b", "<random:a\nb>", "a <, b:c>", "<, 1girl, >_<", "<1:a, b>"],
)
def test_an_angle_bracket_alone_swallows_nothing(text: str) -> None:
    assert not [n for n in walk(parse(text).nodes) if isinstance(n, syntax.Dynamic)]
    assert len(kinds(text)) == text.replace("\n", ",").count(",") + 1


def test_a_lora_inside_a_directive_is_part_of_it() -> None:
    text = "<random:<lora:a:1>, <lora:b:1>>, <lora:c:1>"
    assert kinds(text) == [("TagNode", "<random:<lora:a:1>, <lora:b:1>>"), ("LoraReference", "<lora:c:1>")]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("embedding:bad_hands", "bad_hands"),
        ("embedding:name.pt:1.2", "name.pt"),
        ("(embedding:easynegative:1.2)", "easynegative"),
        ("(embedding:easynegative.safetensors:0.8)", "easynegative.safetensors"),
        ("embedding:sub/easy-neg.v2, hat", "sub/easy-neg.v2"),
        ("embedding:foo. A girl smiles.", "foo"),
        ("embedding:foo bar, hat", "foo"),
        ("a hat, embedding:foo,smile", "foo"),
        ("<embed:foo_bar>", "foo_bar"),
        ("<embedding:foo_bar:1.2>, hat", "foo_bar"),
    ],
)
def test_an_embedding_ends_where_its_name_does(text: str, name: str) -> None:
    found = [n for n in walk(parse(text).nodes) if isinstance(n, syntax.Embedding)]
    assert [n.name for n in found] == [name]


@pytest.mark.parametrize(
    ("text", "kind"),
    [("__colour__ hat", "wildcard"), ("{red|blue} hat", "choice"), ("${v}", "variable"), ('{"a": 1}', "block")],
)
def test_dynamic_text_is_a_node_inside_its_tag(text: str, kind: str) -> None:
    dynamic = [n for n in walk(parse(text).nodes) if isinstance(n, syntax.Dynamic)]
    assert [n.kind for n in dynamic] == [kind]


def test_a_title_line_follows_a_dataset_line() -> None:
    text = "deviantart\nThe Last Ferry\nA small ferry crosses a dark lake at dusk."
    assert [kind for kind, _ in kinds(text)] == ["Dataset", "SentenceNode", "SentenceNode"]


@pytest.mark.parametrize("text", ["1girl, ye-pop", "ye-pop, 1girl", "Ye-pop\n1girl", " ye-pop\n1girl"])
def test_a_dataset_word_elsewhere_is_an_ordinary_tag(text: str) -> None:
    assert "Dataset" not in [kind for kind, _ in kinds(text)]


def test_a_weight_is_the_exact_number_behind_the_last_colon() -> None:
    groups = {t: parse(t).nodes[0] for t in ("(a:1.20)", "(:3:1.2)", "(re:zero)", "(a: 1.5 )", "((a:1.2), b)")}
    weights = {t: str(g.weight) for t, g in groups.items() if isinstance(g, syntax.Group)}
    assert weights == {
        "(a:1.20)": "1.20",
        "(:3:1.2)": "1.2",
        "(re:zero)": "None",
        "(a: 1.5 )": "1.5",
        "((a:1.2), b)": "None",
    }


def test_text_in_quotes_is_never_markup() -> None:
    quote = '"A, (B:2). [C] <lora:x:1> {d|e}"'
    tree = parse(f"1girl, a sign that says {quote}, smile")
    assert [n.text for n in walk(tree.nodes) if isinstance(n, syntax.Quote)] == [quote]
    assert not any(isinstance(n, syntax.Group | syntax.Bracket | syntax.LoraReference) for n in walk(tree.nodes))


@pytest.mark.parametrize("face", [":)", ">:(", ";)", "=(", ":-)"])
def test_a_face_neither_opens_nor_closes_a_group(face: str) -> None:
    text = f"1girl, {face}, (smile:1.2)"
    assert kinds(text) == [("TagNode", "1girl"), ("TagNode", face), ("Group", "(smile:1.2)")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(a", ["paren-unbalanced"]),
        ("a)", ["paren-unbalanced"]),
        ("(a:1.2, b", ["paren-unbalanced"]),
        ("(a:1,2)", ["weight-format"]),
        ("(a;1.2)", ["weight-format"]),
        ("(a:nan)", ["weight-nonfinite"]),
        ("(a:inf)", ["weight-nonfinite"]),
        ('1girl, "HELLO', ["quote-unclosed"]),
        ("(" * 100 + "a" + ")" * 100, ["nesting-too-deep"]),
        ("(a:1.2), \\(b\\), [c], {d|e}", []),
    ],
)
def test_malformed_input_is_named(text: str, expected: list[str]) -> None:
    assert names(text) == expected


def test_ten_thousand_nested_parentheses_give_a_diagnostic() -> None:
    text = "(" * 10_000 + "a" + ")" * 10_000
    assert names(text) == ["nesting-too-deep"]
    assert print_tree(parse(text)) == text


@pytest.mark.parametrize(
    "unit",
    ["1girl, long hair, ", "(a:1.2), ", "(", ")", "(a", "[", "{", '"', "“", "__", "<lora:", "..", "Hatsune Miku. ", "A b c, ",
     "A girl (b) is here, ", "the girl is in the rain, ", ":) ", "\\(", "A girl smiles. ", "a. ", "A. ", "e.g. ", "女，",
     "Left: a, ", "Left: ", "A: b. ", "Left:\n", "On the left, ", "A girl in the\n", "- a\n", "1. A\n", "(Left) a, ", "[SCENE]\n",
     "A - b. ", "<", "<random:", "<random:a,b>", "embedding:a.pt:1.2, ", "embedding:", "(a sits) b, ", "(: 1, ", "[a:1", "a_", "   "],
)  # fmt: skip
def test_work_grows_with_the_length_and_no_faster(unit: str) -> None:
    def calls(length: int) -> int:
        text = (unit * (length // len(unit) + 1))[:length]
        count = 0

        def count_call(_frame: object, _event: str, _argument: object) -> None:
            nonlocal count
            count += 1

        sys.setprofile(count_call)
        try:
            parse(text)
        finally:
            sys.setprofile(None)
        return count

    assert calls(16_000) < 4 * 1.5 * calls(4_000) + 1_000  # 4 is linear, 16 quadratic

"""Facts about workflows as people save them: which texts reach the sampler, in both forms, and which are not read."""

from __future__ import annotations

from typing import Any

import pytest

from anima_prompt.errors import InputError
from anima_prompt.interchange.recorded import Recorded
from anima_prompt.interchange.workflow import read_workflow

GOOD, BAD = "1girl, red hat", "blurry, text"
BASE: dict[str, Any] = {
    "1": {"class_type": "UNETLoader", "inputs": {"unet_name": "anima-base-v1.0.safetensors"}},
    "2": {"class_type": "CLIPLoader", "inputs": {"clip_name": "qwen"}},
    "4": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["2", 0], "text": GOOD}},
    "5": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["2", 0], "text": BAD}},
    "6": {"class_type": "EmptyLatentImage", "inputs": {"width": 832, "height": 1216, "batch_size": 1}},
    "7": {
        "class_type": "KSampler",
        "inputs": {
            "model": ["1", 0],
            "positive": ["4", 0],
            "negative": ["5", 0],
            "latent_image": ["6", 0],
            "seed": 3,
            "steps": 20,
            "cfg": 4,
            "sampler_name": "euler",
            "scheduler": "simple",
            "denoise": 1,
        },
    },
}


def api(sampler: dict[str, Any] | None = None, **nodes: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the plain workflow with nodes added or replaced (``n12=(class, inputs)``) and inputs of the sampler."""
    added = {name[1:]: {"class_type": kind, "inputs": inputs} for name, (kind, inputs) in nodes.items()}
    data = {**BASE, **added}
    if sampler:
        data["7"] = {"class_type": "KSampler", "inputs": {**BASE["7"]["inputs"], **sampler}}
    return data


def encoder(link: list[Any]) -> tuple[str, dict[str, Any]]:
    return "CLIPTextEncode", {"clip": ["2", 0], "text": link}


def read_one(data: Any) -> Recorded:
    (found,) = read_workflow(data, "x")
    return found


API_FORMS = {
    "plain": api(),
    "envelope": {"client_id": "x", "prompt": api()},
    "output and workflow": {"output": api(), "workflow": {"nodes": []}},
    "odd entries": {**api(), "version": 0.4, "extra": None},
    "control net": api(
        {"positive": ["8", 0], "negative": ["8", 1]},
        n8=("ControlNetApplyAdvanced", {"positive": ["4", 0], "negative": ["5", 0], "control_net": ["9", 0], "image": ["9", 0]}),
        n9=("ControlNetLoader", {"control_net_name": "c.safetensors"}),
    ),
    "crossed wires of a control net": api(
        {"positive": ["8", 1], "negative": ["8", 0]},
        n8=("ControlNetApplyAdvanced", {"positive": ["5", 0], "negative": ["4", 0], "control_net": ["9", 0], "image": ["9", 0]}),
    ),
    "inpaint conditioning": api(
        {"positive": ["8", 0], "negative": ["8", 1], "latent_image": ["8", 2]},
        n8=("InpaintModelConditioning", {"positive": ["4", 0], "negative": ["5", 0], "vae": ["9", 0], "pixels": ["6", 0]}),
    ),
    "guidance node": api({"positive": ["8", 0]}, n8=("FluxGuidance", {"conditioning": ["4", 0], "guidance": 3.5})),
    "timestep range": api(
        {"negative": ["8", 0]}, n8=("ConditioningSetTimestepRange", {"conditioning": ["5", 0], "start": 0, "end": 0.5})
    ),
    "reroutes": api({"positive": ["8", 0]}, n8=("Reroute (rgthree)", {"": ["9", 0]}), n9=("Reroute", {"": ["4", 0]})),
    "context": api(
        {"positive": ["9", 4], "negative": ["9", 5]},
        n8=("Context (rgthree)", {"positive": ["4", 0], "negative": ["5", 0], "model": ["1", 0]}),
        n9=("Context (rgthree)", {"base_ctx": ["8", 0]}),
    ),
    "context switch": api(
        {"positive": ["9", 4], "negative": ["9", 5]},
        n8=("Context (rgthree)", {"positive": ["4", 0], "negative": ["5", 0]}),
        n9=("Context Switch (rgthree)", {"ctx_01": ["8", 0]}),
    ),
    "basic pipe": api(
        {"positive": ["9", 3], "negative": ["9", 4]},
        n8=("ToBasicPipe", {"positive": ["4", 0], "negative": ["5", 0], "model": ["1", 0]}),
        n9=("FromBasicPipe", {"basic_pipe": ["8", 0]}),
    ),
    "joined strings": api(
        n4=encoder(["8", 0]),
        n8=("JoinStrings", {"string1": "1girl", "string2": ["9", 0], "delimiter": ", "}),
        n9=("PrimitiveString", {"value": "red hat"}),
    ),
    "was concatenate": api(
        n4=encoder(["8", 0]),
        n8=("Text Concatenate", {"delimiter": ", ", "clean_whitespace": "true", "text_a": ["9", 0], "text_b": ["10", 0]}),
        n9=("Text Multiline", {"text": "1girl "}),
        n10=("CR Text", {"text": "red hat"}),
    ),
    "string function": api(
        n4=encoder(["8", 0]),
        n8=("StringFunction|pysssss", {"action": "append", "tidy_tags": "yes", "text_a": "1girl", "text_b": "red hat", "text_c": ""}),
    ),
    "replaced text": api(n4=encoder(["8", 0]), n8=("StringReplace", {"string": "1girl, X", "find": "X", "replace": "red hat"})),
    "relays of text": api(n4=encoder(["8", 0]), n8=("Reroute", {"": ["9", 0]}), n9=("PreviewAny", {"source": ["10", 0]}), n10=("String Literal", {"string": GOOD})),
    "switch of texts": api(
        n4=encoder(["8", 0]),
        n8=("ImpactSwitch", {"select": 2, "input1": ["9", 0], "input2": ["10", 0]}),
        n9=("PrimitiveString", {"value": "cat"}),
        n10=("PrimitiveString", {"value": GOOD}),
    ),
    "any switch": api(
        {"positive": ["8", 0]}, n8=("Any Switch (rgthree)", {"any_01": ["99", 0], "any_02": ["4", 0]})
    ),
    "wildcard encoder": api(
        {"positive": ["8", 2]},
        n8=("ImpactWildcardEncode", {"model": ["1", 0], "clip": ["2", 0], "wildcard_text": "{a|b}", "populated_text": GOOD}),
    ),
    "wildcards without any": api(
        n4=encoder(["8", 0]), n8=("ImpactWildcardProcessor", {"wildcard_text": GOOD, "populated_text": ""})
    ),
    "easy nodes": api(n4=encoder(["8", 0]), n5=encoder(["9", 0]), n8=("easy positive", {"positive": GOOD}), n9=("easy negative", {"negative": BAD})),
    "power prompt": api({"positive": ["8", 0]}, n8=("Power Prompt (rgthree)", {"prompt": GOOD, "opt_clip": ["2", 0]})),
    "two texts in one encoder": api(
        n4=("CLIPTextEncodeSDXL", {"clip": ["2", 0], "text_g": GOOD, "text_l": GOOD, "width": 4096, "height": 4096})
    ),
    "efficient loader with linked text": api(
        {"positive": ["8", 1], "negative": ["8", 2]},
        n8=("Efficient Loader", {"ckpt_name": "a", "positive": ["9", 0], "negative": BAD}),
        n9=("PrimitiveString", {"value": GOOD}),
    ),
    "custom sampler": api(
        n7=("SamplerCustomAdvanced", {"noise": ["8", 0], "guider": ["9", 0], "sampler": ["10", 0], "sigmas": ["11", 0], "latent_image": ["6", 0]}),
        n8=("RandomNoise", {"noise_seed": 3}),
        n9=("CFGGuider", {"model": ["1", 0], "positive": ["4", 0], "negative": ["5", 0], "cfg": 4}),
        n10=("KSamplerSelect", {"sampler_name": "euler"}),
        n11=("BasicScheduler", {"model": ["1", 0], "scheduler": "simple", "steps": ["12", 0], "denoise": 1}),
        n12=("PrimitiveInt", {"value": 20}),
    ),
    "hires": api(
        n8=("KSampler", {**BASE["7"]["inputs"], "latent_image": ["9", 0], "denoise": 0.4, "steps": 8}),
        n9=("LatentUpscaleBy", {"samples": ["7", 0], "scale_by": 1.5}),
    ),
    "detailer behind": api(
        n8=("FaceDetailer", {"image": ["9", 0], "model": ["1", 0], "clip": ["2", 0], "positive": ["4", 0], "negative": ["5", 0], "denoise": 0.4}),
        n9=("VAEDecode", {"samples": ["7", 0]}),
    ),
    "image to video": api(
        {"positive": ["8", 0], "negative": ["8", 1], "latent_image": ["8", 2]},
        n8=("LTXVImgToVideo", {"positive": ["4", 0], "negative": ["5", 0], "vae": ["9", 0], "image": ["9", 0], "width": 832, "height": 1216}),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", API_FORMS)
def test_the_texts_of_the_api_form_are_read(name: str) -> None:
    found = read_one(API_FORMS[name])
    assert (found.prompt, found.negative, found.role, found.not_read) == (GOOD, BAD, "positive", ())
    assert found.source == "comfyui"
    if name not in ("context", "context switch", "basic pipe"):
        assert found.settings.items() >= {"steps": "20", "width": "832", "sampler": "euler", "seed": "3"}.items()
        assert found.model == "anima-base-v1.0.safetensors"


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (api(n4=encoder(["32", 0]), n32=("OllamaGenerate", {"prompt": "Describe a girl"})), "32 (OllamaGenerate)"),
        (api(n4=encoder(["8", 0]), n8=("PromptGenerator", {"text": "a girl"})), "8 (PromptGenerator)"),
        (
            api(
                n4=encoder(["8", 0]),
                n8=("StringConcatenate", {"string_a": "1girl", "string_b": ["9", 0], "delimiter": ", "}),
                n9=("WD14Tagger|pysssss", {"image": ["6", 0], "tags": ""}),
            ),
            "9 (WD14Tagger|pysssss)",
        ),
        (api(n4=encoder(["8", 0]), n8=("SDXLPromptStyler", {"text_positive": "a", "text_negative": "b"})), "8 (SDXLPromptStyler)"),
        (api(n4=encoder(["8", 0]), n8=("LoadTextFile", {"text": "prompts.txt"})), "8 (LoadTextFile)"),
        (api(n4=encoder(["8", 0]), n8=("SomethingNew", {"text": "a girl"})), "8 (SomethingNew)"),
        (api(n4=encoder(["8", 0]), n8=("ImpactWildcardProcessor", {"wildcard_text": "__hair__", "populated_text": ""})), "8 (ImpactWildcardProcessor)"),
        (api({"positive": ["8", 0]}, n8=("SomeConditioning", {"strength": 1})), "8 (SomeConditioning)"),
        (api(n4=encoder(["99", 0])), "4 (CLIPTextEncode)"),
        (api(n4=encoder(["8", 0]), n8=("Text Prefix", {"text": ["9", 0], "prefix": "x"}), n9=("ChatGPT", {})), "9 (ChatGPT)"),
    ],
)  # fmt: skip
def test_a_text_that_cannot_be_read_is_said_to_be_unread(data: dict[str, Any], where: str) -> None:
    found = read_one(data)
    assert (found.prompt, found.negative) == (None, BAD)
    assert [str(one) for one in found.not_read] == [f"text comes from node {where}, not read"]
    assert found.not_read[0].role == "positive"


@pytest.mark.parametrize(
    "data",
    [
        api({"negative": ["8", 0]}, n8=("ConditioningZeroOut", {"conditioning": ["4", 0]})),
        api({"negative": ["8", 0]}, n8=("ConditioningZeroOut", {"conditioning": ["5", 0]})),
        api(
            n7=("SamplerCustomAdvanced", {"guider": ["9", 0], "latent_image": ["6", 0]}),
            n9=("BasicGuider", {"model": ["1", 0], "conditioning": ["4", 0]}),
            n5=("Note", {"text": "x"}),
        ),
    ],
)
def test_a_zeroed_or_missing_negative_is_none(data: dict[str, Any]) -> None:
    found = read_one(data)
    assert (found.prompt, found.negative) == (GOOD, None)


def test_several_texts_are_regions_with_one_negative() -> None:
    data = api(
        {"positive": ["8", 0]},
        n8=("ConditioningCombine", {"conditioning_1": ["4", 0], "conditioning_2": ["9", 0]}),
        n9=encoder("cat"),  # type: ignore[arg-type]
    )
    found = read_workflow(data, "x")
    assert [(one.prompt, one.negative, one.role) for one in found] == [(GOOD, BAD, "region"), ("cat", BAD, "region")]


def test_two_samplers_with_other_texts_are_two_prompts() -> None:
    inputs = {**BASE["7"]["inputs"], "positive": ["9", 0], "latent_image": ["7", 0], "denoise": 0.3}
    found = read_workflow(api(n8=("KSampler", inputs), n9=encoder("red eyes")), "x")  # type: ignore[arg-type]
    assert [one.prompt for one in found] == [GOOD, "red eyes"]


def test_texts_that_feed_nothing_are_left_out_but_for_those_of_unknown_nodes() -> None:
    assert len(read_workflow(api(n8=encoder("left over")), "x")) == 1  # type: ignore[arg-type]
    (_, other) = read_workflow(api(n8=encoder("used"), n9=("Unknown", {"thing": ["8", 0]})), "x")  # type: ignore[arg-type]
    assert (other.prompt, other.role) == ("used", "region")


# --- the editor's form -----------------------------------------------------------------------------------------------


def node(number: int | str, kind: str, values: Any = (), mode: int = 0, **more: Any) -> dict[str, Any]:
    """Return a node of the editor's form; ``inputs`` maps names to links."""
    inputs = [{"name": name, "link": link} for name, link in more.pop("inputs", {}).items()]
    widgets = values if isinstance(values, dict) else list(values)
    return {"id": number, "type": kind, "inputs": inputs, "widgets_values": widgets, "mode": mode, **more}


SAMPLER = [3, "randomize", 20, 4, "euler", "simple", 1]


def editor(*nodes: dict[str, Any], links: list[list[Any]], **more: Any) -> dict[str, Any]:
    """Return a saved graph with a sampler at node 7 whose links are 1 (positive), 2 (negative) and 3 (latent)."""
    inputs = {"model": None, "positive": 1, "negative": 2, "latent_image": 3}
    rest = [node(7, "KSampler", SAMPLER, inputs=inputs), node(6, "EmptyLatentImage", [832, 1216, 1])]
    return {"nodes": [*nodes, *rest], "links": [*links, [3, 6, 0, 7, 3, "LATENT"]], **more}


PAIR = (node(4, "CLIPTextEncode", [GOOD]), node(5, "CLIPTextEncode", [BAD]))
DIRECT = [[1, 4, 0, 7, 1, "CONDITIONING"], [2, 5, 0, 7, 2, "CONDITIONING"]]
SIDES = [{"name": "positive", "type": "CONDITIONING"}, {"name": "negative", "type": "CONDITIONING"}]
SUBGRAPH = {
    "id": "sub",
    "inputNode": {"id": -10},
    "outputNode": {"id": -20},
    "inputs": [{"name": "text", "type": "STRING"}, {"name": "clip", "type": "CLIP"}],
    "outputs": [{"name": "CONDITIONING", "type": "CONDITIONING"}],
    "nodes": [node(9, "CLIPTextEncode", ["inner text"], inputs={"text": 1, "clip": 2})],
    "links": [
        {"id": 1, "origin_id": -10, "origin_slot": 0, "target_id": 9, "target_slot": 1},
        {"id": 2, "origin_id": -10, "origin_slot": 1, "target_id": 9, "target_slot": 0},
        {"id": 3, "origin_id": 9, "origin_slot": 0, "target_id": -20, "target_slot": 0},
    ],
}
PROXY = {**SUBGRAPH, "nodes": [node(9, "CLIPTextEncode", ["inner text"])], "inputs": []}
OUTER = {
    "id": "outer",
    "inputNode": {"id": -10},
    "outputNode": {"id": -20},
    "inputs": [{"name": "prompt", "type": "STRING"}],
    "nodes": [node(2, "sub", [], inputs={"text": 1})],
    "links": [[1, -10, 0, 2, 0, "STRING"], [2, 2, 0, -20, 0, "CONDITIONING"]],
}
IN_SUBGRAPH = [[1, 10, 0, 7, 1, "CONDITIONING"], DIRECT[1]]
EDITOR_FORMS = {
    "plain": editor(*PAIR, links=DIRECT),
    "in an envelope": {"workflow": editor(*PAIR, links=DIRECT)},
    "reroute": editor(*PAIR, node(8, "Reroute", inputs={"": 8}), links=[[8, 4, 0, 8, 0, "*"], [1, 8, 0, 7, 1, "*"], DIRECT[1]]),
    "widget replaced by a link": editor(
        node(4, "CLIPTextEncode", ["old text"], inputs={"clip": None, "text": 8}),
        PAIR[1],
        node(8, "PrimitiveNode", [GOOD, "fixed"]),
        links=[*DIRECT, [8, 8, 0, 4, 1, "STRING"]],
    ),
    "bypassed": editor(
        *PAIR,
        node(8, "ControlNetApplyAdvanced", [1, 0, 1], 4, inputs={"positive": 8, "negative": 9, "control_net": None}, outputs=SIDES),
        links=[[8, 4, 0, 8, 0, "C"], [9, 5, 0, 8, 1, "C"], [1, 8, 0, 7, 1, "C"], [2, 8, 1, 7, 2, "C"]],
    ),
    "bypassed without types": editor(
        *PAIR,
        node(8, "ControlNetApplyAdvanced", [1, 0, 1], 4, inputs={"positive": 8, "negative": 9}),
        links=[[8, 4, 0, 8, 0, "C"], [9, 5, 0, 8, 1, "C"], [1, 8, 0, 7, 1, "C"], [2, 8, 1, 7, 2, "C"]],
    ),
    "muted second sampler": editor(
        *PAIR, node(8, "CLIPTextEncode", ["muted"]), node(9, "KSampler", SAMPLER, 2, inputs={"positive": 8, "latent_image": 9}),
        links=[*DIRECT, [8, 8, 0, 9, 1, "C"], [9, 7, 0, 9, 3, "L"]],
    ),
    "set and get": editor(
        *PAIR, node(8, "SetNode", ["pos"], inputs={"CONDITIONING": 8}), node(9, "GetNode", ["pos"]),
        links=[[8, 4, 0, 8, 0, "C"], [1, 9, 0, 7, 1, "C"], DIRECT[1]],
    ),
    "context": editor(
        *PAIR, node(8, "Context (rgthree)", inputs={"base_ctx": None, "positive": 8, "negative": 9}),
        links=[[8, 4, 0, 8, 4, "C"], [9, 5, 0, 8, 5, "C"], [1, 8, 4, 7, 1, "C"], [2, 8, 5, 7, 2, "C"]],
    ),
    "names of outputs": editor(
        node(8, "SomeLoader", {"positive": GOOD, "negative": BAD}, outputs=[{"name": "CONDITIONING+"}, {"name": "neg"}, {"name": "pos"}]),
        links=[[1, 8, 2, 7, 1, "C"], [2, 8, 1, 7, 2, "C"]],
    ),
    "widgets of unknown nodes by their inputs": editor(
        *PAIR[1:],
        node(4, "My Text Encode", ["a note", 5, "fixed", GOOD]) | {"inputs": [
            {"name": "clip", "link": None}, *({"name": name, "widget": {"name": name}, "link": None} for name in ("note", "seed", "text"))
        ]},
        links=DIRECT,
    ),
    "sub-graph with a promoted text": editor(
        PAIR[1], node(10, "sub", [GOOD], inputs={"text": None, "clip": None}), links=IN_SUBGRAPH, definitions={"subgraphs": [SUBGRAPH]},
    ),
    "sub-graph with a linked text": editor(
        PAIR[1], node(10, "sub", ["old"], inputs={"text": 8}), node(11, "PrimitiveStringMultiline", [GOOD]),
        links=[*IN_SUBGRAPH, [8, 11, 0, 10, 0, "STRING"]], definitions={"subgraphs": [SUBGRAPH]},
    ),
    "proxy widget": editor(
        PAIR[1], node(10, "sub", [GOOD], properties={"proxyWidgets": [["9", "text"]]}), links=IN_SUBGRAPH, definitions={"subgraphs": [PROXY]},
    ),
    "proxy widget of an input": editor(
        PAIR[1], node(10, "sub", [GOOD], properties={"proxyWidgets": [["-1", "text"]]}), links=IN_SUBGRAPH, definitions={"subgraphs": [SUBGRAPH]},
    ),
    "sub-graph in a sub-graph": editor(
        PAIR[1], node(10, "outer", [GOOD]), links=IN_SUBGRAPH, definitions={"subgraphs": [SUBGRAPH, OUTER]},
    ),
    "prompts sent everywhere": editor(
        *PAIR, node(8, "Prompts Everywhere", inputs={"+ve": 8, "-ve": 9}), links=[[8, 4, 0, 8, 0, "C"], [9, 5, 0, 8, 1, "C"]],
    ),
    "a sub-graph that is not used": editor(*PAIR, links=DIRECT, definitions={"subgraphs": [SUBGRAPH]}),
}  # fmt: skip


@pytest.mark.parametrize("name", EDITOR_FORMS)
def test_the_texts_of_the_editors_form_are_read(name: str) -> None:
    found = read_one(EDITOR_FORMS[name])
    assert (found.prompt, found.negative, found.not_read) == (GOOD, BAD, ())
    assert found.settings.items() >= {"steps": "20", "width": "832", "height": "1216", "seed": "3"}.items()


def test_the_text_inside_a_sub_graph_counts_where_its_box_shows_none() -> None:
    data = editor(PAIR[1], node(10, "sub"), links=IN_SUBGRAPH, definitions={"subgraphs": [PROXY]})
    assert read_one(data).prompt == "inner text"


def test_group_nodes_are_not_read() -> None:
    found = read_one({"nodes": [node(1, "workflow>Mine", [GOOD, BAD])], "links": []})
    assert (found.prompt, found.negative) == (None, None)
    assert [(one.kind, one.role) for one in found.not_read] == [
        ("workflow>Mine", "positive"),
        ("workflow>Mine", "negative"),
    ]


# --- hostile ---------------------------------------------------------------------------------------------------------


def test_circles_end() -> None:
    data = api(n4=encoder(["8", 0]), n8=("StringConcatenate", {"string_a": ["8", 0], "string_b": "", "delimiter": ""}))
    assert read_one(data).prompt is None
    looped = api({"positive": ["8", 0]}, n8=("Reroute", {"": ["8", 0]}))
    assert read_workflow(looped, "x")[0].prompt is None
    inner = {**SUBGRAPH, "nodes": [node(9, "sub")]}
    read_workflow(editor(node(10, "sub"), links=IN_SUBGRAPH, definitions={"subgraphs": [inner]}), "x")


def test_sub_graphs_that_multiply_are_refused() -> None:
    levels = [{"id": str(n), "nodes": [node(i, str(n + 1)) for i in range(10)], "links": []} for n in range(12)]
    data = {"nodes": [node(1, "0")], "links": [], "definitions": {"subgraphs": levels}}
    with pytest.raises(InputError, match="sub-graphs in sub-graphs"):
        read_workflow(data, "x")


def test_texts_that_double_end() -> None:
    nodes = {
        f"n{100 + i}": (
            "StringConcatenate",
            {"string_a": [str(101 + i), 0], "string_b": [str(101 + i), 0], "delimiter": ""},
        )
        for i in range(60)
    }
    data = api(n4=encoder(["100", 0]), **nodes, n160=("PrimitiveString", {"value": "aa"}))  # type: ignore[arg-type]
    assert read_one(data).prompt is None


def test_many_samplers_end() -> None:
    nodes: dict[str, Any] = {"0": BASE["4"]}
    for i in range(1, 3000):
        nodes[str(i)] = {
            "class_type": "KSampler",
            "inputs": {**BASE["7"]["inputs"], "latent_image": [str(i - 1), 0], "positive": [f"t{i}", 0]},
        }
        nodes[f"t{i}"] = {"class_type": "CLIPTextEncode", "inputs": {"clip": ["2", 0], "text": f"t{i}"}}
    assert len(read_workflow(nodes, "x")) == 2999

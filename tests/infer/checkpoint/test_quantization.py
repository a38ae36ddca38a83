"""Facts about quantized files: values, where the description stands, and every malformed one gets one line."""

from __future__ import annotations

import base64
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import Tensor

from anima_infer.checkpoint import WeightFile, find_part, load_adapter, load_dit
from anima_infer.checkpoint.quantization import FORMATS, LayerOptions
from anima_infer.checkpoint.quantization.blocks import unswizzle
from anima_infer.checkpoint.quantization.rotation import hadamard, look_up_nibbles, rotate
from anima_infer.errors import CheckpointError, CheckpointWarning
from tests.infer.conftest import GOLDEN
from tests.infer.tiny import FP32, dit_weights

CASES: dict[str, Any] = json.loads((GOLDEN / "quantization.json").read_text(encoding="utf-8"))["cases"]
L = "net.blocks.0.mlp.layer1"
Tensors = dict[str, Tensor]


def stored(entry: dict[str, Any]) -> Tensor:
    data = torch.frombuffer(bytearray(base64.b64decode(entry["bytes"])), dtype=torch.uint8)
    return data.view(getattr(torch, entry["dtype"])).reshape(entry["shape"])


def tensors_of(case: str) -> Tensors:
    return {f"{L}.{role}": stored(entry) for role, entry in CASES[case]["tensors"].items()}


def marker(description: Any) -> Tensor:
    text = description if isinstance(description, bytes) else json.dumps(description).encode()
    return torch.frombuffer(bytearray(text), dtype=torch.uint8)


def header(layers: Any) -> dict[str, str]:
    return {"_quantization_metadata": json.dumps({"format_version": "1.0", "layers": layers})}


def write(path: Path, tensors: Tensors, metadata: dict[str, str] | None = None) -> WeightFile:
    save_file({name: tensor.clone() for name, tensor in tensors.items()}, path / "a.safetensors", metadata)
    return WeightFile.open(path / "a.safetensors")


def check_values(case: str, weight: Tensor) -> None:
    expected = CASES[case]
    flat = weight.double().flatten()
    places = torch.linspace(0, len(flat) - 1, 8).round().long()
    assert list(weight.shape) == expected["shape"]
    assert flat[places].tolist() == pytest.approx(expected["values"], rel=1e-6, abs=1e-7)
    assert float(flat.norm()) == pytest.approx(expected["norm"], rel=1e-7)


# --- values ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("place", ["marker", "header", "header without the prefix"])
def test_values_of_every_format(tmp_path: Path, case: str, place: str) -> None:
    description = CASES[case]["description"]
    tensors, metadata = tensors_of(case), None
    if place == "marker":
        tensors[f"{L}.comfy_quant"] = marker(description)
    else:
        metadata = header({L if place == "header" else L.removeprefix("net."): description})
    file = write(tmp_path, tensors, metadata)
    check_values(case, file.tensor(f"{L}.weight", tuple(CASES[case]["shape"])))


@pytest.mark.parametrize("name", ["scaled_fp8", "net.scaled_fp8"])
def test_the_old_names_of_scales(tmp_path: Path, name: str) -> None:
    tensors = tensors_of("fp8 e4m3")
    tensors[f"{L}.scale_weight"] = tensors.pop(f"{L}.weight_scale")
    tensors |= {name: torch.zeros(2, dtype=torch.float8_e5m2), f"{L}.scale_input": torch.tensor(1.0)}
    check_values("fp8 e4m3", write(tmp_path, tensors).tensor(f"{L}.weight"))


def test_int8_with_a_scale_per_tensor(tmp_path: Path) -> None:
    values = torch.arange(-127, 128, dtype=torch.int8).reshape(5, 51)
    for scale in (torch.tensor(0.0123), torch.tensor([0.0123]), torch.tensor([[0.0123]])):
        tensors = {f"{L}.weight": values, f"{L}.weight_scale": scale}
        file = write(tmp_path, tensors, header({L: {"format": "int8_tensorwise"}}))
        assert torch.equal(file.tensor(f"{L}.weight"), values.float() * torch.tensor(0.0123))


def test_a_scale_per_row_of_fp8_and_its_dtypes(tmp_path: Path) -> None:
    values = torch.randn(4, 8).to(torch.float8_e4m3fn)
    scale = torch.tensor([0.5, 1.0, 2.0, 4.0])
    for shaped in (scale.reshape(4, 1), scale, scale.bfloat16(), scale.half()):
        tensors = {f"{L}.weight": values, f"{L}.weight_scale": shaped}
        file = write(tmp_path, tensors, header({L: {"format": "float8_e4m3fn"}}))
        assert torch.equal(file.tensor(f"{L}.weight"), values.float() * scale[:, None])


def test_the_format_fp8_reads_the_dtype_of_the_tensor(tmp_path: Path) -> None:
    tensors = tensors_of("fp8 e5m2")
    file = write(tmp_path, tensors, header({L: {"format": "float8_e4m3fn", "full_precision_matrix_mult": True}}))
    check_values("fp8 e5m2", file.tensor(f"{L}.weight"))


def test_the_embedding_needs_no_scale(tmp_path: Path) -> None:
    name, values = "net.llm_adapter.embed", torch.randn(4, 8).to(torch.float8_e4m3fn)
    file = write(tmp_path, {f"{name}.weight": values}, header({name: {"format": "float8_e4m3fn"}}))
    assert torch.equal(file.tensor(f"{name}.weight"), values.float())


def test_block_scales_may_be_bytes(tmp_path: Path) -> None:
    for case in ("mxfp8", "nvfp4"):
        tensors = tensors_of(case)
        tensors[f"{L}.weight_scale"] = tensors[f"{L}.weight_scale"].view(torch.uint8).flatten()
        file = write(tmp_path, tensors, header({L: CASES[case]["description"]}))
        check_values(case, file.tensor(f"{L}.weight", tuple(CASES[case]["shape"])))


def test_input_scales_are_ignored_and_pre_quant_scales_multiply_columns(tmp_path: Path) -> None:
    tensors = tensors_of("nvfp4") | {f"{L}.input_scale": torch.tensor(3.0)}
    plain = write(tmp_path, tensors, header({L: {"format": "nvfp4"}})).tensor(f"{L}.weight")
    columns = torch.rand(plain.shape[1]) + 0.5
    file = write(tmp_path, tensors | {f"{L}.pre_quant_scale": columns}, header({L: {"format": "nvfp4"}}))
    assert torch.equal(file.tensor(f"{L}.weight"), plain * columns)


def test_options_may_be_nested_in_params(tmp_path: Path) -> None:
    tensors = tensors_of("int8 rotated by 64")
    for description in (
        {"format": "int8_tensorwise", "params": {"convrot": True, "convrot_groupsize": 64}},
        {"format": "int8_tensorwise", "convrot_groupsize": 64, "params": {"convrot": True, "convrot_groupsize": 16}},
    ):
        file = write(tmp_path, tensors, header({L: description}))
        check_values("int8 rotated by 64", file.tensor(f"{L}.weight"))


@settings(max_examples=25, deadline=None)
@given(rows=st.integers(1, 300), blocks=st.integers(1, 11))
def test_scales_are_unswizzled_as_the_formula_says(rows: int, blocks: int) -> None:
    across = -(-blocks // 4)
    data = torch.randint(0, 256, (-(-rows // 128) * across * 512,), dtype=torch.uint8)
    scales = unswizzle(data, rows, blocks)
    for r, c in ((0, 0), (rows - 1, 0), (0, blocks - 1), (rows - 1, blocks - 1), (rows // 2, blocks // 2)):
        place = ((r // 128) * across + c // 4) * 512 + (r % 32) * 16 + ((r % 128) // 32) * 4 + c % 4
        assert scales[r, c] == data[place]


@pytest.mark.parametrize("group", [4, 16, 64, 256])
def test_the_rotation_is_the_regular_hadamard_matrix_and_its_own_inverse(group: int) -> None:
    four = np.array([[1, 1, 1, -1], [1, 1, -1, 1], [1, -1, 1, 1], [-1, 1, 1, 1]], dtype=float)
    matrix = np.ones((1, 1))
    while len(matrix) < group:
        matrix = np.kron(matrix, four)
    matrix /= group**0.5
    weight = torch.randn(3, 2 * group)
    expected = (weight.double().unflatten(1, (-1, group)) @ torch.tensor(matrix)).flatten(1)
    assert (rotate(weight, group) - expected).abs().max() < 3e-7 * expected.abs().max()
    torch.testing.assert_close(rotate(rotate(weight, group), group), weight, atol=2e-6, rtol=0)
    assert np.array_equal(hadamard(group).numpy(), matrix)


def test_the_order_of_nibbles() -> None:
    packed = torch.tensor([[0x21, 0xF8]], dtype=torch.uint8)
    codes = torch.arange(16.0)
    assert look_up_nibbles(packed, codes, low_first=True).tolist() == [[1, 2, 8, 15]]
    assert look_up_nibbles(packed, codes, low_first=False).tolist() == [[2, 1, 15, 8]]


def test_signed_nibbles_reach_from_minus_8_to_7() -> None:
    packed = torch.tensor([[0x80, 0x7F]], dtype=torch.uint8).view(torch.int8)
    tensors = {"weight": packed, "weight_scale": torch.tensor([2.0])}
    decoded = FORMATS["convrot_w4a4"].decode(tensors, LayerOptions("convrot_w4a4", rotation_group=4))
    assert rotate(decoded, 4).tolist() == [[0, -16, -2, 14]]


def test_all_e2m1_and_e8m0_codes() -> None:
    codes = torch.arange(16, dtype=torch.uint8)
    weight = ((codes[0::2] << 4) | codes[1::2]).reshape(1, 8).repeat(16, 1)
    tensors = {
        "weight": weight,
        "weight_scale": torch.full((512,), 0x38, dtype=torch.uint8),  # 1.0 in e4m3
        "weight_scale_2": torch.tensor(2.0),
    }
    positive = [0, 0.5, 1, 1.5, 2, 3, 4, 6]
    decoded = FORMATS["nvfp4"].decode(tensors, LayerOptions("nvfp4"))
    assert decoded[0].tolist() == [2 * value for value in (*positive, *(-value for value in positive))]
    ones = torch.ones(128, 32).to(torch.float8_e4m3fn)
    bytes_ = torch.zeros(512, dtype=torch.uint8)
    bytes_[0::16] = torch.arange(32, dtype=torch.uint8) + 112
    decoded = FORMATS["mxfp8"].decode({"weight": ones, "weight_scale": bytes_}, LayerOptions("mxfp8"))
    assert decoded[:32, 0].tolist() == [2.0 ** (code + 112 - 127) for code in range(32)]
    assert decoded[32:].abs().max() == 0  # the byte 0 is a scale of zero


def test_the_files_of_the_reference(golden_files: Path) -> None:
    expected = WeightFile.open(golden_files / "quant" / "expected.safetensors")
    for key in expected:
        source, _, name = key.partition("::")
        if source != "plain":
            want = expected.raw(key)
            found = WeightFile.open(golden_files / "quant" / source).tensor(name, tuple(want.shape))
            is_rotated = "rot" in source or "mixed" in source
            assert (found - want).abs().max() <= (5e-7 * want.abs().max() if is_rotated else 0), key


# --- a whole network -------------------------------------------------------------------------------------------------


def quantized_dit(prefix: str) -> tuple[Tensors, Tensors, dict[str, dict[str, Any]]]:
    """Return the tensors of a file, the weights that they stand for, and the descriptions, for four formats."""
    weights = dit_weights()
    tensors, expected, layers = dict(weights), dict(weights), {}
    formats = ("float8_e4m3fn", "int8_tensorwise", "int8 rotated", "mxfp8")
    names = [
        n
        for n, t in weights.items()
        if n.startswith("blocks.") and t.ndim == 2 and "adaln" not in n and t.shape[1] % 64 == 0
    ]
    for index, name in enumerate(names):
        layer, form = name.removesuffix(".weight"), formats[index % 4]
        new, description = quantize(weights[name], form)
        options = LayerOptions.parse(layer, description)
        expected[name] = FORMATS[options.format].decode(new, options)
        del tensors[name]
        tensors |= {f"{layer}.{role}": tensor for role, tensor in new.items()}
        layers[prefix + layer] = description
    return {prefix + n: t for n, t in tensors.items()}, expected, layers


def quantize(weight: Tensor, form: str) -> tuple[Tensors, dict[str, Any]]:
    if form == "float8_e4m3fn":
        scale = weight.abs().max() / 448
        return {"weight": (weight / scale).to(torch.float8_e4m3fn), "weight_scale": scale}, {"format": form}
    if form == "mxfp8":
        codes = torch.full((-(-weight.shape[0] // 128) * 128 * -(-weight.shape[1] // 128) * 4,), 120, dtype=torch.uint8)
        return {"weight": (weight * 2**7).to(torch.float8_e4m3fn), "weight_scale": codes}, {"format": form}
    description: dict[str, Any] = {"format": "int8_tensorwise"}
    if form == "int8 rotated":
        weight = rotate(weight, 64)
        description |= {"convrot": True, "convrot_groupsize": 64}
    scale = weight.abs().amax(1, keepdim=True) / 127
    return {"weight": (weight / scale).round().to(torch.int8), "weight_scale": scale}, description


@pytest.mark.parametrize("prefix", ["", "net.", "model.diffusion_model."])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_mixed_model_loads_with_one_cast(tmp_path: Path, prefix: str, dtype: torch.dtype) -> None:
    tensors, expected, layers = quantized_dit(prefix)
    file = write(tmp_path, tensors, header(layers))
    dit = load_dit(file, dtype=dtype, device=torch.device("cpu"))
    for name, found in dit.state_dict().items():
        assert torch.equal(found, expected[name].to(dtype)), name
    adapter = load_adapter(file, dtype=dtype, device=torch.device("cpu"))
    assert torch.equal(adapter.state_dict()["norm.weight"], expected["llm_adapter.norm.weight"].to(dtype))
    for name, want in expected.items():
        if not name.startswith("llm_adapter."):
            assert (want - dit_weights()[name]).abs().max() < 0.1, name


# --- precedence ------------------------------------------------------------------------------------------------------


def test_the_header_wins_over_markers_layer_by_layer(tmp_path: Path) -> None:
    other = "net.blocks.0.mlp.layer2"
    rotated = tensors_of("int8 rotated by 64")
    tensors = rotated | {name.replace("layer1", "layer2"): tensor for name, tensor in rotated.items()}
    plain, turned = {"format": "int8_tensorwise"}, CASES["int8 rotated by 64"]["description"]
    tensors |= {f"{L}.comfy_quant": marker(plain), f"{other}.comfy_quant": marker(turned)}
    file = write(tmp_path, tensors, header({L: turned}))
    check_values("int8 rotated by 64", file.tensor(f"{L}.weight"))
    check_values("int8 rotated by 64", file.tensor(f"{other}.weight"))
    file = write(tmp_path, tensors, header({L: plain, other: plain}))
    assert torch.equal(
        file.tensor(f"{other}.weight"), tensors[f"{other}.weight"].float() * tensors[f"{other}.weight_scale"]
    )


def test_a_header_for_other_layers_leaves_old_scales_undescribed(tmp_path: Path) -> None:
    tensors = tensors_of("fp8 e4m3") | {"net.scaled_fp8": torch.zeros(2)}
    tensors[f"{L}.scale_weight"] = tensors.pop(f"{L}.weight_scale")
    with pytest.warns(CheckpointWarning, match="no description of the format; read as fp8"):
        check_values("fp8 e4m3", write(tmp_path, tensors, header({})).tensor(f"{L}.weight"))


@pytest.mark.parametrize("case", ["fp8 e4m3", "int8 per row"])
def test_scales_without_description_are_applied_with_a_warning(tmp_path: Path, case: str) -> None:
    with pytest.warns(CheckpointWarning, match=r"1 layer \('net.blocks.0.mlp.layer1'\) has a scale but no description"):
        check_values(case, write(tmp_path, tensors_of(case)).tensor(f"{L}.weight"))


def test_plain_fp8_and_a_left_over_scale_of_one_need_no_word(tmp_path: Path) -> None:
    values = torch.randn(4, 8).to(torch.float8_e5m2)
    file = write(tmp_path, {f"{L}.weight": values, "b.weight": torch.ones(2, 2), "b.weight_scale": torch.tensor(1.0)})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert torch.equal(file.tensor(f"{L}.weight").float(), values.float())
        assert torch.equal(file.tensor("b.weight"), torch.ones(2, 2))


def test_the_description_is_read_whole_before_a_weight(tmp_path: Path) -> None:
    tensors = tensors_of("fp8 e4m3") | {"net.b.weight": torch.ones(2, 2), f"{L}.comfy_quant": marker({"format": "x"})}
    file = write(tmp_path, tensors)
    with pytest.raises(CheckpointError, match="quantized as 'x'"):
        file.tensor("net.b.weight")


# --- malformed files -------------------------------------------------------------------------------------------------

FP8: dict[str, Any] = {"format": "float8_e4m3fn"}
INT8: dict[str, Any] = {"format": "int8_tensorwise"}
ROTATED: dict[str, Any] = {"format": "int8_tensorwise", "convrot": True}
nan, inf = float("nan"), float("inf")


def fp8(**roles: Any) -> Tensors:
    """Return an fp8 layer with other tensors; None leaves one out."""
    base = {"weight": torch.ones(8, 4).to(torch.float8_e4m3fn), "weight_scale": torch.tensor(0.5)} | roles
    return {f"{L}.{role}": tensor for role, tensor in base.items() if tensor is not None}


def int8(columns: int = 16, **roles: Any) -> Tensors:
    base = {"weight": torch.ones(8, columns, dtype=torch.int8), "weight_scale": torch.ones(8, 1)} | roles
    return {f"{L}.{role}": tensor for role, tensor in base.items() if tensor is not None}


def nvfp4(**roles: Any) -> Tensors:
    base = {
        "weight": torch.zeros(16, 8, dtype=torch.uint8),
        "weight_scale": torch.ones(128, 4).to(torch.float8_e4m3fn),
        "weight_scale_2": torch.tensor(1.0),
    } | roles
    return {f"{L}.{role}": tensor for role, tensor in base.items() if tensor is not None}


def mxfp8(**roles: Any) -> Tensors:
    base = {
        "weight": torch.ones(32, 32).to(torch.float8_e4m3fn),
        "weight_scale": torch.full((128, 4), 127, dtype=torch.uint8),
    } | roles
    return {f"{L}.{role}": tensor for role, tensor in base.items() if tensor is not None}


NVFP4, MXFP8, INT4 = ({"format": name} for name in ("nvfp4", "mxfp8", "convrot_w4a4"))
nan_weight = torch.full((8, 4), 0x7F, dtype=torch.uint8).view(torch.float8_e4m3fn)

MALFORMED: list[tuple[str, Tensors, Any, str]] = [
    ("unknown format", fp8(), {"format": "float9"}, "'float9', which is not supported; supported are float8_e4m3fn"),
    *(
        (name, fp8(), {"format": name}, f"'{L}' is quantized as '{name}', which is not supported")
        for name in (
            *("asym_w4a8_int8", "awq_w4a16", "svdquant_w4a4", "int8_blockwise", "hybrid_mxfp8"),
            *("float8_e4m3fn_rowwise", "float8_e4m3fn_blockwise", "float8_e4m3fn_block3d"),
        )
    ),
    ("U8 as fp8", fp8(weight=torch.ones(8, 4, dtype=torch.uint8)), FP8, "has dtype U8; float8_e4m3fn needs F8_E4M3"),
    ("bf16 as fp8", fp8(weight=torch.ones(8, 4).bfloat16()), FP8, "has dtype BF16; float8_e4m3fn needs"),
    ("I8 as fp8", fp8(weight=torch.ones(8, 4, dtype=torch.int8)), FP8, "has dtype I8"),
    ("fp8 as int8", fp8(), INT8, "has dtype F8_E4M3; int8_tensorwise needs I8"),
    ("no scale", fp8(weight_scale=None), FP8, f"'{L}.weight_scale' is missing, which float8_e4m3fn needs"),
    ("no weight", fp8(weight=None), FP8, f"'{L}.weight' is missing"),
    ("old scale", fp8(weight_scale=None, scale_weight=torch.ones(())), FP8, "'scale_weight' is its old name"),
    ("scale NaN", fp8(weight_scale=torch.tensor(nan)), FP8, f"'{L}.weight_scale' contains values that are not finite"),
    ("scale inf", fp8(weight_scale=torch.tensor(inf)), FP8, "not finite"),
    ("scale negative", fp8(weight_scale=torch.tensor(-0.5)), FP8, "contains the negative scale -0.5"),
    ("row scale negative", int8(weight_scale=torch.tensor([[1.0]] * 7 + [[-2.0]])), INT8, "negative scale -2"),
    ("scale count", fp8(weight_scale=torch.ones(3)), FP8, r"has shape \[3\] for a weight of \[8, 4\]; expected one"),
    ("scale per column", fp8(weight_scale=torch.ones(1, 4)), FP8, r"has shape \[1, 4\]"),
    ("square rows", int8(8, weight_scale=torch.ones(8)), INT8, "rows and columns cannot be told apart"),
    ("scale dtype", fp8(weight_scale=torch.ones((), dtype=torch.float64)), FP8, "has dtype F64"),
    ("weight of 3 axes", fp8(weight=torch.ones(2, 2, 2).to(torch.float8_e4m3fn)), FP8, "expected 2 axes"),
    ("NaN in fp8", fp8(weight=nan_weight), FP8, f"'{L}.weight' contains values that are not finite"),
    ("fp8 rotated", fp8(), FP8 | {"convrot": True}, "with convrot, which is for int8 alone"),
    (
        "second scale",
        fp8(weight_scale_2=torch.ones(())),
        FP8,
        "weight_scale_2' is present, which float8_e4m3fn does not",
    ),
    ("pre_quant_scale", fp8(pre_quant_scale=torch.ones(4)), FP8, "pre_quant_scale' is present"),
    ("group 32", int8(64), ROTATED | {"convrot_groupsize": 32}, "groups of 32 columns; expected a power of 4"),
    ("group 0", int8(64), ROTATED | {"convrot_groupsize": 0}, "groups of 0 columns"),
    ("group 1", int8(64), ROTATED | {"convrot_groupsize": 1}, "groups of 1 columns"),
    ("group negative", int8(64), ROTATED | {"convrot_groupsize": -4}, "groups of -4 columns"),
    ("group does not divide", int8(64), ROTATED, "has 64 columns, which groups of 256 columns do not divide"),
    ("group text", int8(64), ROTATED | {"convrot_groupsize": "64"}, "'convrot_groupsize' of .* is a text"),
    ("group true", int8(64), ROTATED | {"convrot_groupsize": True}, "'convrot_groupsize' of .* is true or false"),
    ("convrot text", int8(), INT8 | {"convrot": "yes"}, "'convrot' in the description of .* is a text"),
    ("params a list", int8(), INT8 | {"params": [1]}, "'params' in the description of .* is a list"),
    ("nvfp4 block scales", nvfp4(weight_scale=torch.ones(64, 4).to(torch.float8_e4m3fn)), NVFP4, "nvfp4 needs 512"),
    ("nvfp4 negative", nvfp4(weight_scale=torch.full((128, 4), -1.0).to(torch.float8_e4m3fn)), NVFP4, "negative"),
    ("nvfp4 no second scale", nvfp4(weight_scale_2=None), NVFP4, "weight_scale_2' is missing"),
    ("nvfp4 second scale", nvfp4(weight_scale_2=torch.ones(16)), NVFP4, "expected one value"),
    ("nvfp4 second scale NaN", nvfp4(weight_scale_2=torch.tensor(nan)), NVFP4, "not finite"),
    ("nvfp4 rows", nvfp4(weight=torch.zeros(8, 8, dtype=torch.uint8)), NVFP4, "not padded to 16"),
    ("nvfp4 pre_quant_scale", nvfp4(pre_quant_scale=torch.ones(99)), NVFP4, "has 99 values; expected 16"),
    ("nvfp4 plain", fp8(), NVFP4, "has dtype F8_E4M3; nvfp4 needs U8"),
    ("mxfp8 scales", mxfp8(weight_scale=torch.zeros(32, 1, dtype=torch.uint8)), MXFP8, r"has 32 values .* needs 512"),
    ("mxfp8 scale NaN", mxfp8(weight_scale=torch.full((512,), 255, dtype=torch.uint8)), MXFP8, "not finite"),
    ("mxfp8 float scale", mxfp8(weight_scale=torch.ones(512)), MXFP8, "has dtype F32; mxfp8 needs F8_E8M0 or U8"),
    ("int4 scale", int8(128, weight_scale=torch.ones(())), INT4, r"has shape \[\]; expected \[8\]"),
    ("marker cut in two", fp8(), b'{"format": ', "is not JSON"),
    ("marker a list", fp8(), b"[1]", "the description of '.*' is a list; expected a JSON object with 'format'"),
    ("marker a text", fp8(), b'"nvfp4"', "is a text"),
    ("marker null", fp8(), b"null", "is null"),
    ("marker without format", fp8(), b"{}", "'format' in the description of '.*' is missing"),
    ("marker format a number", fp8(), b'{"format": 8}', "is the number 8"),
    ("marker cut", fp8(), b'{"format": "float8_e4m3', "is not JSON"),
    ("marker trailing bytes", fp8(), json.dumps(FP8).encode() + b"\0\0", "is not JSON"),
    ("marker trailing text", fp8(), json.dumps(FP8).encode() + b"x", "is not JSON"),
    ("marker twice", fp8(), b'{"format": "nvfp4", "format": "mxfp8"}', "'format' occurs twice"),
    ("marker NaN", fp8(), b'{"format": "nvfp4", "x": NaN}', "NaN is not JSON"),
    ("marker UTF-16", fp8(), json.dumps(FP8).encode("utf-16"), "is not UTF-8"),
    ("marker deep", fp8(), b"[" * 20000, "is not JSON"),
    ("marker random", fp8(), bytes(range(128, 160)), "is not UTF-8"),
]


@pytest.mark.parametrize("place", ["marker", "header"])
@pytest.mark.parametrize(("name", "tensors", "description", "message"), MALFORMED, ids=[case[0] for case in MALFORMED])
def test_malformed_layers_get_one_line(
    tmp_path: Path, name: str, tensors: Tensors, description: Any, message: str, place: str
) -> None:
    if place == "header" and not isinstance(description, bytes):
        file = write(tmp_path, tensors, header({L: description}))
    else:
        file = write(tmp_path, tensors | {f"{L}.comfy_quant": marker(description)})
    with pytest.raises(CheckpointError, match=message) as caught:
        file.tensor(f"{L}.weight")
    assert "\n" not in str(caught.value)
    assert L in str(caught.value)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ("", "is not JSON"),
        ("{", "is not JSON"),
        ("[]", "has no object 'layers'"),
        ("{}", "has no object 'layers'"),
        ('{"layers": []}', "has no object 'layers'"),
        (json.dumps({"layers": {L: "nvfp4"}}), "is a text"),
        (json.dumps({"layers": {L: {"format": None}}}), "'format' .* is missing"),
        ('{"layers": {"net.blocks.7.mlp.layer1": {"format": "nvfp4"}}}', "'net.blocks.7.mlp.layer1.weight' is missing"),
        ('{"layers": {"": {"format": "nvfp4"}}}', "is missing"),
        (
            json.dumps({"layers": {L: NVFP4, L.removeprefix("net."): MXFP8}}),
            "described twice in the header, and differently",
        ),
        (f'{{"layers": {{"{L}": {{"format": "nvfp4"}}, "{L}": {{"format": "mxfp8"}}}}}}', "occurs twice"),
    ],
)
def test_malformed_headers_get_one_line(tmp_path: Path, metadata: str, message: str) -> None:
    file = write(tmp_path, fp8(), {"_quantization_metadata": metadata})
    with pytest.raises(CheckpointError, match=message) as caught:
        file.tensor(f"{L}.weight")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({f"{L}.weight": torch.ones(4, 4, dtype=torch.int8)}, "has dtype I8 and no description"),
        ({f"{L}.weight": torch.ones(4, 4, dtype=torch.uint8)}, "has dtype U8 and no description"),
        (fp8(weight=torch.ones(8, 4, dtype=torch.uint8)), "has dtype U8 and a scale but no description"),
        (fp8(weight=torch.ones(8, 4).bfloat16()), "nobody can tell whether it is scaled already"),
        (nvfp4(), "has weight_scale and weight_scale_2 but no description"),
        (mxfp8(), "has dtype U8; float8_e4m3fn needs F32 or BF16 or F16"),
        (fp8(weight=None), r"'.*\.weight_scale' is a scale, but '.*\.weight' is missing"),
        (fp8(weight_scale=None, pre_quant_scale=torch.ones(4)), "has pre_quant_scale but no description"),
        (fp8(weight_scale=torch.tensor(nan)), "not finite"),
        (fp8(weight_scale=torch.tensor(-1.0)), "negative scale"),
        (fp8(weight_scale=None) | {"net.scaled_fp8": torch.zeros(1)}, "scale_weight' is missing, which a file with"),
        (fp8(scale_weight=torch.ones(())) | {"scaled_fp8": torch.zeros(1)}, "both scale_weight and weight_scale"),
    ],
)
def test_ambiguous_files_without_description_get_one_line(tmp_path: Path, tensors: Tensors, message: str) -> None:
    with pytest.raises(CheckpointError, match=message) as caught:
        write(tmp_path, tensors).tensor(f"{L}.weight")
    assert "\n" not in str(caught.value)


def test_several_bad_layers_are_counted(tmp_path: Path) -> None:
    tensors = fp8() | {name.replace("layer1", "layer2"): tensor for name, tensor in fp8().items()}
    layers = {L: {"format": "x"}, L.replace("layer1", "layer2"): {"format": "y"}}
    with pytest.raises(CheckpointError, match=r"quantized as 'x'.* \(and 1 more problem of this kind\)"):
        write(tmp_path, tensors, header(layers)).tensor(f"{L}.weight")


def test_rows_that_the_padding_does_not_explain(tmp_path: Path) -> None:
    tensors, _, layers = quantized_dit("")
    name = next(n for n, description in layers.items() if description["format"] == "mxfp8")
    tensors[f"{name}.weight"] = tensors[f"{name}.weight"][:64].contiguous()
    tensors[f"{name}.weight_scale"] = torch.full((512 * 4,), 127, dtype=torch.uint8)[
        : 128 * 4 * -(-tensors[f"{name}.weight"].shape[1] // 128)
    ]
    with pytest.raises(CheckpointError, match=rf"'{name}.weight' has shape .*; expected"):
        load_dit(write(tmp_path, tensors, header(layers)), **FP32)


def test_padding_that_is_not_zero(tmp_path: Path) -> None:
    tensors = mxfp8()
    file = write(tmp_path, tensors, header({L: MXFP8}))
    with pytest.raises(CheckpointError, match=r"has values beyond the weight's shape \[30, 30\]"):
        file.tensor(f"{L}.weight", (30, 30))


BAD = {
    "convrot_group_not_power_of_4": "'net.blocks.0.self_attn.q_proj' is rotated in groups of 128 columns",
    "fp8_as_uint8": "'net.blocks.0.self_attn.q_proj.weight' has dtype U8",
    "fp8_scale_missing": "'net.blocks.0.self_attn.q_proj.weight_scale' is missing",
    "nvfp4_block_scales_short": "'net.blocks.0.self_attn.q_proj.weight_scale' has 512 values",
    "truncated": "is cut off in 'net.blocks.0.self_attn.q_proj.weight'",
    "unknown_format": "'net.blocks.0.self_attn.q_proj' is quantized as 'float9'",
}


@pytest.mark.parametrize("name", BAD)
def test_the_malformed_files_of_the_reference(golden_files: Path, name: str) -> None:
    with pytest.raises(CheckpointError, match=BAD[name]):
        find_part(WeightFile.open(golden_files / "quant" / "bad" / f"{name}.safetensors"), "dit")

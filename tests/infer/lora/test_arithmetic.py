"""Every form of a LoRA, against float64 arithmetic that is written here from the formulas and shares no code.

W is the stored weight, D the change. LoRA: D = B A alpha / r. LoHa: (w1a w1b) * (w2a w2b) alpha / r. LoKr: kron(w1, w2),
times alpha / r if a factor is of low rank. ``dora_scale`` (ComfyUI 0.29.0): (W + D) m / |W| per row, or m / |W + D| per
column; PEFT's magnitude: (W + D) m / |W + D| per row. Strength s: W + s (W' - W).
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn

from anima_infer.errors import LoraError
from anima_infer.lora import ActiveLoras
from anima_infer.model.dit import Dit
from tests.infer.arithmetic import numbers
from tests.infer.parity import effective
from tests.infer.tiny import DIT, dit_weights

Array = NDArray[np.float64]
SQUARE, WIDE, TALL = "blocks.0.self_attn.q_proj", "blocks.1.cross_attn.k_proj", "blocks.1.mlp.layer1"
SHAPES = {SQUARE: (128, 128), WIDE: (128, 48), TALL: (512, 128)}
EPS = 2.0**-23
RANK = 4


def network(dtype: torch.dtype = torch.float32, storage: torch.dtype | None = None) -> Dit:
    """Return a DiT that computes in a dtype and stores the large matrices of its blocks in another."""
    dit = Dit(DIT)
    dit.load_state_dict(dit_weights(adapter=None))
    dit.to(dtype).requires_grad_(requires_grad=False)
    for name, module in dit.named_modules():
        if storage and isinstance(module, nn.Linear) and name.startswith("blocks.") and "adaln" not in name:
            module.weight = nn.Parameter(module.weight.to(storage), requires_grad=False)
    return dit


def array(tensor: Tensor) -> Array:
    return tensor.detach().to(torch.float64).numpy()


def r(name: str, *shape: int) -> Tensor:
    return 0.2 * numbers(name, shape)


def lora(shape: tuple[int, int]) -> dict[str, Tensor]:
    return {"lora_A.weight": r("A", RANK, shape[1]), "lora_B.weight": r("B", shape[0], RANK)}


def loha(shape: tuple[int, int], rank: int = RANK) -> dict[str, Tensor]:
    return {
        **{f"hada_w{i}_a": r(f"{i}a", shape[0], rank) for i in (1, 2)},
        **{f"hada_w{i}_b": r(f"{i}b", rank, shape[1]) for i in (1, 2)},
    }


def lokr(shape: tuple[int, int], ways: str) -> dict[str, Tensor]:
    """Return LoKr with factors that are whole (w) or of low rank (l); the first is 4 x 8."""
    sizes = ((4, 8), (shape[0] // 4, shape[1] // 8))
    made: dict[str, Tensor] = {}
    for number, way, (rows, columns) in zip("12", ways, sizes, strict=True):
        if way == "w":
            made[f"lokr_w{number}"] = r(f"w{number}", rows, columns)
        else:
            rank = 2 if number == "1" else 3
            made[f"lokr_w{number}_a"] = r(f"w{number}a", rows, rank)
            made[f"lokr_w{number}_b"] = r(f"w{number}b", rank, columns)
    return made


def reference_change(t: dict[str, Tensor], alpha: float | None) -> Array:
    a = {name: array(tensor) for name, tensor in t.items()}
    if "lora_A.weight" in a:
        rank: int | None = a["lora_A.weight"].shape[0]
        change = a["lora_B.weight"] @ a["lora_A.weight"]
    elif "hada_w1_a" in a:
        rank = a["hada_w1_b"].shape[0]
        change = (a["hada_w1_a"] @ a["hada_w1_b"]) * (a["hada_w2_a"] @ a["hada_w2_b"])
    else:
        one = a["lokr_w1"] if "lokr_w1" in a else a["lokr_w1_a"] @ a["lokr_w1_b"]
        two = a["lokr_w2"] if "lokr_w2" in a else a["lokr_w2_a"] @ a["lokr_w2_b"]
        change = np.kron(one, two)
        rank = next((a[key].shape[0] for key in ("lokr_w2_b", "lokr_w1_b") if key in a), None)
    return change if alpha is None or rank is None else change * alpha / rank


FORMS: dict[str, Callable[[tuple[int, int]], dict[str, Tensor]]] = {
    "LoRA": lora,
    "LoHa": loha,
    "LoHa of a rank whose square is large": lambda shape: loha(shape, 12),
    "LoKr": lambda shape: lokr(shape, "ww"),
    "LoKr, second factor of low rank": lambda shape: lokr(shape, "wl"),
    "LoKr, first factor of low rank": lambda shape: lokr(shape, "lw"),
    "LoKr, both of low rank": lambda shape: lokr(shape, "ll"),
}
DORA: dict[str, Callable[[Array, Array, Array], Array]] = {
    "none": lambda w, d, m: w + d,
    "dora_scale of rows": lambda w, d, m: (w + d) * (m / (np.linalg.norm(w, axis=1) + EPS))[:, None],
    "dora_scale of columns": lambda w, d, m: (w + d) * (m / (np.linalg.norm(w + d, axis=0) + EPS))[None],
    "PEFT": lambda w, d, m: (w + d) * (m / np.linalg.norm(w + d, axis=1))[:, None],
}


def magnitude(kind: str, weight: Tensor, spread: float = 1.0) -> dict[str, Tensor]:
    """Return a vector near the weight's norms, in the shape and under the name of its convention."""
    by_rows = weight.float().norm(dim=1) * (1 + spread * r("rows", len(weight)))
    if kind == "dora_scale of columns":
        return {"dora_scale": (weight.float().norm(dim=0) * (1 + spread * r("columns", weight.shape[1])))[None]}
    return {"none": {}, "PEFT": {"lora_magnitude_vector.weight": by_rows}}.get(kind, {"dora_scale": by_rows[:, None]})


def write(path: Path, module: str, tensors: dict[str, Tensor], metadata: dict[str, str] | None = None) -> Path:
    named = {f"diffusion_model.{module}.{name}": tensor.clone() for name, tensor in tensors.items()}
    save_file(named, path, metadata)
    return path


def activate(dit: nn.Module, path: Path, strength: float = 1.0) -> ActiveLoras:
    loras = ActiveLoras(dit)
    loras.apply([(loras.read(path), strength, strength)])
    return loras


def close(got: Tensor, wanted: Array, change: float) -> None:
    """Compare by the norm of the change: what arrives of the LoRA is the question; and by float32's step of the rest."""
    error = float(np.linalg.norm(array(got) - wanted))
    assert error < 2e-6 * change + 3e-7 * float(np.linalg.norm(wanted)), (error, change)


@pytest.mark.parametrize("module", SHAPES)
@pytest.mark.parametrize(
    ("form", "dora"),
    [(form, dora) for form in FORMS for dora in DORA if dora != "PEFT" or form == "LoRA"],
)
def test_every_form_on_every_shape(tmp_path: Path, form: str, dora: str, module: str) -> None:
    dit = network()
    weight = dit.get_submodule(module).weight.clone()  # type: ignore[operator, union-attr]
    tensors, vector = FORMS[form](SHAPES[module]), magnitude(dora, weight)
    w, m = array(weight), array(next(iter(vector.values()), torch.ones(1))).flatten()
    loras = ActiveLoras(dit)
    for alpha in (None, 0.0, 1.5):
        extra = {} if alpha is None else {"alpha": torch.tensor(alpha)}
        lora = loras.read(write(tmp_path / f"{alpha}.safetensors", module, tensors | vector | extra))
        for strength in (1.0, 0.6, -0.5):
            loras.apply([(lora, strength, strength)])
            full = DORA[dora](w, reference_change(tensors, alpha), m)
            wanted = w + strength * (full - w)
            close(effective(dit, f"{module}.weight"), wanted, float(np.linalg.norm(wanted - w)))


STORED = {
    "fp32": (torch.float32, None, 1e-5),
    "bf16": (torch.bfloat16, None, 8e-3),
    "fp16": (torch.float16, None, 1e-3),
    "fp8": (torch.bfloat16, torch.float8_e4m3fn, 8e-3),
    "fp8, computed in float32": (torch.float32, torch.float8_e4m3fn, 1e-5),
}


@pytest.mark.parametrize("size", [0.003, 0.01, 0.03])
@pytest.mark.parametrize("dora", DORA)
@pytest.mark.parametrize("form", ["LoRA", "LoHa", "LoKr"])
@pytest.mark.parametrize("stored", STORED)
@torch.inference_mode()
def test_a_small_change_arrives_whole_on_every_stored_dtype(
    tmp_path: Path, stored: str, form: str, dora: str, size: float
) -> None:
    """The product beside the weight does not depend on how coarsely the weight is stored: 0.3 % of it arrive."""
    if dora == "PEFT" and form != "LoRA":
        return
    dtype, storage, tolerance = STORED[stored]
    dit = network(dtype, storage)
    module = dit.get_submodule(TALL)
    weight = module.weight.clone().float()  # type: ignore[operator, union-attr]
    tensors = FORMS[form](SHAPES[TALL])
    change = reference_change(tensors, None)
    shrink = size * float(weight.norm()) / float(np.linalg.norm(change))
    first = {"LoRA": "lora_B.weight", "LoHa": "hada_w1_a", "LoKr": "lokr_w1"}[form]
    tensors[first] = tensors[first] * shrink
    vector = magnitude(dora, weight, 5 * size)
    x = numbers("x", (256, SHAPES[TALL][1])).to(dtype)
    before = array(module(x))
    activate(dit, write(tmp_path / "a.safetensors", TALL, tensors | vector))
    w, m = array(weight), array(next(iter(vector.values()), torch.ones(1))).flatten()
    wanted = array(x) @ (DORA[dora](w, reference_change(tensors, None), m) - w).T
    moved = array(dit.get_submodule(TALL)(x)) - before
    arrived = float((moved * wanted).sum() / (wanted**2).sum())
    assert abs(arrived - 1) < tolerance, arrived


def test_alpha_of_a_text_encoder_and_an_adapter_and_an_embedding(tmp_path: Path, models) -> None:  # type: ignore[no-untyped-def]
    adapter, text = models.encoder.adapter, models.encoder.text.model
    places = {
        "diffusion_model.llm_adapter.blocks.1.mlp.0": (adapter, "blocks.1.mlp.0"),
        "diffusion_model.llm_adapter.embed": (adapter, "embed"),
        "text_encoders.qwen3_06b.transformer.model.layers.1.mlp.up_proj": (text, "layers.1.mlp.up_proj"),
    }
    file: dict[str, Tensor] = {"diffusion_model.llm_adapter.blocks.1.mlp.0.diff_b": r("bias", 192)}
    for name, (root, module) in places.items():
        shape = root.get_submodule(module).weight.shape
        file |= {f"{name}.{key}": tensor for key, tensor in (lora(shape) | {"alpha": torch.tensor(3.0)}).items()}
    save_file(file, tmp_path / "a.safetensors")
    loras = ActiveLoras(models.dit, adapter, text)
    bias = array(adapter.blocks[1].mlp[0].bias)
    weights = {name: array(root.get_submodule(module).weight) for name, (root, module) in places.items()}
    loras.apply([(loras.read(tmp_path / "a.safetensors"), 0.5, 0.25)])
    for name, (root, module) in places.items():
        shape = tuple(root.get_submodule(module).weight.shape)
        strength = 0.25 if name.startswith("text") else 0.5
        wanted = weights[name] + strength * reference_change(lora(shape), 3.0)
        if module == "embed":
            got = root.get_submodule(module)(torch.arange(shape[0]))
        else:
            got = effective(root, f"{module}.weight")
        close(got, wanted, float(np.linalg.norm(wanted - weights[name])))
    close(effective(adapter, "blocks.1.mlp.0.bias"), bias + 0.5 * array(r("bias", 192)), 1.0)


@torch.inference_mode()
def test_differences_of_matrices_norms_and_whole_weights(tmp_path: Path) -> None:
    dit = network()
    q_norm, k_norm = "blocks.0.self_attn.q_norm", "blocks.0.cross_attn.k_norm"
    file = {
        f"diffusion_model.{TALL}.diff": r("diff", *SHAPES[TALL]),
        f"diffusion_model.{SQUARE}.set_weight": r("set", *SHAPES[SQUARE]),
        f"diffusion_model.{q_norm}.w_norm": r("w_norm", 64),
        f"diffusion_model.{k_norm}.diff": r("norm diff", 64),
    }
    save_file(file, tmp_path / "a.safetensors")
    before = {name: array(dit.get_submodule(name).weight) for name in (TALL, q_norm, k_norm)}  # type: ignore[arg-type]
    activate(dit, tmp_path / "a.safetensors", 0.6)
    close(effective(dit, f"{TALL}.weight"), before[TALL] + 0.6 * array(file[f"diffusion_model.{TALL}.diff"]), 1.0)
    close(effective(dit, f"{SQUARE}.weight"), array(file[f"diffusion_model.{SQUARE}.set_weight"]), 1.0)
    x = numbers("x", (3, 64))
    for name, key in ((q_norm, "w_norm"), (k_norm, "diff")):
        rms = np.sqrt((array(x) ** 2).mean(axis=1, keepdims=True) + 1e-6)
        weight = before[name] + 0.6 * array(file[f"diffusion_model.{name}.{key}"])
        close(dit.get_submodule(name)(x), array(x) / rms * weight, 1.0)


@torch.inference_mode()
def test_the_weight_of_a_norm_is_changed_exactly_in_bfloat16() -> None:
    """A step of bfloat16 near 1 is 0.8 %: a change of 0.1 % is lost in the weight, and not beside it."""
    from anima_infer.lora.change import WeightChange
    from anima_infer.lora.modules import ChangedNorm
    from anima_infer.model.layers import RmsNorm

    norm = RmsNorm(64).to(torch.bfloat16).requires_grad_(requires_grad=False)
    norm.weight.fill_(1.0)
    changed = ChangedNorm(norm, torch.float32)
    changed.set(WeightChange(norm.weight.shape, dense=torch.full((64,), 1e-3)))
    x = numbers("x", (2000, 64)).to(torch.bfloat16)
    ratio = changed(x).double().norm() / norm(x).double().norm()
    assert abs(float(ratio) - 1.001) < 1e-4


def test_several_loras_act_one_after_the_other(tmp_path: Path) -> None:
    """DoRA of the second file sees the weight that the first one made; products of low rank share one product."""
    dit = network()
    weight = dit.get_submodule(WIDE).weight.clone()  # type: ignore[operator, union-attr]
    files = [
        (lora(SHAPES[WIDE]), "none", 0.8),
        (loha(SHAPES[WIDE]), "dora_scale of rows", 0.7),
        (lokr(SHAPES[WIDE], "ww"), "none", 0.9),
        (lora(SHAPES[WIDE]), "dora_scale of columns", 1.0),
        (lora(SHAPES[WIDE]), "PEFT", -0.3),
        (lora(SHAPES[WIDE]), "none", 0.5),
    ]
    loras = ActiveLoras(dit)
    w = array(weight)
    uses = []
    for index, (tensors, dora, strength) in enumerate(files):
        vector = magnitude(dora, weight)
        path = write(tmp_path / f"{index}.safetensors", WIDE, tensors | vector)
        uses.append((loras.read(path), strength, strength))
        m = array(next(iter(vector.values()), torch.ones(1))).flatten()
        w = w + strength * (DORA[dora](w, reference_change(tensors, None), m) - w)
    loras.apply(uses)
    close(effective(dit, f"{WIDE}.weight"), w, float(np.linalg.norm(w - array(weight))))


@pytest.mark.parametrize(
    ("name", "tensors", "wanted"),
    [
        (WIDE, {"dora_scale": torch.ones(128)}, "dora_scale of rows"),
        (WIDE, {"dora_scale": torch.ones(48)}, "dora_scale of columns"),
        (WIDE, {"lora_magnitude_vector": torch.ones(128)}, "PEFT"),
        (WIDE, {"lora_magnitude_vector.default.weight": torch.ones(128)}, "PEFT"),
        (SQUARE, {"magnitude": torch.ones(128)}, "PEFT"),
        (SQUARE, {"lora_magnitude_vector.weight": torch.ones(128)}, "PEFT"),
        (SQUARE, {"dora_scale": torch.ones(1, 128)}, "dora_scale of columns"),
        (SQUARE, {"dora_scale": torch.ones(128, 1)}, "dora_scale of rows"),
        (SQUARE, {"dora_scale": torch.ones(128)}, "may be of rows or of columns"),
        (WIDE, {"dora_scale": torch.ones(7)}, r"'dora_scale' has shape \(7,\); expected \(128, 1\) or \(1, 48\)"),
        (WIDE, {"dora_scale": torch.ones(48, 1)}, "'dora_scale' has shape"),
        (WIDE, {"lora_magnitude_vector": torch.ones(48)}, r"magnitude has shape \(48,\); expected \(128,\)"),
        (WIDE, {"lora_magnitude_vector": torch.ones(128, 1)}, "magnitude has shape"),
        (WIDE, {"magnitude": torch.ones(128), "dora_scale": torch.ones(128, 1)}, "two magnitudes"),
    ],
)
def test_the_convention_of_a_magnitude_is_told_by_name_and_shape(
    tmp_path: Path, name: str, tensors: dict[str, Tensor], wanted: str
) -> None:
    dit = network()
    weight = array(dit.get_submodule(name).weight)  # type: ignore[arg-type]
    path = write(tmp_path / "a.safetensors", name, lora(SHAPES[name]) | tensors)
    if wanted not in DORA:
        with pytest.raises(LoraError, match=wanted) as caught:
            activate(dit, path)
        assert "\n" not in str(caught.value)
        return
    activate(dit, path)
    m = array(next(iter(tensors.values()))).flatten()
    full = DORA[wanted](weight, reference_change(lora(SHAPES[name]), None), m)
    close(effective(dit, f"{name}.weight"), full, float(np.linalg.norm(full - weight)))


R16 = {"lora_A.weight": r("A", RANK, 48), "lora_B.weight": r("B", 128, RANK)}


@pytest.mark.parametrize(
    ("tensors", "said"),
    [
        ({"lora_A.weight": torch.ones(0, 48), "lora_B.weight": torch.ones(128, 0)}, "the rank is 0"),
        ({"lora_A.weight": torch.ones(4, 48), "lora_B.weight": torch.ones(128, 5)}, "ranks 5 and 4"),
        ({"lora_A.weight": torch.ones(4, 128), "lora_B.weight": torch.ones(48, 4)}, "sizes do not fit a weight of"),
        (R16 | {"lora_mid.weight": torch.ones(4, 4)}, "'mid' is for a convolution"),
        (lokr((128, 48), "wl") | {"lokr_t2": torch.ones(3, 3, 1, 1)}, "'lokr_t2' is for a convolution"),
        (loha((128, 48)) | {"hada_t1": torch.ones(4, 4, 1, 1)}, "'hada_t1' is for a convolution"),
        (lokr((128, 48), "ww") | lokr((128, 48), "wl"), "a factor twice"),
        (lokr((48, 128), "ww"), "sizes do not fit"),
        ({"diff": torch.ones(48, 128)}, "sizes do not fit"),
        (R16 | {"diff": torch.ones(128, 48)}, "contains LoRA and difference"),
        ({"diff": torch.ones(128, 48), "dora_scale": torch.ones(128, 1)}, "stands beside difference"),
        (R16 | {"diff_b": torch.ones(128)}, "changes a bias, and the module has none"),
        (R16 | {"alpha": torch.ones(3)}, r"'alpha' has shape \(3,\)"),
        (R16 | {"reshape_weight": torch.ones(2)}, "changes the size of a weight"),
        (loha((128, 48)) | {"lora_magnitude_vector": torch.ones(128)}, "only LoRA is known with one"),
        (R16 | {"lora_B.weight": torch.ones(128, RANK, dtype=torch.int8)}, "has dtype torch.int8"),
    ],
)
def test_what_is_not_specified_is_refused_in_a_line(tmp_path: Path, tensors: dict[str, Tensor], said: str) -> None:
    dit = network()
    before = {name: tensor.clone() for name, tensor in dit.state_dict().items()}
    with pytest.raises(LoraError, match=said) as caught:
        activate(dit, write(tmp_path / "a.safetensors", WIDE, tensors))
    assert "\n" not in str(caught.value)
    assert "a.safetensors" in str(caught.value)
    assert before.keys() == dit.state_dict().keys()
    assert all(torch.equal(tensor, before[name]) for name, tensor in dit.state_dict().items())


PEFT_NAME = f"base_model.model.{WIDE}"


@pytest.mark.parametrize(
    ("config", "wanted"),
    [
        ({"r": RANK, "lora_alpha": 6}, 6 / RANK),
        ({"r": RANK, "lora_alpha": 6, "use_rslora": True}, 6 / math.sqrt(RANK)),
        ({"r": RANK, "lora_alpha": 6, "alpha_pattern": {r"k_proj": 3}}, 3 / RANK),
        ({"r": 8, "lora_alpha": 6, "rank_pattern": {r"blocks\.1\.cross_attn\.k_proj": RANK}}, 6 / RANK),
        ({"r": RANK, "lora_alpha": 6, "alpha_pattern": {"q_proj": 3}}, 6 / RANK),
        ({"r": 8, "lora_alpha": 6}, "r is 8 .*whose tensors have rank 4"),
        ({"r": RANK, "lora_alpha": "x"}, "is malformed"),
        ({"r": RANK, "lora_alpha": 6, "alpha_pattern": {"(": 3}}, "is malformed"),
        ({"r": RANK, "lora_alpha": 6, "peft_type": "LOHA"}, "peft_type is 'LOHA'; expected LORA"),
        (None, 1.0),
    ],
)
def test_the_scale_in_a_configuration_of_peft(
    tmp_path: Path, config: dict[str, object] | None, wanted: float | str
) -> None:
    save_file({f"{PEFT_NAME}.{name}": t.clone() for name, t in R16.items()}, tmp_path / "adapter_model.safetensors")
    if config is not None:
        (tmp_path / "adapter_config.json").write_text(json.dumps(config), encoding="utf-8")
    _check_scale(tmp_path / "adapter_model.safetensors", wanted)
    if config is None:
        notes: list[str] = []
        ActiveLoras(network(), notify=notes.append).read(tmp_path / "adapter_model.safetensors")
        assert notes == ["adapter_model.safetensors: no adapter_config.json beside the file; alpha = rank is assumed"]


@pytest.mark.parametrize(
    ("header", "extra", "wanted"),
    [
        ({"transformer.r": RANK, "transformer.lora_alpha": 6}, {}, 6 / RANK),
        ({"r": RANK, "lora_alpha": 6}, {}, 6 / RANK),
        ({"transformer.r": RANK, "transformer.lora_alpha": 6, "transformer.use_rslora": True}, {}, 6 / math.sqrt(RANK)),
        (
            {"transformer.r": 9, "transformer.lora_alpha": 6, "transformer.rank_pattern": {"attn2.to_k": RANK}},
            {},
            6 / RANK,
        ),
        ({"text_encoder.r": 16, "text_encoder.lora_alpha": 6}, {}, 1.0),
        ({"transformer.r": RANK, "transformer.lora_alpha": 6}, {"alpha": torch.tensor(6.0)}, 6 / RANK),
        ({"transformer.r": RANK, "transformer.lora_alpha": 6}, {"alpha": torch.tensor(5.0)}, "remove one of them"),
        ({"transformer.r": 16, "transformer.lora_alpha": 6}, {}, "r is 16"),
        ([1], {}, "is not a JSON object"),
    ],
)
def test_the_scale_in_the_header_of_diffusers(
    tmp_path: Path, header: object, extra: dict[str, Tensor], wanted: float | str
) -> None:
    name = "transformer.transformer_blocks.1.attn2.to_k"
    tensors = {f"{name}.{key}": tensor.clone() for key, tensor in (R16 | extra).items()}
    save_file(tensors, tmp_path / "a.safetensors", {"lora_adapter_metadata": json.dumps(header)})
    _check_scale(tmp_path / "a.safetensors", wanted)


def _check_scale(path: Path, wanted: float | str) -> None:
    dit = network()
    if isinstance(wanted, str):
        with pytest.raises(LoraError, match=wanted) as caught:
            activate(dit, path)
        assert "\n" not in str(caught.value)
        return
    weight = array(dit.get_submodule(WIDE).weight)  # type: ignore[arg-type]
    activate(dit, path)
    change = wanted * array(R16["lora_B.weight"]) @ array(R16["lora_A.weight"])
    close(effective(dit, f"{WIDE}.weight"), weight + change, float(np.linalg.norm(change)))

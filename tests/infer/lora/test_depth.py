"""Facts about numbers of blocks: LoRAs for 28, 40 and 52 blocks, and moving them from one to another."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from anima_infer.cli.main import commands
from anima_infer.errors import LoraError
from anima_infer.lora import BLOCKS_KEY, ActiveLoras, Expansion, layout_of, remap_names
from anima_infer.lora.depth import TABLES, block_map
from anima_infer.model.config import DitConfig
from anima_infer.model.dit import Dit

INSERTED_40 = (2, 5, 8, 11, 14, 17, 21, 24, 27, 30, 33, 36)
INSERTED_52 = (3, 7, 11, 15, 19, 23, 27, 31, 35, 39, 43, 47)
CUSTOM = {"insertion_positions": str(list(range(28, 40))), "old_block_count": "28", "new_block_count": "40"}
"""A header of a model whose new blocks all stand at the end."""
DIALECTS = {
    "comfyui": "diffusion_model.blocks.{}.mlp.layer1.lora_{}.weight",
    "kohya": "lora_unet_blocks_{}_mlp_layer1.lora_{}.weight",
    "lycoris": "lycoris_blocks_{}_mlp_layer1.lora_{}.weight",
    "original": "net.blocks.{}.mlp.layer1.lora_{}.weight",
    "diffusers": "transformer.transformer_blocks.{}.ff.net.0.proj.lora_{}.weight",
    "peft": "base_model.model.transformer_blocks.{}.ff.net.0.proj.lora_{}.weight",
    "bare": "blocks.{}.mlp.layer1.lora_{}.weight",
    "lora_transformer": "lora_transformer_transformer_blocks_{}_ff_net_0_proj.lora_{}.weight",
}
OTHERS = {
    "lora_unet_llm_adapter_blocks_3_mlp_0.lora_down.weight": torch.ones(1, 16),
    "lora_unet_llm_adapter_blocks_3_mlp_0.lora_up.weight": torch.ones(64, 1),
    "lora_te_layers_27_mlp_up_proj.lora_down.weight": torch.ones(1, 16),
    "lora_te_layers_27_mlp_up_proj.lora_up.weight": torch.ones(64, 1),
    "diffusion_model.final_layer.linear.diff": torch.ones(64, 32),
}


def names_of(dialect: str, block: int) -> tuple[str, str]:
    form = DIALECTS[dialect]
    ends = ("down", "up") if "_blocks_" in form or "lycoris" in form else ("A", "B")
    return form.format(block, ends[0]), form.format(block, ends[1])


def lora_of(blocks: list[int], dialect: str = "comfyui", others: bool = False) -> dict[str, Tensor]:
    """Return a LoRA whose tensors are filled with the index of their block."""
    made = dict(OTHERS) if others else {}
    for block in blocks:
        down, up = names_of(dialect, block)
        made |= {down: torch.full((1, 32), float(block)), up: torch.full((128, 1), float(block))}
    return made


def deep_dit(blocks: int) -> Dit:
    dit = Dit(DitConfig(width=32, blocks=blocks, heads=2, context_width=8, adaln_width=4, mlp_width=128))
    for parameter in dit.parameters():
        parameter.requires_grad_(requires_grad=False).zero_()
    return dit


def test_the_tables_lead_where_the_releases_say() -> None:
    up = block_map(28, 40)
    assert (up[2], up[14], up[27]) == (3, 20, 39)
    assert set(range(40)) - set(up.values()) == set(INSERTED_40)
    assert set(range(52)) - set(block_map(40, 52).values()) == set(INSERTED_52)
    through = block_map(28, 52)
    assert through == {block: block_map(40, 52)[up[block]] for block in range(28)}
    assert through[27] == 51
    assert block_map(52, 28) == {place: block for block, place in through.items()}
    assert len(block_map(52, 40)) == 40


@pytest.mark.parametrize(
    ("highest", "layout"), [(0, 28), (27, 28), (28, 40), (39, 40), (40, 52), (51, 52), (52, "changes block 52")]
)
def test_the_layout_is_told_by_the_highest_block(highest: int, layout: int | str) -> None:
    if isinstance(layout, str):
        with pytest.raises(LoraError, match=layout):
            layout_of([0, highest], {})
    else:
        assert layout_of([0, highest], {}) == layout
        assert layout_of([], {}) is None


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(("old", "new"), [(28, 40), (28, 52), (40, 52), (40, 28), (52, 28), (52, 40)])
def test_remapping_in_every_dialect(tmp_path: Path, dialect: str, old: int, new: int) -> None:
    source = lora_of(list(range(old)), dialect, others=True)
    save_file(source, tmp_path / "a.safetensors", {"ss_network_dim": "1"})
    done = CliRunner().invoke(
        commands, ["lora", "remap", str(tmp_path / "a.safetensors"), "--to", str(new), "-o", str(tmp_path / "b")]
    )
    assert done.exit_code == 0, done.output
    places = block_map(old, new)
    wanted = dict(OTHERS)
    for block, place in places.items():
        wanted |= dict(zip(names_of(dialect, place), lora_of([block], dialect).values(), strict=True))
    moved = load_file(tmp_path / "b")
    assert moved.keys() == wanted.keys()
    assert all(torch.equal(tensor, wanted[name]) for name, tensor in moved.items())
    with safe_open(tmp_path / "b", "pt") as file:
        assert file.metadata() == {"ss_network_dim": "1", BLOCKS_KEY: str(new)}
    count = old - len(places)
    assert (f"dropped: {count} inserted blocks ({2 * count} tensors)" in done.output) == (new < old)


def test_a_file_in_the_layout_already_stays(tmp_path: Path) -> None:
    save_file(lora_of([0, 3, 39]), tmp_path / "a.safetensors")
    arguments = ["lora", "remap", str(tmp_path / "a.safetensors"), "--to", "40"]
    done = CliRunner().invoke(commands, arguments)
    assert (done.exit_code, "is for 40 blocks already" in done.output) == (0, True)
    assert [path.name for path in tmp_path.iterdir()] == ["a.safetensors"]
    assert CliRunner().invoke(commands, [*arguments, "-o", str(tmp_path / "b")]).exit_code == 0
    assert load_file(tmp_path / "b").keys() == lora_of([0, 3, 39]).keys()


def test_a_remapped_file_of_few_blocks_is_not_moved_again(tmp_path: Path) -> None:
    """Blocks 0 to 5 of 28 become 0 to 7 of 40, whose highest block alone would be read as one of 28."""
    save_file(lora_of([0, 2, 5]), tmp_path / "a.safetensors")
    done = CliRunner().invoke(commands, ["lora", "remap", str(tmp_path / "a.safetensors"), "--to", "40"])
    assert done.exit_code == 0, done.output
    out = tmp_path / "a-40-blocks.safetensors"
    assert load_file(out).keys() == lora_of([0, 3, 7]).keys()
    assert CliRunner().invoke(commands, ["lora", "remap", str(tmp_path / "a.safetensors"), "--to", "40"]).exit_code == 2
    notes: list[str] = []
    lora = ActiveLoras(deep_dit(40), notify=notes.append).read(out)
    assert (sorted(lora.deltas), notes) == ([f"dit:blocks.{i}.mlp.layer1" for i in (0, 3, 7)], [])
    back = CliRunner().invoke(commands, ["lora", "remap", str(out), "--to", "28", "-o", str(tmp_path / "c")])
    assert back.exit_code == 0, back.output
    assert load_file(tmp_path / "c").keys() == lora_of([0, 2, 5]).keys()


@pytest.mark.parametrize(
    ("blocks", "metadata", "to", "said"),
    [
        ([60], {}, "28", "changes block 60; the models have 28, 40, 52 blocks"),
        ([30], {BLOCKS_KEY: "28"}, "40", "header: 28 blocks, and the LoRA changes block 30"),
        ([2], {"insertion_positions": "[1, 2", "new_block_count": "40"}, "40", "insertion_positions is '[1, 2'"),
        ([2], {"insertion_positions": "[1, 2]", "old_block_count": "28", "new_block_count": "40"}, "40", "do not lead"),
        ([2], {"insertion_positions": "[1, 1]", "old_block_count": "28"}, "40", "do not lead"),
        ([2], {"insertion_positions": "[1, 99]", "old_block_count": "28"}, "40", "do not lead"),
        ([2], {"insertion_positions": "[1]"}, "40", "without old_block_count or new_block_count"),
        (list(INSERTED_40[-2:]), {}, "28", "nothing is left"),
        ([], {}, "40", "fits every number of blocks"),
    ],
)
def test_what_cannot_be_moved_is_refused_in_a_line(
    tmp_path: Path, blocks: list[int], metadata: dict[str, str], to: str, said: str
) -> None:
    save_file(lora_of(blocks, others=not blocks), tmp_path / "a.safetensors", metadata)
    done = CliRunner().invoke(
        commands, ["lora", "remap", str(tmp_path / "a.safetensors"), "--to", to, "-o", str(tmp_path / "b")]
    )
    assert done.exit_code == 2
    assert said in done.output
    assert len(done.output.splitlines()) == 1
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("form", [CUSTOM["insertion_positions"], "28,29,30,31,32,33,34,35,36,37,38,39"])
def test_a_header_wins_over_the_tables(tmp_path: Path, form: str) -> None:
    header = CUSTOM | {"insertion_positions": form}
    moved = remap_names(lora_of([0, 14, 27]), header, 40)
    assert moved.names == {name: name for name in lora_of([0, 14, 27])}
    back = remap_names(lora_of([0, 27, 28, 39]), header, 28)
    assert set(back.names.values()) == lora_of([0, 27]).keys()
    assert (len(back.dropped), back.dropped_blocks) == (4, 2)
    save_file(lora_of([0, 14, 27]), tmp_path / "a.safetensors")
    lora = ActiveLoras(deep_dit(40), metadata=header).read(tmp_path / "a.safetensors")
    assert sorted(lora.deltas) == [f"dit:blocks.{block}.mlp.layer1" for block in (0, 14, 27)]


def test_a_header_says_how_a_model_of_a_count_of_its_own_was_made(tmp_path: Path) -> None:
    header = {"insertion_positions": json.dumps([0, 1, 30]), "old_block_count": "28", "new_block_count": "31"}
    save_file(lora_of([0, 27]), tmp_path / "a.safetensors")
    save_file(lora_of([0, 30]), tmp_path / "b.safetensors")
    loras = ActiveLoras(deep_dit(31), metadata=header)
    assert sorted(loras.read(tmp_path / "a.safetensors").deltas) == [
        "dit:blocks.2.mlp.layer1",
        "dit:blocks.29.mlp.layer1",
    ]
    assert sorted(loras.read(tmp_path / "b.safetensors").deltas) == [
        "dit:blocks.0.mlp.layer1",
        "dit:blocks.30.mlp.layer1",
    ]


def test_a_model_made_at_once_in_another_way_takes_no_lora_for_a_depth_between() -> None:
    table = tuple(place for place in range(52) if place not in block_map(28, 52).values())
    same = Expansion(28, 52, table)
    assert block_map(40, 52, [same]) == block_map(40, 52)
    assert block_map(28, 52, [Expansion(28, 52, tuple(range(24)))])[0] == 24
    with pytest.raises(LoraError, match="a LoRA for a depth between them cannot be moved"):
        block_map(40, 52, [Expansion(28, 52, tuple(range(24)))])


@torch.inference_mode()
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(("old", "new"), [(28, 40), (28, 52), (40, 28), (52, 52)])
def test_a_lora_acts_on_the_right_blocks_of_any_model(tmp_path: Path, dialect: str, old: int, new: int) -> None:
    dit, notes = deep_dit(new), list[str]()
    save_file(lora_of(list(range(old)), dialect), tmp_path / "style.safetensors")
    loras = ActiveLoras(dit, notify=notes.append)
    loras.apply([(loras.read(tmp_path / "style.safetensors"), 1.0, 1.0)])
    got = [float(block.mlp.layer1(torch.ones(1, 32))[0, 0]) / 32 for block in dit.blocks]  # type: ignore[operator, union-attr]
    wanted = [0.0] * new
    for block, place in block_map(old, new).items():
        wanted[place] = float(block) ** 2
    assert got == wanted
    if old == new:
        assert notes == [] or "adapter_config" in notes[0]
    else:
        line = f"style.safetensors: was made for {old} blocks; moved to the {new} blocks of this model"
        assert notes[-1] == line + (", without its 12 inserted blocks (12 modules)" if old > new else "")


def test_a_lora_for_a_small_model_of_its_own_stays_as_it_is(tmp_path: Path) -> None:
    save_file(lora_of([0, 3]), tmp_path / "a.safetensors")
    assert len(ActiveLoras(deep_dit(4)).read(tmp_path / "a.safetensors").deltas) == 2
    with pytest.raises(LoraError, match=r"1 module not found in Anima of this size \(blocks.3.mlp.layer1\)"):
        ActiveLoras(deep_dit(2)).read(tmp_path / "a.safetensors")


@given(st.sets(st.integers(0, 27), min_size=1), st.sampled_from([40, 52]), st.sampled_from(sorted(DIALECTS)))
def test_up_and_down_again_is_where_it_was(blocks: set[int], to: int, dialect: str) -> None:
    names = list(lora_of(sorted(blocks), dialect))
    up = remap_names(names, {}, to)
    down = remap_names(up.names.values(), {BLOCKS_KEY: str(to)}, 28)
    assert list(down.names.values()) == names
    assert not down.dropped


def test_the_tables_are_well_formed() -> None:
    for table in TABLES:
        assert len(table.kept) == table.old
        assert table.new == table.old + len(table.inserted)

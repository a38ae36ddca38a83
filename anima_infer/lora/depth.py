"""Numbers of blocks: Anima has 28, Anima-2.9B 40, Anima-3.8B 52; LoRAs for one are moved to another.

The larger models were made by inserting blocks, so that block 14 of 28 is block 20 of 40. A LoRA's layout is told by
its highest block.

Source: the models' ``expand_manifest.json`` and headers (``insertion_positions``, ``old_block_count``).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from anima_infer.errors import LoraError
from anima_infer.lora.file import Lora
from anima_infer.lora.names import block_of, find_module, with_block
from anima_infer.lora.roles import split_name

DEPTHS = (28, 40, 52)
BLOCKS_KEY = "anima_prompt.blocks"
"""Written into the header of a moved LoRA; wins over the highest block, which may be one of few that the LoRA has."""


@dataclass(frozen=True, slots=True)
class Expansion:
    """How a model was made deeper: from ``old`` to ``new`` blocks, ``inserted`` being places in the new model."""

    old: int
    new: int
    inserted: tuple[int, ...]

    @property
    def kept(self) -> tuple[int, ...]:
        """The new place of every old block."""
        return tuple(place for place in range(self.new) if place not in self.inserted)

    @classmethod
    def from_header(cls, metadata: Mapping[str, str]) -> Expansion | None:
        """Read ``insertion_positions``, ``old_block_count`` and ``new_block_count``; None if a header has no positions.

        Raises:
            LoraError: they contradict each other.
        """
        text = metadata.get("insertion_positions")
        if text is None:
            return None
        try:
            inserted = tuple(sorted(map(int, _list_of(text))))
            new = int(metadata["new_block_count"]) if "new_block_count" in metadata else None
            old = int(metadata["old_block_count"]) if "old_block_count" in metadata else None
        except (TypeError, ValueError):
            raise LoraError(f"header: insertion_positions is '{text[:80]}'; expected a list of blocks") from None
        if new is None and old is None:
            raise LoraError("header: insertion_positions without old_block_count or new_block_count")
        new = old + len(inserted) if new is None and old is not None else new
        assert new is not None
        old = new - len(inserted) if old is None else old
        fits = old > 0 and new == old + len(set(inserted)) == old + len(inserted)
        if not fits or any(not 0 <= place < new for place in inserted):
            raise LoraError(
                f"header: {len(inserted)} insertion_positions do not lead from {old} to {new} blocks; "
                "expected one place below the new count for every new block"
            )
        return cls(old, new, inserted)


def _list_of(text: str) -> Iterable[int | str]:
    return json.loads(text) if text.lstrip().startswith("[") else text.split(",")


TABLES = (
    Expansion(28, 40, (2, 5, 8, 11, 14, 17, 21, 24, 27, 30, 33, 36)),
    Expansion(40, 52, (3, 7, 11, 15, 19, 23, 27, 31, 35, 39, 43, 47)),
)


def layout_of(blocks: Iterable[int], metadata: Mapping[str, str]) -> int | None:
    """Return the number of blocks that a LoRA was made for; None if it changes no block.

    Raises:
        LoraError: no model has as many, or a header contradicts the blocks.
    """
    highest = max(blocks, default=-1)
    if highest < 0:
        return None
    stated = metadata.get(BLOCKS_KEY) or (
        metadata.get("new_block_count") if "insertion_positions" not in metadata else None
    )
    if stated is not None:
        if not stated.isdecimal() or int(stated) <= highest:
            raise LoraError(f"header: {stated[:20]} blocks, and the LoRA changes block {highest}")
        return int(stated)
    expansion = Expansion.from_header(metadata)
    depths = {*DEPTHS, *((expansion.old, expansion.new) if expansion else ())}
    layout = min((depth for depth in depths if depth > highest), default=None)
    if layout is None:
        raise LoraError(f"changes block {highest}; the models have {', '.join(map(str, DEPTHS))} blocks")
    return layout


def block_map(old: int, new: int, expansions: Iterable[Expansion | None] = ()) -> dict[int, int]:
    """Return the new index of every block that both layouts have.

    Args:
        old, new: numbers of blocks.
        expansions: of headers; they win over the tables.

    Raises:
        LoraError: there is no known way from one to the other.
    """
    stated = [expansion for expansion in expansions if expansion is not None]
    known = {(item.old, item.new): item for item in (*TABLES, *reversed(stated))}
    steps = _steps(known, old, new)
    _check_against(stated, steps, known, new)
    places = {block: block for block in range(old)}
    for step, goes_up in steps:
        pairs = dict(enumerate(step.kept)) if goes_up else {place: index for index, place in enumerate(step.kept)}
        places = {block: pairs[place] for block, place in places.items() if place in pairs}
    return places


_Steps = list[tuple[Expansion, bool]]


def _steps(known: Mapping[tuple[int, int], Expansion], old: int, new: int) -> _Steps:
    """Return the shortest way between two depths: expansions, and whether each is taken upwards."""
    ways: list[tuple[int, _Steps]] = [(old, [])]
    seen = {old}
    for depth, steps in ways:
        if depth == new:
            return steps
        for (low, high), step in known.items():
            for start, end in ((low, high), (high, low)):
                is_towards = (end > start) == (new > old)
                if start == depth and end not in seen and is_towards:
                    seen.add(end)
                    ways.append((end, [*steps, (step, end > start)]))
    raise LoraError(f"no way is known from {old} to {new} blocks; expected {', '.join(map(str, DEPTHS))}")


def _check_against(
    stated: Iterable[Expansion], steps: _Steps, known: Mapping[tuple[int, int], Expansion], depth: int
) -> None:
    """Refuse a way by the tables to a model whose header says that it was made in another way."""
    for expansion in stated:
        if expansion.new != depth or any(step == expansion for step, _ in steps) or (expansion.old, depth) in _TABLED:
            continue
        places = {block: block for block in range(expansion.old)}
        others = {key: step for key, step in known.items() if step != expansion}
        for step, _ in _steps(others, expansion.old, depth):
            places = {block: step.kept[place] for block, place in places.items()}
        if tuple(places.values()) != expansion.kept:
            raise LoraError(
                f"the model's header leads from {expansion.old} to {depth} blocks at once, at other places than known; "
                f"a LoRA for a depth between them cannot be moved"
            )


_TABLED = {(table.old, table.new) for table in TABLES}


def fit_to_model(lora: Lora, blocks: int, expansion: Expansion | None) -> tuple[Lora, str]:
    """Return a LoRA for a model's number of blocks, and a line that says so if it was made for another.

    Args:
        lora: of any layout.
        blocks: of the model. A LoRA for a model of a size of its own, such as the demo model, stays as it is.
        expansion: of the model's header.

    Raises:
        LoraError: it cannot be moved.
    """
    indices = {block for module in lora.deltas if (block := block_of(module)) is not None}
    is_known = blocks in DEPTHS or (expansion is not None and blocks == expansion.new)
    if not indices or not is_known:
        return lora, ""
    try:
        own = Expansion.from_header(lora.metadata)
        layout = layout_of(indices, lora.metadata)
        if layout == blocks or layout is None or (blocks not in DEPTHS and max(indices) < blocks < layout):
            return lora, ""
        places = block_map(layout, blocks, (own, expansion))
    except LoraError as error:
        raise LoraError(f"{lora.path}: {error}") from None
    deltas, dropped = {}, set[int]()
    for module, delta in lora.deltas.items():
        block = block_of(module)
        if block is None or block in places:
            deltas[module if block is None else with_block(module, places[block])] = delta
        else:
            dropped.add(block)
    note = f"{lora.path.name}: was made for {layout} blocks; moved to the {blocks} blocks of this model"
    if dropped:
        note += f", without its {len(dropped)} inserted blocks ({len(lora.deltas) - len(deltas)} modules)"
    return replace(lora, deltas=deltas), note


@dataclass(frozen=True, slots=True)
class Remapped:
    """Names of a LoRA file in another layout.

    Attributes:
        old, new: numbers of blocks.
        names: new name by old name, of the tensors that stay.
        dropped: names of the tensors of inserted blocks, which the new layout has not.
        dropped_blocks: how many blocks those are.
    """

    old: int
    new: int
    names: dict[str, str]
    dropped: tuple[str, ...]
    dropped_blocks: int


def remap_names(names: Iterable[str], metadata: Mapping[str, str], to: int) -> Remapped:
    """Return the names of a LoRA's tensors for another number of blocks; every other name stays.

    Raises:
        LoraError: the layout cannot be told, or there is no way from it.
    """
    modules: dict[str, str] = {}
    for name in names:
        spelling_and_role = split_name(name)
        modules[name] = (find_module(spelling_and_role[0]) or "") if spelling_and_role else ""
    blocks = {name: block for name, module in modules.items() if (block := block_of(module)) is not None}
    layout = layout_of(blocks.values(), metadata)
    if layout is None:
        raise LoraError("changes no block of the DiT; it fits every number of blocks as it is")
    places = block_map(layout, to, [Expansion.from_header(metadata)]) if layout != to else {}
    renamed, dropped = {}, []
    for name in modules:
        block = blocks.get(name)
        if block is None or layout == to:
            renamed[name] = name
        elif block in places:
            renamed[name] = with_block(name, places[block])
        else:
            dropped.append(name)
    return Remapped(layout, to, renamed, tuple(dropped), len({blocks[name] for name in dropped}))

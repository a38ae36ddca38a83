"""LoRA files: reading one, and matching its names to the modules of Anima."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from anima_infer.checkpoint import WeightFile
from anima_infer.errors import LoraError
from anima_infer.lora.deltas import Delta
from anima_infer.lora.names import find_module, summarize
from anima_infer.lora.roles import other_algorithm, split_name
from anima_infer.lora.scales import CONFIG, PEFT_PREFIX, PeftScales, stated_scales


@dataclass(frozen=True, slots=True)
class Lora:
    """A LoRA file whose names are matched to the modules of Anima.

    Attributes:
        path: of the file.
        deltas: by module name (``dit:blocks.0.mlp.layer1``).
        metadata: header of the file.
        notes: what a user should know of the file, a line each.
    """

    path: Path
    deltas: dict[str, Delta]
    metadata: dict[str, str]
    notes: tuple[str, ...] = ()

    @classmethod
    def read(cls, path: str | Path) -> Lora:
        """Read a LoRA file.

        Raises:
            CheckpointError: it cannot be read.
            LoraError: it is not a LoRA, is for another model, or is of a kind that is not supported.
        """
        file = WeightFile.open(path)
        try:
            return cls._of(file)
        except LoraError as error:
            raise LoraError(f"{file.path}: {error}") from None

    @classmethod
    def _of(cls, file: WeightFile) -> Lora:
        algorithm = other_algorithm(file.shapes, file.metadata)
        if algorithm is not None:
            raise LoraError(f"contains {algorithm}, which is not supported; expected LoRA, LoHa, LoKr or DoRA")
        matched = match_tensors({name: lambda name=name: file.raw(name) for name in file})  # type: ignore[misc]
        deltas = matched.deltas
        if matched.unknown:
            raise LoraError(_describe_unknown(matched))
        if not deltas:
            raise LoraError("is not a LoRA; pass a file with lora_down, lora_A, hada or lokr weights")
        for module, delta in deltas.items():
            try:
                delta.check()
            except LoraError as error:
                raise LoraError(f"'{module}': {error}") from None
        scales = stated_scales(file.path, file, file.metadata)
        if scales is not None:
            _set_scales(matched, scales)
        return cls(file.path, deltas, file.metadata, tuple(_notes(file, deltas, scales)))


@dataclass(frozen=True, slots=True)
class MatchedTensors:
    """Tensors of a LoRA file by module.

    Attributes:
        deltas: by our module name.
        spellings: name of each module in the file.
        unknown: names that belong to no module of Anima, or to no role.
    """

    deltas: dict[str, Delta]
    spellings: dict[str, str]
    unknown: tuple[str, ...]


def match_tensors(tensors: Mapping[str, Callable[[], Tensor]]) -> MatchedTensors:
    """Match the names of a LoRA file to modules and roles.

    Raises:
        LoraError: two names mean the same tensor.
    """
    deltas: dict[str, Delta] = {}
    spellings: dict[str, str] = {}
    unknown: dict[str, None] = {}
    for name, read in tensors.items():
        module_and_role = split_name(name)
        module = None if module_and_role is None else find_module(module_and_role[0])
        if module_and_role is None or module is None:
            unknown[name if module_and_role is None else module_and_role[0]] = None
            continue
        spelling, role = module_and_role
        delta = deltas.setdefault(module, Delta())
        if role in delta.tensors:
            raise LoraError(f"contains '{role}' of '{module}' twice ({spelling}, {spellings[module]})")
        delta.tensors[role], spellings[module] = read(), spelling
    return MatchedTensors(deltas, spellings, tuple(unknown))


def _describe_unknown(matched: MatchedTensors) -> str:
    names, known = matched.unknown, len(matched.deltas)
    if known == 0:
        return f"all modules not found in Anima ({summarize(names)}); the LoRA seems to be for another model"
    count = f"{len(names)} module{'' if len(names) == 1 else 's'}"
    return (
        f"{count} not found in Anima ({summarize(names)}), and {known} found; "
        "the LoRA may be for another version, or mixed with one for another model"
    )


def _set_scales(matched: MatchedTensors, scales: PeftScales) -> None:
    """Set the stated scale of every module of low rank.

    Raises:
        LoraError: the file has an alpha of its own that says otherwise.
    """
    for module, delta in matched.deltas.items():
        if delta.kind != "LoRA" or delta.rank is None:
            continue
        stated = scales.scale_of(matched.spellings[module], module, delta.rank)
        if stated is None:
            continue
        if delta.alpha is not None and abs(delta.scale - stated) > 1e-4 * abs(stated):
            raise LoraError(
                f"{scales.source} states the scale {stated:g} for '{module}', and its alpha {delta.alpha:g} gives "
                f"{delta.scale:g}; remove one of them"
            )
        delta.stated_scale = stated


def _notes(file: WeightFile, deltas: Mapping[str, Delta], scales: PeftScales | None) -> list[str]:
    notes = []
    has_alpha = any(delta.alpha is not None for delta in deltas.values())
    if scales is None and not has_alpha and any(name.startswith(PEFT_PREFIX) for name in file):
        notes.append(f"no {CONFIG} beside the file; alpha = rank is assumed")
    without_effect = sum(delta.alpha == 0 and delta.rank is not None for delta in deltas.values())
    if without_effect:
        notes.append(f"alpha is 0 in {without_effect} of {len(deltas)} modules, which have no effect")
    return notes

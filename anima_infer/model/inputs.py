"""What the DiT is given beside the latents: conditioning, and what is computed of it and of the noise level once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from anima_infer.model.config import CONTEXT_ROWS
from anima_infer.model.layers import Modulation


@dataclass(frozen=True, slots=True)
class Conditioning:
    """Encoded prompts, as the adapter returns them.

    Attributes:
        rows: (B, n, width); shorter prompts end in zero rows.
        lengths: number of non-zero rows of each prompt.
        total: number of rows that the DiT was trained to see; those beyond ``lengths`` are zero and never computed.
    """

    rows: Tensor
    lengths: tuple[int, ...]
    total: int = CONTEXT_ROWS


def stack(conditionings: Sequence[Conditioning]) -> Conditioning:
    """Return several conditionings as one batch; shorter ones are padded with zero rows."""
    longest = max(item.rows.shape[1] for item in conditionings)
    rows = torch.cat([F.pad(item.rows, (0, 0, 0, longest - item.rows.shape[1])) for item in conditionings])
    lengths = tuple(length for item in conditionings for length in item.lengths)
    return Conditioning(rows, lengths, max(item.total for item in conditionings))


class KeysValues(NamedTuple):
    """Cross-attention keys and values of P prompts, one pair per block, each (P, heads, rows, d).

    ``bias`` is added to the scores: (P, 1, 1, rows), or None.
    """

    pairs: list[tuple[Tensor, Tensor]]
    bias: Tensor | None


class BlockModulation(NamedTuple):
    """The modulation of a block's three branches."""

    self_attn: Modulation
    cross_attn: Modulation
    mlp: Modulation


class LevelModulation(NamedTuple):
    """The modulation of every block, and shift and scale of the final layer, for B noise levels: (B, 1, D) each."""

    blocks: list[BlockModulation]
    final_shift: Tensor
    final_scale: Tensor

    def at(self, index: int) -> LevelModulation:
        """Return the modulation of one of the noise levels."""
        pick = slice(index, index + 1)
        blocks = [
            BlockModulation(*(Modulation(shift[pick], scale[pick], gate[pick]) for shift, scale, gate in block))
            for block in self.blocks
        ]
        return LevelModulation(blocks, self.final_shift[pick], self.final_scale[pick])

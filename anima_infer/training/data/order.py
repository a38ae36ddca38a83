"""The order in which a training sees its data: a function of seed and position, so that nothing has to be saved."""

from __future__ import annotations

import hashlib
import random
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache

from anima_infer.training.data.buckets import Size


@dataclass(frozen=True)
class BatchOrder:
    """Batches of images of one size, shuffled anew in every epoch.

    Attributes:
        sizes: of every image.
        repeats: times that each image is seen in an epoch.
        batch: images of a batch; the last one of a size may be smaller.
        seed: of the shuffling.
    """

    sizes: tuple[Size, ...]
    repeats: tuple[int, ...]
    batch: int
    seed: int

    def batches_per_epoch(self) -> int:
        """Return the number of batches of an epoch."""
        counts: dict[Size, int] = defaultdict(int)
        for size, repeats in zip(self.sizes, self.repeats, strict=True):
            counts[size] += repeats
        return sum(-(-count // self.batch) for count in counts.values())

    def at(self, number: int) -> tuple[int, ...]:
        """Return the indices of the images of a batch, counted from the start of the training."""
        epoch, position = divmod(number, self.batches_per_epoch())
        return _epoch(self, epoch)[position]


@lru_cache(maxsize=4)
def _epoch(order: BatchOrder, epoch: int) -> tuple[tuple[int, ...], ...]:
    source = random.Random(mixed(order.seed, "epoch", epoch))  # noqa: S311  no secret
    by_size: dict[Size, list[int]] = defaultdict(list)
    for index, (size, repeats) in enumerate(zip(order.sizes, order.repeats, strict=True)):
        by_size[size] += [index] * repeats
    batches = []
    for size in sorted(by_size):
        indices = by_size[size]
        source.shuffle(indices)
        batches += [tuple(indices[i : i + order.batch]) for i in range(0, len(indices), order.batch)]
    source.shuffle(batches)
    return tuple(batches)


def mixed(*parts: object) -> int:
    """Return a seed (63 bits) that depends on all parts."""
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:8], "big") >> 1

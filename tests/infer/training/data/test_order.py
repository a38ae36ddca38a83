"""The order of batches."""

from __future__ import annotations

from collections import Counter

from anima_infer.training.data.buckets import Size
from anima_infer.training.data.order import BatchOrder, mixed

WIDE, TALL = Size(96, 64), Size(64, 96)
ORDER = BatchOrder((WIDE, TALL, WIDE, WIDE), (1, 2, 1, 3), batch=2, seed=5)


def epoch(order: BatchOrder, number: int) -> list[tuple[int, ...]]:
    count = order.batches_per_epoch()
    return [order.at(number * count + index) for index in range(count)]


def test_an_epoch_has_every_image_as_often_as_it_repeats() -> None:
    assert ORDER.batches_per_epoch() == 3 + 1
    for number in range(5):
        batches = epoch(ORDER, number)
        assert Counter(index for batch in batches for index in batch) == {0: 1, 1: 2, 2: 1, 3: 3}
        for batch in batches:
            assert len({ORDER.sizes[index] for index in batch}) == 1, "one size a batch"


def test_epochs_differ_and_seeds_do_too() -> None:
    assert len({tuple(epoch(ORDER, number)) for number in range(10)}) > 5
    other = BatchOrder(ORDER.sizes, ORDER.repeats, ORDER.batch, 6)
    assert [epoch(ORDER, n) for n in range(4)] != [epoch(other, n) for n in range(4)]
    assert ORDER.at(17) == ORDER.at(17)


def test_seeds_are_mixed_from_all_parts() -> None:
    assert len({mixed(seed, kind, number) for seed in (0, 1) for kind in ("a", "b") for number in range(100)}) == 400
    assert all(0 <= mixed(number) < 2**63 for number in range(100))

"""A blind review: pairs in each voter's order, images under names that say nothing."""

from __future__ import annotations

import io
import secrets
import threading
from collections.abc import Hashable
from functools import lru_cache
from pathlib import Path
from typing import Any

from PIL import Image

from anima_infer.errors import GridError
from anima_infer.grid.store.contents import Grid
from anima_infer.grid.votes.pairs import Pair, find_pairs, shuffle_for
from anima_infer.grid.votes.votes import BAD, ONE, OTHER, TIE, Votes

_CHOICES = ("left", "right", TIE, BAD)


class Review:
    """What the server shows: pairs in each voter's order, images under names that say nothing."""

    def __init__(self, grid: Grid, axis: str | None = None) -> None:
        """Take a grid.

        Raises:
            GridError: no pair can be shown.
        """
        self.grid, self.votes = grid, Votes(grid.folder)
        self.pairs = find_pairs(grid, axis)
        if not self.pairs:
            raise GridError(f"{grid.folder}: has no two finished images that differ in one value; run the grid first")
        self._by_id: dict[str, tuple[Pair, bool]] = {}
        self._images: dict[str, Path] = {}
        self._names: dict[Hashable, str] = {}
        self._lock = threading.Lock()

    def next(self, voter: str, after: int = 0) -> dict[str, Any]:
        """Return the pair that a voter sees next, and how far the voter is; ``after`` looks further ahead."""
        done = self.votes.pairs_voted_by(voter)
        left = [(pair, one_left) for pair, one_left in shuffle_for(self.pairs, voter) if pair.key not in done]
        told: dict[str, Any] = {"done": len(self.pairs) - len(left), "total": len(self.pairs), "pair": None}
        if after < len(left):
            pair, one_left = left[after]
            cells = (pair.one, pair.other) if one_left else (pair.other, pair.one)
            with self._lock:
                names = [self._name_image(self.grid.image(cell)) for cell in cells]
                told["pair"] = {"id": self._identify(pair, one_left), "left": names[0], "right": names[1]}
        return told

    def vote(self, voter: str, pair_id: str, choice: str, seconds: float | None) -> bool:
        """Record a vote; False if the pair or the choice is unknown, or the vote is there already."""
        known = self._by_id.get(pair_id)
        if known is None or choice not in _CHOICES:
            return False
        pair, one_left = known
        if choice in ("left", "right"):
            choice = ONE if (choice == "left") == one_left else OTHER
        return self.votes.add(pair, choice, voter=voter, one_was_left=one_left, seconds=seconds)

    def image(self, name: str) -> bytes | None:
        """Return an image without its metadata, which would tell what it is."""
        path = self._images.get(name)
        return None if path is None else _bare(path)

    def _identify(self, pair: Pair, one_left: bool) -> str:  # noqa: FBT001  one of a pair's two facts
        name = self._name((*pair.key, one_left))
        self._by_id[name] = (pair, one_left)
        return name

    def _name_image(self, path: Path) -> str:
        name = self._name(path)
        self._images[name] = path
        return name

    def _name(self, value: Hashable) -> str:
        """Return the name of a value in addresses, always the same one; it says nothing of the value."""
        return self._names.setdefault(value, secrets.token_urlsafe(9))


@lru_cache(maxsize=32)
def _bare(path: Path) -> bytes:
    with Image.open(path) as image:
        buffer = io.BytesIO()
        image.convert("RGB").save(buffer, format="PNG", compress_level=1)
    return buffer.getvalue()

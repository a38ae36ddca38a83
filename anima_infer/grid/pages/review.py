"""A blind review: pairs in each voter's order, images under random names."""

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
from anima_infer.grid.votes.votes import BAD, FIRST, SECOND, TIE, Votes

_CHOICES = ("left", "right", TIE, BAD)


class Review:
    """State of a review: the pairs, and the random names under which the server shows them."""

    def __init__(self, grid: Grid, axis: str | None = None) -> None:
        """Review a grid; ``axis`` limits it to one axis.

        Raises:
            GridError: there are no pairs.
        """
        self.grid, self.votes = grid, Votes(grid.folder)
        self.pairs = find_pairs(grid, axis)
        if not self.pairs:
            raise GridError(
                f"{grid.folder}: no two finished images differ in one value alone; run 'anima-infer grid run' first"
            )
        self._by_id: dict[str, tuple[Pair, bool]] = {}
        self._images: dict[str, Path] = {}
        self._names: dict[Hashable, str] = {}
        self._lock = threading.Lock()

    def next_pair(self, voter: str, ahead: int) -> dict[str, Any]:
        """Return a voter's next pair and progress; ``ahead`` skips pairs, so that the page can load images early."""
        done = self.votes.pairs_voted_by(voter)
        remaining = [
            (pair, first_is_left) for pair, first_is_left in shuffle_for(self.pairs, voter) if pair.key not in done
        ]
        answer: dict[str, Any] = {"done": len(self.pairs) - len(remaining), "total": len(self.pairs), "pair": None}
        if ahead < len(remaining):
            pair, first_is_left = remaining[ahead]
            cells = (pair.first, pair.second) if first_is_left else (pair.second, pair.first)
            with self._lock:
                names = [self._name_image(self.grid.image_path(cell)) for cell in cells]
                answer["pair"] = {"id": self._identify(pair, first_is_left), "left": names[0], "right": names[1]}
        return answer

    def vote(self, voter: str, pair_id: str, choice: str, seconds: float | None) -> bool:
        """Record a vote; return False if pair or choice are unknown, or the voter has already voted on the pair."""
        entry = self._by_id.get(pair_id)
        if entry is None or choice not in _CHOICES:
            return False
        pair, first_is_left = entry
        if choice in ("left", "right"):
            choice = FIRST if (choice == "left") == first_is_left else SECOND
        return self.votes.add(pair, choice, voter=voter, first_was_left=first_is_left, seconds=seconds)

    def image(self, name: str) -> bytes | None:
        """Return an image as PNG without metadata, which would reveal its settings."""
        path = self._images.get(name)
        return None if path is None else _without_metadata(path)

    def _identify(self, pair: Pair, first_is_left: bool) -> str:  # noqa: FBT001  part of the identity
        name = self._name((*pair.key, first_is_left))
        self._by_id[name] = (pair, first_is_left)
        return name

    def _name_image(self, path: Path) -> str:
        name = self._name(path)
        self._images[name] = path
        return name

    def _name(self, value: Hashable) -> str:
        """Return the random name of a value in addresses; the same value always has the same name."""
        return self._names.setdefault(value, secrets.token_urlsafe(9))


@lru_cache(maxsize=32)
def _without_metadata(path: Path) -> bytes:
    with Image.open(path) as image:
        buffer = io.BytesIO()
        image.convert("RGB").save(buffer, format="PNG", compress_level=1)
    return buffer.getvalue()

"""Which projections are trained, and with which rank, alpha and learning rate.

Modules are named as in the release, those of the adapter with ``llm_adapter.`` before it and those of the text encoder
with ``text_encoder.``: ``blocks.0.self_attn.q_proj``, ``llm_adapter.blocks.0.mlp.2``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from anima_infer.errors import SettingsError

_ATTENTION = r"blocks\.\d+\.(self|cross)_attn\.(q|k|v|output)_proj"
_MLP = r"blocks\.\d+\.mlp\.layer[12]"
_MODULATION = r"blocks\.\d+\.adaln_modulation_(self_attn|cross_attn|mlp)\.[12]"
_ADAPTER = r"llm_adapter\.blocks\.\d+\.((self|cross)_attn\.(q|k|v|o)_proj|mlp\.[02])"

PRESETS: dict[str, str] = {
    "attn": _ATTENTION,
    "attn-mlp": f"{_ATTENTION}|{_MLP}",
    "all": f"{_ATTENTION}|{_MLP}|{_MODULATION}",
    "official": f"{_ATTENTION}|{_MLP}|{_MODULATION}|{_ADAPTER}",
}
"""Sets of projections; of the release's 28 blocks 224, 280 (sd-scripts), 448, and 508 (the author's LoRAs)."""

ADAPTER_PATTERN = _ADAPTER
TEXT_PATTERN = r"text_encoder\.layers\.\d+\.(self_attn\.(q|k|v|o)_proj|mlp\.(gate|up|down)_proj)"


@dataclass(frozen=True, slots=True)
class TargetRule:
    """Settings of the modules whose whole name matches; None leaves a setting as it is."""

    match: str
    """A regular expression."""

    rank: int | None = None
    alpha: float | None = None
    """0: as much as the rank."""

    rate: float | None = None
    """Learning rate; 0 leaves the modules out."""


@dataclass(frozen=True, slots=True)
class Target:
    """A projection to train."""

    name: str
    rank: int
    alpha: float
    rate: float


@dataclass(frozen=True, slots=True)
class Targets:
    """A choice of projections.

    Raises:
        SettingsError: the preset is unknown, or a pattern is not a regular expression.
    """

    preset: str = "attn-mlp"
    include: tuple[str, ...] = ()
    """Patterns of modules that are trained besides; they win over ``exclude``."""

    exclude: tuple[str, ...] = ()
    """Patterns of modules of the preset that are left out."""

    rules: tuple[TargetRule, ...] = ()
    """The first rule that matches a module sets its rank, alpha and learning rate."""

    def __post_init__(self) -> None:
        if self.preset not in PRESETS:
            raise SettingsError(f"preset of the targets is '{self.preset}'; expected one of {', '.join(PRESETS)}")
        for pattern in (*self.include, *self.exclude, *(rule.match for rule in self.rules)):
            _compiled(pattern)

    def select(self, names: Sequence[str], *, rank: int, alpha: float, rate: float) -> list[Target]:
        """Return the projections to train, in the order of the network.

        Args:
            names: of all projections that a network has.
            rank, alpha, rate: where no rule sets others.

        Raises:
            SettingsError: nothing is left, or a pattern matches no module.
        """
        for kind, patterns in (("include", self.include), ("exclude", self.exclude), ("rules", self._rule_patterns())):
            for pattern in patterns:
                if not any(_matches(pattern, name) for name in names):
                    raise SettingsError(
                        f"targets: no module matches '{pattern}' ({kind}); the pattern must match a whole name such as "
                        f"{names[0] if names else 'blocks.0.mlp.layer1'}"
                    )
        chosen = [self._target(name, rank=rank, alpha=alpha, rate=rate) for name in names if self._is_chosen(name)]
        chosen = [target for target in chosen if target.rate > 0]
        if not chosen:
            raise SettingsError("targets: nothing is left to train; take a preset, or exclude less")
        return chosen

    def _rule_patterns(self) -> Iterable[str]:
        return (rule.match for rule in self.rules)

    def _is_chosen(self, name: str) -> bool:
        if any(_matches(pattern, name) for pattern in self.include):
            return True
        return _matches(PRESETS[self.preset], name) and not any(_matches(pattern, name) for pattern in self.exclude)

    def _target(self, name: str, *, rank: int, alpha: float, rate: float) -> Target:
        rule = next((rule for rule in self.rules if _matches(rule.match, name)), None)
        if rule is None:
            return Target(name, rank, alpha or rank, rate)
        rank = rank if rule.rank is None else rule.rank
        alpha = alpha if rule.alpha is None else rule.alpha
        return Target(name, rank, alpha or rank, rate if rule.rate is None else rule.rate)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise SettingsError(f"targets: '{pattern}' is not a regular expression: {error}") from None


def _matches(pattern: str, name: str) -> bool:
    return _compiled(pattern).fullmatch(name) is not None

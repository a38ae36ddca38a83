"""Scales that stand outside the tensors: diffusers' header ``lora_adapter_metadata``, PEFT's ``adapter_config.json``.

Both are a PEFT configuration: the scale of a module is alpha / r, or alpha / sqrt(r) with ``use_rslora``; patterns give
single modules an r or alpha of their own.

Source: diffusers 0.42 (a component's name and a dot stand before every key of the header); PEFT (patterns, rs-LoRA).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anima_infer.errors import LoraError

HEADER = "lora_adapter_metadata"
CONFIG = "adapter_config.json"
PEFT_PREFIX = "base_model.model."
_COMPONENTS = ("transformer", "text_conditioner", "text_encoder")
_COMPONENT_OF = {"dit": "transformer", "adapter": "text_conditioner", "text": "text_encoder"}


@dataclass(frozen=True, slots=True)
class PeftScales:
    """A PEFT configuration, by component; ``source`` names the place that it is from."""

    source: str
    values: Mapping[str, Any]

    def scale_of(self, spelling: str, module: str, rank: int) -> float | None:
        """Return the scale of a module; None if nothing is stated for its component.

        Args:
            spelling: the module's name in the file.
            module: our name of it.
            rank: of its tensors.

        Raises:
            LoraError: the statement is malformed, or contradicts the tensors.
        """
        name = spelling.removeprefix(PEFT_PREFIX)
        component, _, rest = name.partition(".")
        if component not in _COMPONENTS:
            component, rest = _COMPONENT_OF[module.partition(":")[0]], name
        prefix = f"{component}." if any(key.startswith(f"{component}.") for key in self.values) else ""
        if f"{prefix}r" not in self.values and f"{prefix}lora_alpha" not in self.values:
            return None
        r = self._number(prefix, "r", "rank_pattern", rest)
        alpha = self._number(prefix, "lora_alpha", "alpha_pattern", rest)
        if r != rank:
            raise LoraError(f"{self.source}: r is {r:g} for '{spelling}', whose tensors have rank {rank}")
        return alpha / (math.sqrt(r) if self.values.get(f"{prefix}use_rslora") else r)

    def _number(self, prefix: str, key: str, pattern_key: str, name: str) -> float:
        patterns = self.values.get(prefix + pattern_key) or {}
        value = self.values.get(prefix + key)
        try:
            matches = (number for pattern, number in patterns.items() if re.fullmatch(rf"(?:.*\.)?(?:{pattern})", name))
            number = float(next(matches, value))  # type: ignore[arg-type]
        except (AttributeError, TypeError, ValueError, re.error):
            raise LoraError(f"{self.source}: {key} or {pattern_key} is malformed; expected numbers") from None
        if not math.isfinite(number) or (key == "r" and number <= 0):
            raise LoraError(f"{self.source}: {key} is {number:g}; expected a positive number")
        return number


def stated_scales(path: Path, names: Iterable[str], metadata: Mapping[str, str]) -> PeftScales | None:
    """Return the configuration in a file's header, or beside a file with PEFT's names; None if there is none.

    Raises:
        LoraError: it is malformed, or for another method than LoRA.
    """
    if HEADER in metadata:
        return PeftScales(f"header {HEADER}", _parse(metadata[HEADER], f"header {HEADER}"))
    config = path.with_name(CONFIG)
    if not any(name.startswith(PEFT_PREFIX) for name in names) or not config.is_file():
        return None
    try:
        text = config.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise LoraError(f"{CONFIG}: cannot be read ({error})") from None
    values = _parse(text, CONFIG)
    if values.get("peft_type", "LORA") != "LORA":
        raise LoraError(f"{CONFIG}: peft_type is '{values['peft_type']}'; expected LORA")
    return PeftScales(CONFIG, values)


def _parse(text: str, source: str) -> dict[str, Any]:
    try:
        values = json.loads(text)
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise LoraError(f"{source}: is not a JSON object; expected r and lora_alpha")
    return values

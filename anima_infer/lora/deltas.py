"""What a LoRA file contains for one module: LoRA, LoHa, LoKr, DoRA, full differences; their scale and their factors."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from anima_infer.errors import LoraError

_FORMS = {  # form to the roles that a file must have; LoKr has more than one way
    "LoRA": ({"down", "up"},),
    "LoHa": ({"hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"},),
    "LoKr": tuple(
        one | two
        for one in ({"lokr_w1"}, {"lokr_w1_a", "lokr_w1_b"})
        for two in ({"lokr_w2"}, {"lokr_w2_a", "lokr_w2_b"})
    ),
    "difference": ({"diff"},),
    "whole weight": ({"set_weight"},),
}
_FACTORS = {role for ways in _FORMS.values() for way in ways for role in way}
_CONVOLUTION = ("mid", "hada_t1", "hada_t2", "lokr_t2")


@dataclass(slots=True)
class Delta:
    """The tensors of one module in a LoRA file, by role (``up``, ``down``, ``alpha``, ...; see ``ROLES``).

    Attributes:
        tensors: as in the file.
        stated_scale: alpha / rank as a header or PEFT's ``adapter_config.json`` states it; None if nothing does.
    """

    tensors: dict[str, Tensor] = field(default_factory=dict)
    stated_scale: float | None = None

    @property
    def kind(self) -> str | None:
        """LoRA, LoHa, LoKr, difference or whole weight; None if only a bias changes."""
        given = self.tensors.keys() & _FACTORS
        return next((form for form, ways in _FORMS.items() if any(given >= way for way in ways)), None)

    @property
    def form(self) -> str:
        """The kind, for people: followed by "with DoRA" where there is a magnitude."""
        has_magnitude = not self.tensors.keys().isdisjoint(("dora_scale", "magnitude"))
        return f"{self.kind or 'difference'}{' with DoRA' if has_magnitude else ''}"

    @property
    def rank(self) -> int | None:
        """Inner size; None for a form that has none. That of LoKr is its second factor's if that has one."""
        role = {"LoRA": "down", "LoHa": "hada_w1_b"}.get(self.kind or "")
        if self.kind == "LoKr":
            role = next((f"{factor}_b" for factor in ("lokr_w2", "lokr_w1") if factor not in self.tensors), None)
        return None if role is None else self.tensors[role].shape[0]

    @property
    def alpha(self) -> float | None:
        """Numerator of the scale; None if the file has none."""
        return float(self.tensors["alpha"]) if "alpha" in self.tensors else None

    @property
    def scale(self) -> float:
        """Alpha / rank; 1 without alpha or rank, as for LoKr of two full factors. Alpha 0 gives 0, as in ComfyUI."""
        if self.stated_scale is not None and self.rank:
            return self.stated_scale
        return self.alpha / self.rank if self.alpha is not None and self.rank else 1.0

    def check(self) -> None:
        """Check what can be checked without the model's weight.

        Raises:
            LoraError: tensors are missing, contradict each other, or have values that cannot be used.
        """
        convolution = next((role for role in _CONVOLUTION if role in self.tensors), None)
        if convolution is not None:
            raise LoraError(f"'{convolution}' is for a convolution; the networks of Anima that take LoRAs have none")
        if "reshape_weight" in self.tensors:
            raise LoraError("'reshape_weight' changes the size of a weight; that is not supported")
        self._check_roles()
        for role, tensor in self.tensors.items():
            if not tensor.is_floating_point() and role != "alpha":
                raise LoraError(f"'{role}' has dtype {tensor.dtype}; expected a floating-point dtype")
            if not torch.isfinite(tensor.float()).all():
                raise LoraError(f"'{role}' contains values that are not finite; download the file again")
        if "alpha" in self.tensors and self.tensors["alpha"].numel() != 1:
            raise LoraError(f"'alpha' has shape {tuple(self.tensors['alpha'].shape)}; expected one number")
        if self.rank == 0:
            raise LoraError("the rank is 0; the file is damaged, download it again")

    def _check_roles(self) -> None:
        given = self.tensors.keys() & _FACTORS
        forms = [form for form, ways in _FORMS.items() if any(given & way for way in ways)]
        if len(forms) > 1:
            raise LoraError(f"contains {' and '.join(forms)}; expected one of them")
        if given and not any(given == way for form in forms for way in _FORMS[form]):
            is_part = self.kind is None
            raise LoraError(
                f"has only {', '.join(sorted(given))}; the file is incomplete"
                if is_part
                else f"has {', '.join(sorted(given))}, a factor twice; expected it either whole or as two"
            )
        if not given and "diff_b" not in self.tensors:
            raise LoraError(f"has only {', '.join(sorted(self.tensors))}; the file is incomplete")
        magnitudes = sorted(self.tensors.keys() & {"dora_scale", "magnitude"})
        if len(magnitudes) > 1:
            raise LoraError("has two magnitudes of DoRA; expected one")
        if magnitudes and self.kind not in ("LoRA", "LoHa", "LoKr"):
            raise LoraError(f"'{magnitudes[0]}' stands beside {self.form}; expected LoRA, LoHa or LoKr")
        if magnitudes == ["magnitude"] and self.kind != "LoRA":
            raise LoraError(f"a magnitude in the names of PEFT stands beside {self.kind}; only LoRA is known with one")

    def factors(self, shape: torch.Size) -> tuple[Tensor, Tensor]:
        """Return LoRA's ``up (out, r)`` and ``down (r, in)``, float32.

        Raises:
            LoraError: they do not fit a weight of this shape.
        """
        up, down = _matrix(self.tensors["up"]), _matrix(self.tensors["down"])
        _check_product(shape, (up.shape[0], down.shape[1]), inner=(up.shape[1], down.shape[0]))
        return up, down

    def kronecker(self, shape: torch.Size) -> tuple[Tensor, Tensor]:
        """Return LoKr's two factors, float32, each multiplied out.

        Raises:
            LoraError: they do not fit a weight of this shape.
        """
        one, two = self._whole("lokr_w1"), self._whole("lokr_w2")
        _check_product(shape, (one.shape[0] * two.shape[0], one.shape[1] * two.shape[1]))
        return one, two

    def hadamard(self, shape: torch.Size) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        """Return the two low-rank products whose elementwise product LoHa is, float32.

        Raises:
            LoraError: they do not fit a weight of this shape.
        """
        pairs = []
        for one, two in (("hada_w1_a", "hada_w1_b"), ("hada_w2_a", "hada_w2_b")):
            up, down = _matrix(self.tensors[one]), _matrix(self.tensors[two])
            _check_product(shape, (up.shape[0], down.shape[1]), inner=(up.shape[1], down.shape[0]))
            pairs.append((up, down))
        return pairs[0], pairs[1]

    def whole(self, role: str, shape: torch.Size) -> Tensor:
        """Return a full difference or whole weight, float32.

        Raises:
            LoraError: it has not the weight's shape.
        """
        if self.tensors[role].shape != shape:
            raise LoraError(f"'{role}' has shape {tuple(self.tensors[role].shape)}; {_EXPECTED.format(tuple(shape))}")
        return self.tensors[role].float()

    def _whole(self, role: str) -> Tensor:
        if role in self.tensors:
            return _matrix(self.tensors[role])
        one, two = _matrix(self.tensors[f"{role}_a"]), _matrix(self.tensors[f"{role}_b"])
        if one.shape[1] != two.shape[0]:
            raise LoraError(f"'{role}_a' {tuple(one.shape)} and '{role}_b' {tuple(two.shape)} do not fit each other")
        return one @ two


_EXPECTED = "sizes do not fit a weight of {}"


def _matrix(tensor: Tensor) -> Tensor:
    """Return a factor as a float32 matrix; that of a 1 x 1 convolution has two axes of 1 more."""
    if tensor.ndim < 2 or any(size != 1 for size in tensor.shape[2:]):
        raise LoraError(f"a factor has shape {tuple(tensor.shape)}; expected a matrix")
    return tensor.float().flatten(1)


def _check_product(shape: torch.Size, product: tuple[int, int], inner: tuple[int, int] = (0, 0)) -> None:
    if inner[0] != inner[1] or tuple(shape) != product:
        ranks = "" if inner[0] == inner[1] else f", ranks {inner[0]} and {inner[1]}"
        raise LoraError(f"{_EXPECTED.format(tuple(shape))} (the LoRA is for {product}{ranks})")

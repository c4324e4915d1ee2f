"""The checker of shapes itself: it sees untrue signatures, and leaves alone what a function refuses."""

from __future__ import annotations

import pytest
import torch
from jaxtyping import Float, TypeCheckError, jaxtyped
from torch import Tensor

from softaxes.geometry.axes import LineAxis

from .shapes import accepted_arrays


@jaxtyped(typechecker=accepted_arrays)
def halves(
    z: Float[Tensor, "N D"], *, wide: bool = False, bias: Float[Tensor, " D"] | None = None
) -> Float[Tensor, " N"]:
    if z.ndim != 2:
        raise ValueError("refused")
    return z if wide else z[:, 0] / 2


def test_what_is_returned_or_accepted_must_fit() -> None:
    z = torch.ones(3, 2)
    halves(z, bias=torch.ones(2))
    for wrong in ({"wide": True}, {"bias": torch.ones(3)}):
        with pytest.raises(TypeCheckError):
            halves(z, **wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeCheckError):
        halves(z.long())
    with pytest.raises(ValueError, match="refused"):
        halves(torch.ones(3))


def test_the_package_is_checked() -> None:
    assert hasattr(LineAxis.coordinate, "__wrapped__")

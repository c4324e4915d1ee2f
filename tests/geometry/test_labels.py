"""When are values read? Always on a CPU, once a shape elsewhere. Tensors without data stand for an accelerator's."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from softaxes.geometry.kinds import Circle, Line
from softaxes.geometry.labels import CHECK_VALUES, check_finite
from softaxes.losses.factorization import SoftFactorization, triplet_factorization_loss
from softaxes.losses.lejepa import lejepa, lejepa_article
from softaxes.losses.variance import scale_term

KINDS = (Line("pitch"), Circle("metre", 16), Circle("beat", 4, follows="metre"))
UNREADABLE = (RuntimeError, NotImplementedError)  # what torch raises where a tensor without data is read


def factorization(views: Tensor) -> Tensor:
    anchor = views[:, 0] + 1
    kind = torch.zeros(views.shape[:2], dtype=torch.long, device=views.device)
    loss = SoftFactorization(KINDS, across=1.0, size=1.0, drop_clipped=True)
    clipped = kind.bool()
    return loss(anchor=anchor, views=views, kind=kind, amount=kind.float() + 1, clipped=clipped).total


LOSSES: dict[str, Callable[[Tensor], Tensor]] = {
    "factorization": factorization,
    "triplets": lambda v: triplet_factorization_loss(v[:, 0], v[:, 1], v[:, 2], v[:, 0, 0]),
    "lejepa": lambda v: lejepa(v[:, 0], v[:, 1], step=1, amount=v[:, 0, 0], falloff=9.0),
    "lejepa_article": lambda v: lejepa_article(v[:, 0], v[:, 1], step=1),
    "scale_term": lambda v: scale_term(v[:, 0]),
}


@pytest.mark.parametrize("name", LOSSES)
def test_no_loss_reads_a_value_after_the_first_batch_of_a_shape(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: contextlib.nullcontext())  # which knows no such device
    views = torch.empty(len(name), 3, 7, device="meta", requires_grad=True)  # a shape of its own for each loss
    for _ in range(4):  # anchor, views, kind and amount are read once each
        try:
            LOSSES[name](views)
        except UNREADABLE:
            continue
    LOSSES[name](views).backward()
    assert views.grad is not None
    if name in ("factorization", "triplets"):
        with pytest.raises(UNREADABLE):
            LOSSES[name](torch.empty(len(name) + 20, 3, 7, device="meta"))
        monkeypatch.setenv(CHECK_VALUES, "1")
        with pytest.raises(UNREADABLE):
            LOSSES[name](views)


def test_on_a_cpu_every_batch_is_read() -> None:
    for _ in range(3):
        with pytest.raises(ValueError, match="`z` must be finite, got NaN or infinity"):
            check_finite("z", torch.tensor([math.nan]))
    check_finite("z", torch.tensor([3e38, 3e38]))  # whose sum overflows


def test_a_nan_that_no_check_reads_makes_the_loss_nan(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("softaxes.geometry.labels._values_are_read", lambda name, value: False)
    views = torch.randn(8, 3, 7)
    views[3, 1, 2] = math.nan
    for name, loss in LOSSES.items():
        assert name == "scale_term" or math.isnan(float(loss(views))), name
    assert math.isnan(float(scale_term(views[:, 1])))
